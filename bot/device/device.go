package device

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/ssss"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// ErrRestored is returned by Inspect if the database is an older copy: others have seen later states of its keys.
var ErrRestored = errors.New("the database is an older copy than the one that was used last")

// Prepare is Login for a bot that is to run: it repairs what can be repaired, and has the device signed. Keys that are lost,
// or older than what others have seen of them, lead to a new device if there is a password for that. It returns the errors of
// Login, and those of signing if that never worked: then there is somebody to read them. Later ones are logged.
func (b *Manager) Prepare(ctx context.Context) error {
	device, err := b.loadDevice(ctx)
	if errors.Is(err, ErrDeviceLost) {
		device, err = b.loadDevice(ctx) // an answer that was wrong for a moment should not cost the device
	}
	switch lost := errors.Is(err, ErrDeviceLost) || errors.Is(err, ErrRestored); {
	case lost && b.cfg.Password != "":
		b.log.Warn().Err(err).Msg("Making a new device")
		device, err = b.renewDevice(ctx)
	case errors.Is(err, ErrRestored):
		b.log.Warn().Err(err).Msg("Beginning new sessions with all devices; give the bot the access token of a new log-in to be safe")
		if err = b.db.ForgetSessions(ctx); err == nil {
			device, err = b.Device(ctx)
		}
	}
	if err != nil {
		return err
	}
	// A copy that was brought back within minutes is not told from the current database: what is said with an older state of
	// a room's key would be refused as repeated.
	if err = b.db.ForgetRoomKeys(ctx); err != nil {
		return err
	} else if err = b.db.ForgetWithheldSessions(ctx); err != nil {
		return err
	} else if err = b.markAge(ctx); err != nil {
		return err
	}
	before, err := b.db.Setting.Get(ctx, db.SettingMasterKey)
	if err != nil {
		return err
	}
	device, err = b.sign(ctx, device)
	if before == "" && b.cfg.Password != "" && needsAdmin(err) {
		return err
	}
	b.logTrust(device, err)
	return nil
}

// needsAdmin reports whether a device stays unsigned until an administrator does something.
func needsAdmin(err error) bool {
	return errors.Is(err, ErrRecoveryKeyNeeded) || errors.Is(err, ErrRecoveryKeyWrong) || errors.Is(err, ErrOtherIdentity)
}

func (b *Manager) logTrust(device Device, err error) {
	if device.Trust == Trusted && err == nil {
		return
	} else if device.Trust == Trusted {
		b.log.Warn().Err(err).Stringer("device_id", device.ID).Msg("The bot's device is signed, but the next one could not be")
		return
	}
	b.log.Warn().Err(err).Stringer("device_id", device.ID).Str("state", device.Trust.Words()).Str("hint", device.Trust.Advice()).
		Msg("Others see the bot's device as not trustworthy")
}

// Inspect is for a bot that only tries: it changes nothing after Login. It returns how others see the device, with
// ErrRestored, or with why it could not be signed at a start.
func (b *Manager) Inspect(ctx context.Context) (Device, error) {
	device, err := b.Device(ctx)
	if err != nil {
		return device, err
	}
	if restored, err := b.isRestored(ctx); err != nil {
		return device, err
	} else if restored {
		return device, ErrRestored
	}
	ctx, cancel := b.request(ctx)
	defer cancel()
	switch {
	case device.Trust == TrustNoIdentity:
		if _, err = b.unlockStorage(ctx); errors.Is(err, ssss.ErrNoDefaultKeyID) {
			err = nil // it will be made
		}
	case device.Trust == TrustUnsigned, device.Trust == TrustIdentityChanged:
		_, err = b.unlockIdentity(ctx)
	}
	if err == nil && b.cfg.RecoveryKey != "" && device.Trust != TrustNoIdentity {
		_, err = b.unlockStorageWith(ctx, b.cfg.RecoveryKey) // one that was kept may fit all the same
	}
	return device, err
}

// loadDevice is Login, and finds out what loading the keys does not show. It returns ErrRestored, or ErrDeviceLost if the
// homeserver takes no keys of this device any more.
func (b *Manager) loadDevice(ctx context.Context) (device Device, err error) {
	if err = b.Login(ctx); err != nil {
		return device, err
	}
	if restored, err := b.isRestored(ctx); err != nil {
		return device, err
	} else if restored {
		return device, ErrRestored
	}
	if device, err = b.Device(ctx); err != nil {
		return device, err
	} else if device.Trust == TrustOtherKeys || device.Trust == TrustDeviceGone {
		return device, fmt.Errorf("%w: it is %s", ErrDeviceLost, device.Trust.Words())
	} else if device.OneTimeKeys > 0 {
		return device, nil
	}
	ctx, cancel := b.request(ctx)
	defer cancel()
	err = b.crypto.Machine().ShareKeys(ctx, 0)
	var httpErr mautrix.HTTPError
	if errors.As(err, &httpErr) && httpErr.IsStatus(http.StatusBadRequest) {
		err = fmt.Errorf("%w: no one-time keys are left, and new ones are refused: %w", ErrDeviceLost, err)
	} else if err != nil {
		err = fmt.Errorf("failed to upload one-time keys: %w", err)
	}
	return device, err
}

