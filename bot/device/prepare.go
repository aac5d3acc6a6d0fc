package device

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/ssss"

	"wazo-matrix-relay/db"
)

// Prepare logs in for a bot that is to run, repairs the device as far as possible, and has it signed. If the keys are lost, or
// the database is an older copy, it makes a new device; that takes the password.
//
// It returns the errors of Login. If there is a password and the device was never signed before, it also returns
// ErrRecoveryKeyNeeded, ErrRecoveryKeyWrong and ErrOtherIdentity, because an administrator is likely to see them at a first
// start. Other failures of signing are logged, and Maintain tries again.
func (m *Manager) Prepare(ctx context.Context) error {
	status, err := m.load(ctx)
	if errors.Is(err, ErrDeviceLost) {
		status, err = m.load(ctx) // an answer that was wrong for a moment should not cost the device
	}
	switch lost := errors.Is(err, ErrDeviceLost) || errors.Is(err, ErrRestored); {
	case lost && m.cfg.Password != "":
		m.log.Warn().Err(err).Msg("Making a new device")
		status, err = m.renew(ctx)
	case errors.Is(err, ErrRestored):
		m.log.Warn().Err(err).Msg("Beginning new sessions with all devices; give the bot the access token of a new log-in to be safe")
		if err = m.db.ForgetSessions(ctx); err == nil {
			status, err = m.Status(ctx)
		}
	}
	if err != nil {
		return err
	}
	// The generation does not reveal a copy that is only minutes old. With the older state of a room's key in it, the bot would
	// use message indexes a second time, and clients refuse those.
	if err = m.db.ForgetRoomKeys(ctx); err != nil {
		return err
	} else if err = m.db.ForgetWithheldSessions(ctx); err != nil {
		return err
	} else if err = m.raiseGeneration(ctx); err != nil {
		return err
	}
	before, err := m.db.Setting.Get(ctx, db.SettingMasterKey)
	if err != nil {
		return err
	}
	status, err = m.sign(ctx, status)
	if before == "" && m.cfg.Password != "" && needsAdmin(err) {
		return err
	}
	m.logTrust(status, err)
	return nil
}

// needsAdmin reports whether a device stays unsigned until an administrator does something.
func needsAdmin(err error) bool {
	return errors.Is(err, ErrRecoveryKeyNeeded) || errors.Is(err, ErrRecoveryKeyWrong) || errors.Is(err, ErrOtherIdentity)
}

// logTrust logs a warning if others do not trust the device, or if its signature could not be kept for the next device.
func (m *Manager) logTrust(status Status, err error) {
	if status.Trust == Trusted && err == nil {
		return
	} else if status.Trust == Trusted {
		m.log.Warn().Err(err).Stringer("device_id", status.ID).Msg("The bot's device is signed, but the next one could not be")
		return
	}
	m.log.Warn().Err(err).Stringer("device_id", status.ID).Str("state", status.Trust.Words()).Str("hint", status.Trust.Advice()).
		Msg("Others see the bot's device as not trustworthy")
}

// Inspect returns how others see the device. It is for a bot that called Login only to try, and changes nothing.
//
// It returns ErrRestored if the database is an older copy, and ErrRecoveryKeyNeeded or ErrRecoveryKeyWrong if Prepare could not
// sign the device.
func (m *Manager) Inspect(ctx context.Context) (Status, error) {
	status, err := m.Status(ctx)
	if err != nil {
		return status, err
	}
	if restored, err := m.isRestored(ctx); err != nil {
		return status, err
	} else if restored {
		return status, ErrRestored
	}
	ctx, cancel := m.request(ctx)
	defer cancel()
	switch {
	case status.Trust == TrustNoIdentity:
		if _, err = m.unlockStorage(ctx); errors.Is(err, ssss.ErrNoDefaultKeyID) {
			err = nil // it will be made
		}
	case status.Trust == TrustUnsigned, status.Trust == TrustIdentityChanged:
		_, err = m.unlockIdentity(ctx)
	}
	if err == nil && m.cfg.RecoveryKey != "" && status.Trust != TrustNoIdentity {
		_, err = m.unlockStorageWith(ctx, m.cfg.RecoveryKey) // one that was kept may fit all the same
	}
	return status, err
}

// load logs in and finds out what loading the keys does not show. It returns ErrRestored if the database is an older copy, and
// ErrDeviceLost if the homeserver does not accept keys of this device any more.
func (m *Manager) load(ctx context.Context) (status Status, err error) {
	if err = m.Login(ctx); err != nil {
		return status, err
	}
	if restored, err := m.isRestored(ctx); err != nil {
		return status, err
	} else if restored {
		return status, ErrRestored
	}
	if status, err = m.Status(ctx); err != nil {
		return status, err
	} else if status.Trust == TrustOtherKeys || status.Trust == TrustDeviceGone {
		return status, fmt.Errorf("%w: it is %s", ErrDeviceLost, status.Trust.Words())
	} else if status.OneTimeKeys > 0 {
		return status, nil
	}
	ctx, cancel := m.request(ctx)
	defer cancel()
	err = m.crypto.Machine().ShareKeys(ctx, 0)
	var httpErr mautrix.HTTPError
	if errors.As(err, &httpErr) && httpErr.IsStatus(http.StatusBadRequest) {
		err = fmt.Errorf("%w: no one-time keys are left, and new ones are refused: %w", ErrDeviceLost, err)
	} else if err != nil {
		err = fmt.Errorf("failed to upload one-time keys: %w", err)
	}
	return status, err
}

// renew replaces the device by a new one, which cannot read what others encrypted for the old one only.
func (m *Manager) renew(ctx context.Context) (Status, error) {
	// A log-out deletes its device, without the proof of identity that deleting it from elsewhere takes.
	if err := m.loginWithPassword(ctx); err != nil {
		return Status{}, err
	}
	request, cancel := m.request(ctx)
	defer cancel()
	if _, err := m.client.Logout(request); err != nil {
		return Status{}, fmt.Errorf("failed to log the old device out: %w", err)
	} else if err = m.db.ForgetDevice(ctx); err != nil {
		return Status{}, err
	}
	return m.load(ctx)
}
