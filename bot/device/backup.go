package device

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/backup"
	"maunium.net/go/mautrix/crypto/olm"
	"maunium.net/go/mautrix/crypto/signatures"
	"maunium.net/go/mautrix/crypto/ssss"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/words"
)

// Backup is what becomes of the room keys that the bot receives. The package comment says what to do in each case.
type Backup int32

// What can become of room keys.
const (
	BackupUnknown  Backup = iota // it was not tried yet
	BackupUsed                   // the account's key backup is used
	BackupNone                   // the account has no key backup, and the bot may not make one while its device is not signed
	BackupLocked                 // the secret storage, where the key of the backup belongs, cannot be opened
	BackupForeign                // the account's key backup cannot be used: its key is not in the secret storage
	BackupDisabled               // somebody has switched the key backup of the account off
	BackupFailing                // the homeserver or the database fails
)

// Words describes the key backup in words for a chat or for an administrator.
func (b Backup) Words() words.KeyBackup {
	return words.KeyBackup{
		State: map[Backup]words.Phrase{
			BackupUnknown: words.BackupUnknown, BackupUsed: words.BackupUsed, BackupNone: words.BackupNone, BackupLocked: words.BackupLocked,
			BackupForeign: words.BackupForeign, BackupDisabled: words.BackupDisabled, BackupFailing: words.BackupFailing,
		}[b],
		Advice: map[Backup]words.Phrase{
			BackupLocked: words.AdviseRecoveryKey, BackupForeign: words.AdviseBackupKey, BackupFailing: words.AdviseBackupLog,
		}[b],
	}
}

var (
	errNoBackup       = errors.New("the account has no key backup")
	errBackupForeign  = errors.New("the key of the account's key backup is not in its secret storage")
	errBackupDisabled = errors.New("the key backup of the account is switched off")
)

// backupOf returns what an error of the key backup means.
func backupOf(err error) Backup {
	switch {
	case err == nil:
		return BackupUsed
	case errors.Is(err, errNoBackup):
		return BackupNone
	case errors.Is(err, ErrRecoveryKeyNeeded), errors.Is(err, ErrRecoveryKeyWrong), errors.Is(err, ssss.ErrNoDefaultKeyID):
		return BackupLocked
	case errors.Is(err, errBackupForeign):
		return BackupForeign
	case errors.Is(err, errBackupDisabled):
		return BackupDisabled
	}
	return BackupFailing
}

// keyBackup is a version of the account's key backup that can be used.
type keyBackup struct {
	version id.KeyBackupVersion
	key     *backup.MegolmBackupKey
}

const (
	// backupPatience is how long the sync loop is held up by uploads of keys.
	backupPatience = 10 * time.Second
	// backupBatch is how many keys are uploaded at once.
	backupBatch = 100
)

// BackUpKeys uploads room keys that are not backed up, if there may be some. After a start it also fetches all keys, if
// that has not been done for this device. Its success is not certain: then it tries again after a minute, or an hour if
// an administrator has to do something. What becomes of the keys is logged when it changes. Only the sync loop may call
// it.
//
// It is called after what an answer of /sync has brought is stored, and before the next one, by which the homeserver
// forgets it.
func (m *Manager) BackUpKeys(ctx context.Context) {
	if !m.backupDue.Load() || time.Now().Before(m.nextBackup) {
		return
	}
	m.backupDue.Store(false)
	err := m.tryBackup(ctx)
	if ctx.Err() != nil {
		return // the next start does it
	}
	m.noteBackup(err)
	if err != nil {
		m.backupDue.Store(true)
		m.nextBackup = time.Now().Add(maintenanceInterval)
		if backupOf(err) == BackupFailing {
			m.nextBackup = time.Now().Add(maintenanceRetry)
		}
	}
}

// Backup returns what becomes of room keys. It may be called at any time.
func (m *Manager) Backup() Backup { return Backup(m.backupState.Load()) }

