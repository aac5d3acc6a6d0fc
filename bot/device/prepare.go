package device

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/ssss"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/words"
)

// Prepare logs in for a bot that is to run, repairs the device as far as possible, and has it signed. If the keys are
// lost, or the database is an older copy, it makes a new device; that takes the password.
//
// It returns the errors of Login. If no access token is configured and the device was never signed before, it also
// returns ErrRecoveryKeyNeeded, ErrRecoveryKeyWrong and ErrOtherIdentity, because an administrator is likely to see
// them at a first start. With a log-in by an OAuth 2.0 provider, these are a *ResetError. Other failures of signing are
// logged, and Maintain tries again.
func (m *Manager) Prepare(ctx context.Context) error {
	status, err := m.load(ctx)
	if errors.Is(err, ErrDeviceLost) {
		status, err = m.load(ctx) // an answer that was wrong for a moment should not cost the device
	}
	switch lost := errors.Is(err, ErrDeviceLost) || errors.Is(err, ErrRestored); {
	case lost && m.cfg.Password != "":
		m.log.Warn().Err(err).Msg("Making a new device")
		if errors.Is(err, ErrRestored) {
			m.receiveLastKeys(ctx)
		}
		status, err = m.renew(ctx)
	case errors.Is(err, ErrRestored):
		m.log.Warn().Err(err).Msg("Beginning new sessions with all devices; give the bot a new log-in to be safe")
		m.receiveLastKeys(ctx)
		status, err = m.beginAnew(ctx)
	}
	if err != nil {
		return err
	}
	// The generation does not cover what is encrypted by the keys of rooms: it would have to be raised for each
	// message. So no key is used beyond a start. With the older state of one, the bot would use message indexes a
	// second time, and clients refuse those.
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
	if before == "" && m.cfg.AccessToken == "" && needsAdmin(err) {
		return m.withResetAddress(ctx, err)
	}
	m.logTrust(ctx, status, err)
	m.trusted = status.Trust == Trusted
	// All keys are there before messages are decrypted by them: those that cannot be are reported to people.
	m.backup, m.nextBackup = nil, time.Time{}
	m.backupDue.Store(true)
	m.BackUpKeys(ctx)
	return nil
}

// needsAdmin reports whether a device stays unsigned until an administrator does something.
func needsAdmin(err error) bool {
	return errors.Is(err, ErrRecoveryKeyNeeded) || errors.Is(err, ErrRecoveryKeyWrong) || errors.Is(err, ErrOtherIdentity)
}

// logTrust logs a warning if others do not trust the device, or if its signature could not be kept for the next device.
func (m *Manager) logTrust(ctx context.Context, status Status, err error) {
	if status.Trust == Trusted && err == nil {
		return
	} else if status.Trust == Trusted {
		m.log.Warn().Err(err).Stringer("device_id", status.ID).Msg("The bot's device is signed, but the next one could not be")
		return
	}
	advice := string(status.Trust.Advice())
	if approval, ok := errors.AsType[*ResetError](err); ok {
		advice = words.Texts{}.AdviseApproval(approval.Address)
	} else if needsAdmin(err) || status.Trust == TrustBrokenIdentity {
		if address := m.resetAddress(ctx); address != "" {
			advice += "; " + words.Texts{}.ResetApproval(address)
		}
	}
	m.log.Warn().Err(err).Stringer("device_id", status.ID).Str("state", string(status.Trust.Words())).Str("hint", advice).
		Msg("Others see the bot's device as not trustworthy")
}

// Inspect returns how others see the device. It is for a bot that called Login only to try, and changes nothing.
//
// It returns ErrRestored if the database is an older copy, and ErrRecoveryKeyNeeded or ErrRecoveryKeyWrong if Prepare
// could not sign the device.
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
	_, status.BackupError = m.openBackup(ctx, false)
	if status.Trust == TrustNoIdentity && errors.Is(status.BackupError, ssss.ErrNoDefaultKeyID) {
		status.BackupError = errNoBackup // both will be made
	}
	status.Backup = backupOf(status.BackupError)
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

// load logs in and finds out what loading the keys does not show. It returns ErrRestored if the database is an older
// copy, and ErrDeviceLost if the homeserver does not accept keys of this device any more.
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

