package device

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/ssss"
	"maunium.net/go/mautrix/crypto/utils"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// Errors of signing the bot's device that an administrator can do something about.
var (
	ErrRecoveryKeyNeeded = errors.New("the Matrix account has a cryptographic identity already, and its recovery key is not known")
	ErrRecoveryKeyWrong  = errors.New("the recovery key does not fit the Matrix account")
	ErrOtherIdentity     = errors.New("the account's secret storage holds the keys of another identity than the published one")
	ErrPasswordNeeded    = errors.New("the homeserver publishes cross-signing keys only for somebody who gives the account's password")
)

// sign makes others trust the bot's device: by an identity of its own if the account has none, else by the recovery key of
// the one that it has. An identity that exists is never replaced. It returns the device as it is afterwards, with one of the
// errors above or those of the homeserver.
func (b *Manager) sign(ctx context.Context, device Device) (_ Device, err error) {
	ctx, cancel := b.request(ctx)
	defer cancel()
	switch device.Trust {
	case TrustNoIdentity:
		err = b.createIdentity(ctx)
	case TrustUnsigned, TrustIdentityChanged:
		err = b.useIdentity(ctx, device)
	case Trusted:
		return device, b.keepIdentity(ctx, device)
	default:
		return device, nil
	}
	if err != nil {
		return device, err
	}
	// What others see decides, not what was sent.
	if device, err = b.Device(ctx); err != nil || device.Trust != Trusted {
		return device, err
	}
	b.log.Info().Stringer("device_id", device.ID).Msg("The bot's device is signed by its owner")
	if err = b.keepIdentity(ctx, device); err != nil {
		return device, err
	}
	_, err = b.crypto.Machine().FetchKeys(ctx, []id.UserID{b.cfg.UserID}, true)
	b.RememberIdentity(ctx)
	return device, err
}

// RememberIdentity has the crypto machine look up the account's identity, which mautrix otherwise does, without a lock, when
// it first judges a signed device: by several goroutines at once. It forgets it, without a lock too, when the account's own
// devices change; who judges a device at that moment may take it for one that was not judged yet.
func (b *Manager) RememberIdentity(ctx context.Context) {
	if _, err := b.crypto.Machine().GetOwnCrossSigningPublicKeys(ctx); err != nil && ctx.Err() == nil {
		b.log.Warn().Err(err).Msg("Failed to look up the bot's own identity")
	}
}

// keepIdentity remembers which identity has signed the device, and its recovery key for the next device.
func (b *Manager) keepIdentity(ctx context.Context, device Device) error {
	if err := b.db.Setting.Set(ctx, db.SettingMasterKey, device.master.String()); err != nil || b.cfg.RecoveryKey == "" {
		return err
	}
	storage, err := b.unlockStorage(ctx)
	if err != nil {
		return err
	}
	return b.db.Setting.SetSecret(ctx, db.SettingRecoveryKey, storage.RecoveryKey())
}

// createIdentity gives the account its first cross-signing keys. The recovery key is stored before anything is published:
// an identity whose recovery key is lost would be of no use.
func (b *Manager) createIdentity(ctx context.Context) error {
	mach := b.crypto.Machine()
	storage, isNew, err := b.openStorage(ctx)
	if err != nil {
		return err
	}
	// What an interrupted start has stored already, but not published, is used.
	keys := mach.CrossSigningKeys
	if !isNew {
		if err = mach.FetchCrossSigningKeysFromSSSS(ctx, storage); err == nil {
			keys = mach.CrossSigningKeys
		} else if !errors.Is(err, mautrix.MNotFound) {
			return fmt.Errorf("failed to read the secret storage: %w", err)
		}
	}
	if keys == nil {
		if keys, err = mach.GenerateCrossSigningKeys(); err != nil {
			return err
		} else if err = mach.UploadCrossSigningKeysToSSSS(ctx, storage, keys); err != nil {
			return fmt.Errorf("failed to fill the secret storage: %w", err)
		}
	}
	if err = mach.SSSS.SetDefaultKeyID(ctx, storage.ID); err != nil {
		return fmt.Errorf("failed to set up the secret storage: %w", err)
	}
	err = mach.PublishCrossSigningKeys(ctx, keys, b.passwordProof)
	var httpErr mautrix.HTTPError
	if errors.As(err, &httpErr) && httpErr.IsStatus(http.StatusUnauthorized) {
		return fmt.Errorf("%w: %w", ErrPasswordNeeded, err)
	} else if err != nil {
		return fmt.Errorf("failed to publish cross-signing keys: %w", err)
	}
	if b.cfg.RecoveryKey == "" {
		b.cfg.ShowRecoveryKey(storage.RecoveryKey())
	}
	return b.signWithIdentity(ctx)
}