// noteBackup notes what became of the key backup, and logs it if that is news.
func (m *Manager) noteBackup(err error) {
	now := backupOf(err)
	before := Backup(m.backupState.Swap(int32(now)))
	switch shown := now.Words(); {
	case now == before:
	case now == BackupUsed:
		m.log.Info().Stringer("version", m.backup.version).Msg("Room keys are backed up on the homeserver")
	case now == BackupDisabled:
		m.log.Info().Str("state", string(shown.State)).Msg("Room keys are not backed up on the homeserver")
	default:
		m.log.Warn().Err(err).Str("state", string(shown.State)).Str("hint", string(shown.Advice)).Msg("Room keys are not backed up on the homeserver")
	}
}

func (m *Manager) tryBackup(ctx context.Context) (err error) {
	if m.backup == nil {
		if m.backup, err = m.openBackup(ctx, m.trusted); err != nil {
			return err
		}
	}
	if err = m.fetchKeys(ctx); err == nil {
		err = m.uploadKeys(ctx)
	}
	if errors.Is(err, mautrix.MWrongRoomKeysVersion) || errors.Is(err, mautrix.MNotFound) {
		m.backup = nil // another client has made a new version, or deleted this one
	}
	return err
}

// openBackup opens the latest version of the account's key backup. If the account has none and create is set, it makes
// one. It uses a version of another client only if the key in the secret storage fits, and never replaces one.
func (m *Manager) openBackup(ctx context.Context, create bool) (*keyBackup, error) {
	ctx, cancel := m.request(ctx)
	defer cancel()
	storage, err := m.unlockStorage(ctx)
	if err != nil {
		return nil, err
	}
	key, err := m.backupKey(ctx, storage)
	if err != nil {
		return nil, err
	}
	latest, err := m.client.GetKeyBackupLatestVersion(ctx)
	switch {
	case errors.Is(err, mautrix.MNotFound) && !create:
		return nil, errNoBackup
	case errors.Is(err, mautrix.MNotFound):
		return m.createBackup(ctx, storage, key)
	case err != nil:
		return nil, fmt.Errorf("failed to find the key backup: %w", err)
	case latest.Algorithm != id.KeyBackupAlgorithmMegolmBackupV1, key == nil, latest.AuthData.PublicKey != publicKeyOf(key):
		return nil, errBackupForeign
	}
	return &keyBackup{latest.Version, key}, nil
}

// publicKeyOf returns the public key of a backup as it is written. mautrix has the type of a signing key for it.
func publicKeyOf(key *backup.MegolmBackupKey) id.Ed25519 {
	return id.Ed25519(base64.RawStdEncoding.EncodeToString(key.PublicKey().Bytes()))
}

// backupKey returns the key of the backup in the secret storage, nil if there is none.
func (m *Manager) backupKey(ctx context.Context, storage *ssss.Key) (*backup.MegolmBackupKey, error) {
	secret, err := m.crypto.Machine().SSSS.GetDecryptedAccountData(ctx, event.AccountDataMegolmBackupKey, storage)
	switch {
	case errors.Is(err, mautrix.MNotFound), errors.Is(err, ssss.ErrNotEncryptedForKey):
		return nil, nil
	case errors.Is(err, ssss.ErrKeyDataMACMismatch):
		return nil, fmt.Errorf("%w: %w", ErrRecoveryKeyWrong, err)
	case err != nil:
		return nil, fmt.Errorf("failed to read the key of the key backup: %w", err)
	}
	key, err := backup.MegolmBackupKeyFromBytes(secret)
	if err != nil {
		return nil, nil // it fits no version
	}
	return key, nil
}