// renewDevice replaces the device by a new one. What others encrypted for the old one only cannot be read.
func (b *Manager) renewDevice(ctx context.Context) (Device, error) {
	// A log-out deletes its device, without the proof of identity that deleting it from elsewhere takes.
	if err := b.loginWithPassword(ctx); err != nil {
		return Device{}, err
	}
	request, cancel := b.request(ctx)
	defer cancel()
	if _, err := b.client.Logout(request); err != nil {
		return Device{}, fmt.Errorf("failed to log the old device out: %w", err)
	} else if err = b.db.ForgetDevice(ctx); err != nil {
		return Device{}, err
	}
	return b.loadDevice(ctx)
}

// ageData is the account data by which a database that was brought back from a backup is told from the current one.
const ageData = "io.wazo.relay.age"

type ageMark struct {
	Device id.DeviceID `json:"device"`
	Mark   int64       `json:"mark"`
}

// markAge counts up, first in the database and then on the homeserver, so that the homeserver knows of a higher count only if
// the database is an older copy.
func (b *Manager) markAge(ctx context.Context) error {
	mark, err := b.mark(ctx)
	if err != nil {
		return err
	}
	mark++
	if err = b.db.Setting.Set(ctx, db.SettingMark, strconv.FormatInt(mark, 10)); err != nil {
		return err
	}
	ctx, cancel := b.request(ctx)
	defer cancel()
	if err = b.client.SetAccountData(ctx, ageData, &ageMark{Device: b.client.DeviceID, Mark: mark}); err != nil {
		return fmt.Errorf("failed to note the age of the database: %w", err)
	}
	return nil
}

func (b *Manager) mark(ctx context.Context) (int64, error) {
	text, err := b.db.Setting.Get(ctx, db.SettingMark)
	if err != nil || text == "" {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// isRestored reports whether the database is an older copy of one that this device has used since.
func (b *Manager) isRestored(ctx context.Context) (bool, error) {
	mark, err := b.mark(ctx)
	if err != nil {
		return false, err
	}
	ctx, cancel := b.request(ctx)
	defer cancel()
	var noted ageMark
	err = b.client.GetAccountData(ctx, ageData, &noted)
	if errors.Is(err, mautrix.MNotFound) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("failed to read the age of the database: %w", err)
	}
	return noted.Device == b.client.DeviceID && noted.Mark > mark, nil
}

// How often a running bot looks after its device, after a failure, and how often it notes how old its database is.
const (
	tendInterval = time.Hour
	tendAgain    = time.Minute
	markInterval = 5 * time.Minute
)

// NoteKeyUse notes that keys were used: the database is older than what others have seen from now on.
func (b *Manager) NoteKeyUse() { b.usedKeys.Store(true) }

// MarkIfDue notes now and then how old the database is, if keys were used.
func (b *Manager) MarkIfDue(ctx context.Context) {
	if time.Now().Before(b.nextMark) || !b.usedKeys.Swap(false) {
		return
	}
	b.nextMark = time.Now().Add(markInterval)
	if err := b.markAge(ctx); err != nil && ctx.Err() == nil {
		b.log.Warn().Err(err).Msg("Failed to note the age of the database")
	}
}

// MaintenanceDue reports whether it is time to look after the device.
func (b *Manager) MaintenanceDue() bool { return time.Now().After(b.nextTend) }

// Maintain makes others trust the device again if they do not any more, as far as that is possible. Nothing may be sent
// meanwhile: the crypto machine changes its identity without a lock.
func (b *Manager) Maintain(ctx context.Context) {
	device, err := b.repairDevice(ctx)
	b.nextTend = time.Now().Add(tendInterval)
	if err != nil {
		b.nextTend = time.Now().Add(tendAgain)
	}
	if ctx.Err() == nil {
		b.logTrust(device, err)
	}
}

func (b *Manager) repairDevice(ctx context.Context) (Device, error) {
	device, err := b.Device(ctx)
	if err == nil && device.Trust == TrustDeviceGone {
		// Somebody deleted the device, and a log-in made it again, without keys.
		b.log.Warn().Stringer("device_id", device.ID).Msg("The homeserver has lost the device's keys, uploading them again")
		if err = b.shareAgain(ctx); err == nil {
			device, err = b.Device(ctx)
		}
	}
	if err != nil {
		return device, err
	}
	return b.sign(ctx, device)
}

// shareAgain uploads the keys of a device of which the homeserver knows nothing.
func (b *Manager) shareAgain(ctx context.Context) error {
	ctx, cancel := b.request(ctx)
	defer cancel()
	mach := b.crypto.Machine()
	mach.GetAccount().Shared = false
	if err := mach.ShareKeys(ctx, 0); err != nil {
		return fmt.Errorf("failed to upload keys: %w", err)
	}
	return nil
}
