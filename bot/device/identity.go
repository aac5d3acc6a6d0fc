package device

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/ssss"
	"maunium.net/go/mautrix/crypto/utils"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// sign makes others trust the device. If the account has no identity, it creates one; otherwise it uses the identity
// that exists, with the recovery key, and never replaces it. It returns the device as it is afterwards, with an error
// of signing or of the homeserver if there was one.
func (m *Manager) sign(ctx context.Context, status Status) (_ Status, err error) {
	ctx, cancel := m.request(ctx)
	defer cancel()
	switch status.Trust {
	case TrustNoIdentity:
		err = m.createIdentity(ctx)
	case TrustUnsigned, TrustIdentityChanged:
		err = m.useIdentity(ctx, status)
	case Trusted:
		return status, m.keepIdentity(ctx, status)
	default:
		return status, nil
	}
	if err != nil {
		return status, err
	}
	// What others see decides, not what was sent.
	if status, err = m.Status(ctx); err != nil || status.Trust != Trusted {
		return status, err
	}
	m.log.Info().Stringer("device_id", status.ID).Msg("The bot's device is signed by its owner")
	if err = m.keepIdentity(ctx, status); err != nil {
		return status, err
	}
	_, err = m.crypto.Machine().FetchKeys(ctx, []id.UserID{m.cfg.UserID}, true)
	m.CacheIdentity(ctx)
	return status, err
}

// CacheIdentity has the crypto machine look up the account's identity before several goroutines need it at once:
// mautrix does so without a lock when it first judges a signed device, and forgets the identity, again without a lock,
// when the account's own devices change (docs/matrix.md, "Cross-signing"). The bot therefore calls this after each
// answer of /sync. A failure is logged.
func (m *Manager) CacheIdentity(ctx context.Context) {
	if _, err := m.crypto.Machine().GetOwnCrossSigningPublicKeys(ctx); err != nil && ctx.Err() == nil {
		m.log.Warn().Err(err).Msg("Failed to look up the bot's own identity")
	}
}

// keepIdentity stores which identity has signed the device. If a recovery key is configured, it also stores the one
// that fits, for the next device.
func (m *Manager) keepIdentity(ctx context.Context, status Status) error {
	if err := m.db.Setting.Set(ctx, db.SettingMasterKey, status.master.String()); err != nil || m.cfg.RecoveryKey == "" {
		return err
	}
	storage, err := m.unlockStorage(ctx)
	if err != nil {
		return err
	}
	return m.db.Setting.SetSecret(ctx, db.SettingRecoveryKey, storage.RecoveryKey())
}

// createIdentity creates the account's identity and signs the device with it. The recovery key is stored before
// anything is published: nobody could use an identity whose recovery key is lost. It returns the errors of
// publishIdentity.
func (m *Manager) createIdentity(ctx context.Context) error {
	mach := m.crypto.Machine()
	storage, isNew, err := m.openStorage(ctx)
	if err != nil {
		return err
	}
	// An interrupted start may have stored an identity and not published it. Then it is used.
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
	if err = m.publishIdentity(ctx, keys); err != nil {
		return err
	}
	if m.cfg.RecoveryKey == "" {
		m.cfg.ShowRecoveryKey(storage.RecoveryKey())
	}
	return m.signWithIdentity(ctx)
}

// openStorage opens the account's secret storage, or makes one if the account has none.
func (m *Manager) openStorage(ctx context.Context) (storage *ssss.Key, isNew bool, err error) {
	mach := m.crypto.Machine()
	storage, err = m.unlockStorage(ctx)
	if !errors.Is(err, ssss.ErrNoDefaultKeyID) {
		return storage, false, err
	}
	if configured := utils.DecodeBase58RecoveryKey(m.cfg.RecoveryKey); configured != nil {
		storage, err = ssss.WrapKey(configured, nil)
	} else {
		storage, err = ssss.NewKey("")
	}
	if err != nil {
		return nil, false, err
	}
	if err = m.db.Setting.SetSecret(ctx, db.SettingRecoveryKey, storage.RecoveryKey()); err != nil {
		return nil, false, err
	} else if err = mach.SSSS.SetKeyData(ctx, storage.ID, storage.Metadata); err != nil {
		return nil, false, fmt.Errorf("failed to make the secret storage: %w", err)
	}
	return storage, true, nil
}

// unlockStorage opens the account's secret storage with the configured recovery key or the kept one. It returns
// ErrRecoveryKeyNeeded if there is no recovery key, ErrRecoveryKeyWrong if none fits, and ssss.ErrNoDefaultKeyID if the
// account has no secret storage.
func (m *Manager) unlockStorage(ctx context.Context) (*ssss.Key, error) {
	kept, err := m.db.Setting.GetSecret(ctx, db.SettingRecoveryKey)
	if err != nil {
		return nil, err
	}
	return m.unlockStorageWith(ctx, m.cfg.RecoveryKey, kept)
}