// receiveLastKeys receives the room keys that wait on the homeserver for a device whose sessions are out of date. They
// are lost for the next device. It is best effort: most of them can be decrypted if the copy is young. Nothing is sent
// by the sessions any more.
func (m *Manager) receiveLastKeys(ctx context.Context) {
	m.transport.retired.Store(true)
	ctx, cancel := m.request(ctx)
	defer cancel()
	since, err := m.db.Setting.Get(ctx, db.SettingNextBatch)
	for received := true; received && err == nil; {
		since, received, err = m.receiveKeys(ctx, since)
	}
	if err != nil {
		m.log.Warn().Err(err).Msg("Failed to receive the last keys of the old device")
	}
}

// lastKeysFilter leaves out everything but what devices have sent. The rooms are for the sync loop, which stores the
// token.
const lastKeysFilter = `{"presence":{"types":[]},"account_data":{"types":[]},"room":{"rooms":[]}}`

// receiveKeys receives what devices have sent after a sync token. It returns the token for the rest, and whether
// anything came.
func (m *Manager) receiveKeys(ctx context.Context, since string) (next string, received bool, err error) {
	query := map[string]string{"timeout": "0", "filter": lastKeysFilter}
	if since != "" {
		query["since"] = since
	}
	var answer struct {
		NextBatch string `json:"next_batch"`
		ToDevice  struct {
			Events []json.RawMessage `json:"events"`
		} `json:"to_device"`
	}
	_, err = m.client.MakeFullRequest(ctx, mautrix.FullRequest{
		Method: http.MethodGet, URL: m.client.BuildURLWithQuery(mautrix.ClientURLPath{"v3", "sync"}, query), ResponseJSON: &answer,
	})
	if err != nil {
		return "", false, fmt.Errorf("failed to ask for what devices have sent: %w", err)
	}
	for _, raw := range answer.ToDevice.Events {
		var evt event.Event
		if json.Unmarshal(raw, &evt) != nil || evt.Type.Type != event.ToDeviceEncrypted.Type {
			continue
		}
		evt.Type = event.ToDeviceEncrypted
		err = task.Guard(ctx, func() error { // a stranger wrote it
			if err := evt.Content.ParseRaw(evt.Type); err != nil {
				return err
			}
			m.crypto.Machine().HandleToDeviceEvent(ctx, &evt)
			return nil
		})
		if err != nil {
			m.log.Warn().Err(err).Msg("Ignored what a device has sent")
		}
	}
	return answer.NextBatch, len(answer.ToDevice.Events) > 0, nil
}

// beginAnew begins new sessions with all devices. What the crypto machine has in memory is forgotten too. The old
// sessions are forgotten before the published generation is adopted, after which the database is no older copy any
// more.
func (m *Manager) beginAnew(ctx context.Context) (Status, error) {
	if err := m.db.ForgetSessions(ctx); err != nil {
		return Status{}, err
	} else if err = m.adoptGeneration(ctx); err != nil {
		return Status{}, err
	} else if err = m.Login(ctx); err != nil {
		return Status{}, err
	}
	return m.Status(ctx)
}

// renew replaces the device by a new one, which cannot read what others encrypted for the old one only. If an older
// copy has taken the place of the database, the device that was used last goes as well: its keys are lost, and others
// would go on to encrypt for it.
func (m *Manager) renew(ctx context.Context) (Status, error) {
	if err := m.loginWithPassword(ctx); err != nil {
		return Status{}, err
	}
	old := m.client.DeviceID
	last, err := m.publishedGeneration(ctx)
	if err != nil {
		return Status{}, err
	} else if err = m.removeDevice(ctx); err != nil {
		return Status{}, err
	}
	if last.Device != "" && last.Device != old {
		if err = m.db.Setting.Set(ctx, db.SettingDevice, last.Device.String()); err != nil {
			return Status{}, err
		} else if err = m.loginWithPassword(ctx); err != nil {
			return Status{}, err
		} else if err = m.removeDevice(ctx); err != nil {
			return Status{}, err
		}
	}
	return m.load(ctx)
}

// removeDevice logs the device out and forgets it. A log-out deletes its device, without the proof of identity that
// deleting it from elsewhere takes.
func (m *Manager) removeDevice(ctx context.Context) error {
	request, cancel := m.request(ctx)
	defer cancel()
	if _, err := m.client.Logout(request); err != nil {
		return fmt.Errorf("failed to log the old device out: %w", err)
	}
	return m.db.ForgetDevice(ctx)
}