// openStorage opens the account's secret storage, or makes one if it has none.
func (b *Manager) openStorage(ctx context.Context) (storage *ssss.Key, isNew bool, err error) {
	mach := b.crypto.Machine()
	storage, err = b.unlockStorage(ctx)
	if !errors.Is(err, ssss.ErrNoDefaultKeyID) {
		return storage, false, err
	}
	if configured := utils.DecodeBase58RecoveryKey(b.cfg.RecoveryKey); configured != nil {
		storage, err = ssss.WrapKey(configured, nil)
	} else {
		storage, err = ssss.NewKey("")
	}
	if err != nil {
		return nil, false, err
	}
	if err = b.db.Setting.SetSecret(ctx, db.SettingRecoveryKey, storage.RecoveryKey()); err != nil {
		return nil, false, err
	} else if err = mach.SSSS.SetKeyData(ctx, storage.ID, storage.Metadata); err != nil {
		return nil, false, fmt.Errorf("failed to make the secret storage: %w", err)
	}
	return storage, true, nil
}

// unlockStorage opens the account's secret storage with the recovery key of the configuration, or the one that was kept.
// It returns ErrRecoveryKeyNeeded if there is none, ErrRecoveryKeyWrong if it does not fit, ssss.ErrNoDefaultKeyID if there
// is no secret storage.
func (b *Manager) unlockStorage(ctx context.Context) (*ssss.Key, error) {
	kept, err := b.db.Setting.GetSecret(ctx, db.SettingRecoveryKey)
	if err != nil {
		return nil, err
	}
	return b.unlockStorageWith(ctx, b.cfg.RecoveryKey, kept)
}

// unlockStorageWith opens the account's secret storage with the first of some recovery keys that fits; some may be empty.
func (b *Manager) unlockStorageWith(ctx context.Context, recoveryKeys ...string) (*ssss.Key, error) {
	keyID, metadata, err := b.crypto.Machine().SSSS.GetDefaultKeyData(ctx)
	if err != nil {
		return nil, fmt.Errorf("failed to find the secret storage: %w", err)
	}
	err = ErrRecoveryKeyNeeded
	for _, recoveryKey := range recoveryKeys {
		if recoveryKey == "" {
			continue
		}
		storage, verifyErr := metadata.VerifyRecoveryKey(keyID, recoveryKey)
		if verifyErr == nil || errors.Is(verifyErr, ssss.ErrUnverifiableKey) { // then its use shows whether it fits
			return storage, nil
		}
		err = fmt.Errorf("%w: %w", ErrRecoveryKeyWrong, verifyErr)
	}
	return nil, err
}

// unlockIdentity is unlockStorage for an account that has an identity: without secret storage there is no way to it.
func (b *Manager) unlockIdentity(ctx context.Context) (*ssss.Key, error) {
	storage, err := b.unlockStorage(ctx)
	if errors.Is(err, ssss.ErrNoDefaultKeyID) {
		err = fmt.Errorf("%w: the account has no secret storage", ErrRecoveryKeyNeeded)
	}
	return storage, err
}

// useIdentity signs the device with the keys of the account's identity, which lie in its secret storage.
func (b *Manager) useIdentity(ctx context.Context, device Device) error {
	storage, err := b.unlockIdentity(ctx)
	if err != nil {
		return err
	}
	mach := b.crypto.Machine()
	err = mach.FetchCrossSigningKeysFromSSSS(ctx, storage)
	if errors.Is(err, ssss.ErrKeyDataMACMismatch) {
		return fmt.Errorf("%w: %w", ErrRecoveryKeyWrong, err)
	} else if errors.Is(err, mautrix.MNotFound) || errors.Is(err, ssss.ErrNotEncryptedForKey) {
		return fmt.Errorf("%w: it has no cross-signing keys", ErrOtherIdentity)
	} else if err != nil {
		return fmt.Errorf("failed to read the secret storage: %w", err)
	}
	public := mach.CrossSigningKeys.PublicKeys()
	if public.MasterKey != device.master || public.SelfSigningKey != device.selfSigning {
		mach.CrossSigningKeys = nil
		_, err = mach.FetchKeys(ctx, []id.UserID{b.cfg.UserID}, true) // or the machine would go on believing in it
		return errors.Join(ErrOtherIdentity, err)
	}
	return b.signWithIdentity(ctx)
}

// signWithIdentity has the identity sign the device, and the device the identity.
func (b *Manager) signWithIdentity(ctx context.Context) error {
	mach := b.crypto.Machine()
	if err := mach.SignOwnDevice(ctx, mach.OwnIdentity()); err != nil {
		return fmt.Errorf("failed to sign the device: %w", err)
	} else if err = mach.SignOwnMasterKey(ctx); err != nil {
		return fmt.Errorf("failed to sign the master key: %w", err)
	}
	return nil
}

// passwordProof answers a homeserver that wants to be sure who publishes keys (client-server API, "User-interactive
// authentication"). Newer ones ask only those who replace keys, which never happens here.
func (b *Manager) passwordProof(asked *mautrix.RespUserInteractive) any {
	if b.cfg.Password == "" {
		return nil
	}
	return map[string]any{
		"type": mautrix.AuthTypePassword, "session": asked.Session, "password": b.cfg.Password,
		"identifier": mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: b.cfg.UserID.String()},
	}
}