// unlockStorageWith opens the account's secret storage with the first of some recovery keys that fits; some may be
// empty.
func (m *Manager) unlockStorageWith(ctx context.Context, recoveryKeys ...string) (*ssss.Key, error) {
	keyID, metadata, err := m.crypto.Machine().SSSS.GetDefaultKeyData(ctx)
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

// unlockIdentity is unlockStorage for an account that has an identity. If there is no secret storage, nobody can use
// that identity: it returns ErrRecoveryKeyNeeded.
func (m *Manager) unlockIdentity(ctx context.Context) (*ssss.Key, error) {
	storage, err := m.unlockStorage(ctx)
	if errors.Is(err, ssss.ErrNoDefaultKeyID) {
		err = fmt.Errorf("%w: the account has no secret storage", ErrRecoveryKeyNeeded)
	}
	return storage, err
}

// useIdentity signs the device with the identity that the account has, whose private keys are in its secret storage. It
// returns the errors of unlockIdentity, and ErrOtherIdentity if the keys there are not those of the published identity.
func (m *Manager) useIdentity(ctx context.Context, status Status) error {
	storage, err := m.unlockIdentity(ctx)
	if err != nil {
		return err
	}
	mach := m.crypto.Machine()
	err = mach.FetchCrossSigningKeysFromSSSS(ctx, storage)
	if errors.Is(err, ssss.ErrKeyDataMACMismatch) {
		return fmt.Errorf("%w: %w", ErrRecoveryKeyWrong, err)
	} else if errors.Is(err, mautrix.MNotFound) || errors.Is(err, ssss.ErrNotEncryptedForKey) {
		return fmt.Errorf("%w: it has no cross-signing keys", ErrOtherIdentity)
	} else if err != nil {
		return fmt.Errorf("failed to read the secret storage: %w", err)
	}
	public := mach.CrossSigningKeys.PublicKeys()
	if public.MasterKey != status.master || public.SelfSigningKey != status.selfSigning {
		mach.CrossSigningKeys = nil
		_, err = mach.FetchKeys(ctx, []id.UserID{m.cfg.UserID}, true) // or the machine would go on believing in it
		return errors.Join(ErrOtherIdentity, err)
	}
	return m.signWithIdentity(ctx)
}

// signWithIdentity signs the device with the identity, and the identity with the device.
func (m *Manager) signWithIdentity(ctx context.Context) error {
	mach := m.crypto.Machine()
	if err := mach.SignOwnDevice(ctx, mach.OwnIdentity()); err != nil {
		return fmt.Errorf("failed to sign the device: %w", err)
	} else if err = mach.SignOwnMasterKey(ctx); err != nil {
		return fmt.Errorf("failed to sign the master key: %w", err)
	}
	return nil
}

// publishIdentity publishes the keys of a new identity. Newer homeservers ask for no proof, unless keys are replaced
// (MSC3967), which never happens here. It returns ErrPasswordNeeded if the homeserver wants a password and there is
// none, and a *ResetError that is ErrApprovalNeeded if the account's owner has to approve it.
func (m *Manager) publishIdentity(ctx context.Context, keys *crypto.CrossSigningKeysCache) error {
	var approveAt string
	err := m.crypto.Machine().PublishCrossSigningKeys(ctx, keys, func(asked *mautrix.RespUserInteractive) any {
		approveAt = approvalAddress(asked)
		return m.passwordProof(asked)
	})
	var httpErr mautrix.HTTPError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &httpErr) || !httpErr.IsStatus(http.StatusUnauthorized):
		return fmt.Errorf("failed to publish cross-signing keys: %w", err)
	case approveAt != "":
		return &ResetError{approveAt, fmt.Errorf("%w: %w", ErrApprovalNeeded, err)}
	default:
		return fmt.Errorf("%w: %w", ErrPasswordNeeded, err)
	}
}

// passwordProof answers a homeserver that asks for the password before it publishes keys (client-server API,
// "User-Interactive Authentication API"). It returns nil if there is no password, or if the homeserver wants another
// proof.
func (m *Manager) passwordProof(asked *mautrix.RespUserInteractive) any {
	if m.cfg.Password == "" || approvalAddress(asked) != "" {
		return nil
	}
	return map[string]any{
		"type": mautrix.AuthTypePassword, "session": asked.Session, "password": m.cfg.Password,
		"identifier": mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: m.cfg.UserID.String()},
	}
}