// createBackup makes the account's key backup. The key is stored first, because nobody could read a backup whose key is
// lost; an interrupted start may have stored one already.
func (m *Manager) createBackup(ctx context.Context, storage *ssss.Key, key *backup.MegolmBackupKey) (*keyBackup, error) {
	if disabled, err := m.backupIsDisabled(ctx); err != nil {
		return nil, err
	} else if disabled {
		return nil, errBackupDisabled
	}
	if key == nil {
		var err error
		if key, err = backup.NewMegolmBackupKey(); err != nil {
			return nil, fmt.Errorf("failed to make the key of the key backup: %w", err)
		}
		err = m.crypto.Machine().SSSS.SetEncryptedAccountData(ctx, event.AccountDataMegolmBackupKey, key.Bytes(), storage)
		if err != nil {
			return nil, fmt.Errorf("failed to store the key of the key backup: %w", err)
		}
	}
	auth := backup.MegolmAuthData{PublicKey: publicKeyOf(key)}
	if err := m.signBackup(ctx, storage, &auth); err != nil {
		return nil, err
	}
	created, err := m.client.CreateKeyBackupVersion(ctx, &mautrix.ReqRoomKeysVersionCreate[backup.MegolmAuthData]{
		Algorithm: id.KeyBackupAlgorithmMegolmBackupV1, AuthData: auth,
	})
	if err != nil {
		return nil, fmt.Errorf("failed to make the key backup: %w", err)
	}
	return &keyBackup{created.Version, key}, nil
}

// signBackup signs a key backup by the device and by the account's identity, so that other clients of the account trust
// it.
func (m *Manager) signBackup(ctx context.Context, storage *ssss.Key, auth *backup.MegolmAuthData) error {
	mach := m.crypto.Machine()
	byDevice, err := mach.GetAccount().SignJSON(auth)
	if err != nil {
		return fmt.Errorf("failed to sign the key backup: %w", err)
	}
	seed, err := mach.SSSS.GetDecryptedAccountData(ctx, event.AccountDataCrossSigningMaster, storage)
	if err != nil {
		return fmt.Errorf("failed to read the master key: %w", err)
	}
	master, err := olm.NewPKSigningFromSeed(seed)
	if err != nil {
		return fmt.Errorf("failed to read the master key: %w", err)
	}
	byMaster, err := master.SignJSON(auth)
	if err != nil {
		return fmt.Errorf("failed to sign the key backup: %w", err)
	}
	auth.Signatures = signatures.NewSingleSignature(m.cfg.UserID, id.KeyAlgorithmEd25519, m.client.DeviceID.String(), byDevice)
	auth.Signatures[m.cfg.UserID][id.NewKeyID(id.KeyAlgorithmEd25519, master.PublicKey().String())] = byMaster
	return nil
}

// backupIsDisabled reports whether a person has switched the key backup of the account off (MSC4287, and what Element
// did before).
func (m *Manager) backupIsDisabled(ctx context.Context) (bool, error) {
	var choice struct {
		Enabled  *bool `json:"enabled"`
		Disabled bool  `json:"disabled"`
	}
	for _, name := range []string{"m.key_backup", "m.org.matrix.custom.backup_disabled"} {
		err := m.client.GetAccountData(ctx, name, &choice)
		if err != nil && !errors.Is(err, mautrix.MNotFound) {
			return false, fmt.Errorf("failed to find out whether the key backup is switched off: %w", err)
		}
	}
	if choice.Enabled != nil {
		return !*choice.Enabled, nil
	}
	return choice.Disabled, nil
}

// fetchKeys fetches all keys of the backup, once for each device and version.
func (m *Manager) fetchKeys(ctx context.Context) error {
	fetched, err := m.db.Setting.Get(ctx, db.SettingFetchedBackup)
	if err != nil || fetched == m.backup.version.String() {
		return err
	}
	ctx, cancel := m.request(ctx)
	defer cancel()
	keys, err := m.client.GetKeyBackup(ctx, m.backup.version)
	if err != nil {
		return fmt.Errorf("failed to fetch the room keys of the key backup: %w", err)
	}
	count, failed := 0, 0
	for roomID, room := range keys.Rooms {
		for session, data := range room.Sessions {
			err = task.Guard(ctx, func() error { // anybody may put something into the backup
				return m.importKey(ctx, roomID, session, &data.SessionData)
			})
			switch {
			case err == nil:
				count++
			case db.IsDatabaseError(err), ctx.Err() != nil:
				return fmt.Errorf("failed to store the room keys of the key backup: %w", err)
			default:
				failed++
			}
		}
	}
	m.log.Info().Int("keys", count).Int("unusable", failed).Stringer("version", m.backup.version).Msg("Fetched the room keys of the key backup")
	return m.db.Setting.Set(ctx, db.SettingFetchedBackup, m.backup.version.String())
}

func (m *Manager) importKey(ctx context.Context, roomID id.RoomID, session id.SessionID, data *backup.EncryptedSessionData[backup.MegolmSessionData]) error {
	if data.Ephemeral.PublicKey == nil {
		return errors.New("a key of the key backup is not complete")
	}
	key, err := data.Decrypt(m.backup.key)
	if err != nil {
		return fmt.Errorf("failed to decrypt a key of the key backup: %w", err)
	}
	_, err = m.crypto.Machine().ImportRoomKeyFromBackup(ctx, m.backup.version, roomID, session, key)
	return err
}

// uploadKeys uploads the keys that are not in the backup yet. What takes too long is done the next time.
func (m *Manager) uploadKeys(ctx context.Context) error {
	for begun := time.Now(); ; {
		if time.Since(begun) > backupPatience {
			m.backupDue.Store(true)
			return nil
		}
		var sessions []*crypto.InboundGroupSession
		rows := m.crypto.Machine().CryptoStore.GetGroupSessionsWithoutKeyBackupVersion(ctx, m.backup.version)
		err := rows.Iter(func(session *crypto.InboundGroupSession) (bool, error) {
			sessions = append(sessions, session)
			return len(sessions) < backupBatch, nil
		})
		if err != nil {
			return fmt.Errorf("failed to read the room keys that are not backed up: %w", err)
		} else if len(sessions) == 0 {
			return nil
		} else if err = m.uploadBatch(ctx, sessions); err != nil {
			return err
		}
	}
}

func (m *Manager) uploadBatch(ctx context.Context, sessions []*crypto.InboundGroupSession) error {
	ctx, cancel := context.WithTimeout(m.client.Log.WithContext(ctx), backupPatience)
	defer cancel()
	request := mautrix.ReqKeyBackup{Rooms: make(map[id.RoomID]mautrix.ReqRoomKeyBackup)}
	for _, session := range sessions {
		data, err := m.backupData(session)
		if err != nil { // nobody can use it, here or there
			m.log.Warn().Err(err).Stringer("session_id", session.ID()).Msg("Left a room key out of the key backup")
			continue
		}
		if request.Rooms[session.RoomID].Sessions == nil {
			request.Rooms[session.RoomID] = mautrix.ReqRoomKeyBackup{Sessions: make(map[id.SessionID]mautrix.ReqKeyBackupData)}
		}
		request.Rooms[session.RoomID].Sessions[session.ID()] = data
	}
	if _, err := m.client.PutKeysInBackup(ctx, m.backup.version, &request); err != nil {
		return fmt.Errorf("failed to upload room keys to the key backup: %w", err)
	}
	store := m.crypto.Machine().CryptoStore.(*crypto.SQLCryptoStore)
	return m.db.DoTxn(ctx, func(ctx context.Context) error {
		for _, session := range sessions {
			if err := store.SetGroupSessionKeyBackupVersion(ctx, session.ID(), m.backup.version); err != nil {
				return fmt.Errorf("failed to note that a room key is backed up: %w", err)
			}
		}
		return nil
	})
}

// backupData encrypts a room key for the backup.
func (m *Manager) backupData(session *crypto.InboundGroupSession) (data mautrix.ReqKeyBackupData, err error) {
	first := session.Internal.FirstKnownIndex()
	key, err := session.Internal.Export(first)
	if err != nil {
		return data, fmt.Errorf("failed to export a room key: %w", err)
	}
	encrypted, err := backup.EncryptSessionData(m.backup.key, backup.MegolmSessionData{
		Algorithm: id.AlgorithmMegolmV1, ForwardingKeyChain: append([]string{}, session.ForwardingChains...),
		SenderClaimedKeys: backup.SenderClaimedKeys{Ed25519: session.SigningKey}, SenderKey: session.SenderKey,
		SessionKey: string(key), SharedHistory: session.SharedHistory,
	})
	if err != nil {
		return data, fmt.Errorf("failed to encrypt a room key: %w", err)
	}
	data.FirstMessageIndex, data.ForwardedCount = int(first), len(session.ForwardingChains)
	data.SessionData, err = json.Marshal(encrypted)
	return data, err
}
