package device

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/olm"
	"maunium.net/go/mautrix/crypto/signatures"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
)

const backupRoom = id.RoomID("!room:a.example")

// receiveKey has the device receive the key of a session, from a given message on.
func (f *fixture) receiveKey(sender olm.OutboundGroupSession) {
	f.Helper()
	session, err := crypto.NewInboundGroupSession("sender", "signing", backupRoom, sender.Key(), 0, 0, nil, false)
	require.NoError(f, err)
	require.NoError(f, f.manager.Crypto().Machine().StoreGroupSession(f.Context(), session))
	f.manager.NoteReceivedKeys()
}

// firstIndex returns the first message that the device can read by its key of a session, -1 if it has no key.
func (f *fixture) firstIndex(session id.SessionID) int {
	f.Helper()
	key, err := f.manager.Crypto().Machine().CryptoStore.GetGroupSession(f.Context(), backupRoom, session)
	require.NoError(f, err)
	if key == nil {
		return -1
	}
	return int(key.Internal.FirstKnownIndex())
}

// backedUp returns the ids of the sessions in the latest version of the key backup.
func (f *fixture) backedUp() []id.SessionID {
	f.hs.keys.Lock()
	defer f.hs.keys.Unlock()
	_, latest := f.hs.keys.LatestBackup()
	var found []id.SessionID
	if latest != nil {
		for session := range latest.Rooms[backupRoom] {
			found = append(found, session)
		}
	}
	return found
}

func newSender(t *testing.T) olm.OutboundGroupSession {
	t.Helper()
	sender, err := olm.NewOutboundGroupSession()
	require.NoError(t, err)
	return sender
}

func TestRoomKeysAreBackedUp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		lose func(f *fixture)
	}{
		{"and there after the database was lost", func(f *fixture) {
			f.loseDatabase()
			f.recoveryKey = f.shown[0]
		}},
		{"and there after the device was lost", func(f *fixture) {
			f.execute("DELETE FROM crypto_account")
			f.execute("DELETE FROM crypto_megolm_inbound_session")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.prepared()
			require.Equal(t, BackupUsed, f.manager.Backup())
			sender := newSender(t)
			f.receiveKey(sender)
			f.manager.BackUpKeys(t.Context())
			require.Equal(t, []id.SessionID{sender.ID()}, f.backedUp())
			f.stop()
			test.lose(f)
			f.prepared()
			require.Equal(t, 0, f.firstIndex(sender.ID()))
			require.NotContains(t, f.logged.String(), sender.Key())
		})
	}

	t.Run("and there after an older copy was brought back", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		restore := f.copyDatabase()
		sender := newSender(t)
		f.receiveKey(sender)
		f.manager.BackUpKeys(t.Context())
		require.NoError(t, f.manager.SecureReceivedKeys(t.Context()))
		restore()
		f.prepared()
		require.Equal(t, 0, f.firstIndex(sender.ID()))
	})

	t.Run("and there after an older copy was brought back, with an access token only", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.token = "given"
		f.hs.account.Tokens["given"] = "GIVEN"
		f.prepared()
		restore := f.copyDatabase()
		sender := newSender(t)
		f.receiveKey(sender)
		f.manager.BackUpKeys(t.Context())
		require.NoError(t, f.manager.SecureReceivedKeys(t.Context()))
		restore()
		f.prepared()
		require.Equal(t, 0, f.firstIndex(sender.ID()))
	})

	t.Run("in several requests if they are many", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		for range backupBatch + 1 {
			f.receiveKey(newSender(t))
		}
		f.manager.BackUpKeys(t.Context())
		require.Len(t, f.backedUp(), backupBatch+1)
	})
}

// Other clients of the account trust a backup that its identity has signed.
func TestKeyBackupIsSigned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	status := f.prepared()
	f.hs.keys.Lock()
	_, latest := f.hs.keys.LatestBackup()
	f.hs.keys.Unlock()
	for name, key := range map[string]id.Ed25519{
		status.master.String(): status.master, status.ID.String(): f.manager.Crypto().Machine().OwnIdentity().SigningKey,
	} {
		ok, err := signatures.VerifySignatureJSON(latest.AuthData, botUser, name, key)
		require.NoError(t, err)
		require.True(t, ok)
	}
}

// A key in the backup must not replace a better one.
func TestFetchedKeyDoesNotReplaceABetterOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.prepared()
	sender := newSender(t)
	early, err := crypto.NewInboundGroupSession("sender", "signing", backupRoom, sender.Key(), 0, 0, nil, false)
	require.NoError(t, err)
	_, err = sender.Encrypt([]byte("one"))
	require.NoError(t, err)
	f.receiveKey(sender)
	require.Equal(t, 1, f.firstIndex(sender.ID()))
	f.manager.BackUpKeys(t.Context())
	require.NoError(t, f.manager.Crypto().Machine().StoreGroupSession(t.Context(), early))
	f.execute("DELETE FROM setting WHERE name = 'matrix_fetched_backup'")
	f.stop()
	f.prepared()
	require.Equal(t, 0, f.firstIndex(sender.ID()))
}

func TestKeyBackupOfAnotherClient(t *testing.T) {
	t.Parallel()
	t.Run("is used if its key is in the secret storage", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		sender := newSender(t)
		f.receiveKey(sender)
		f.manager.BackUpKeys(t.Context())
		f.loseDatabase()
		f.recoveryKey = f.shown[0]
		f.prepared()
		require.Len(t, f.hs.keys.Backups, 1)
		require.Equal(t, 0, f.firstIndex(sender.ID()))
	})

	t.Run("is left alone if it is not", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		f.hs.keys.Lock()
		f.hs.keys.Backups[0].AuthData = json.RawMessage(`{"public_key":"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo","signatures":{}}`)
		f.hs.keys.Unlock()
		f.stop()
		f.prepared()
		require.Equal(t, BackupForeign, f.manager.Backup())
		f.receiveKey(newSender(t))
		f.manager.BackUpKeys(t.Context())
		require.Empty(t, f.backedUp())
		require.Len(t, f.hs.keys.Backups, 1)
		require.Equal(t, 1, strings.Count(f.logged.String(), "Room keys are not backed up"))
		_, err := f.manager.Inspect(t.Context())
		require.NoError(t, err)
	})

	t.Run("is followed when it replaces the present one", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		f.hs.keys.Lock()
		f.hs.keys.Backups = append(f.hs.keys.Backups, &bottest.Backup{
			Algorithm: f.hs.keys.Backups[0].Algorithm, AuthData: f.hs.keys.Backups[0].AuthData, Rooms: map[id.RoomID]map[id.SessionID]json.RawMessage{},
		})
		f.hs.keys.Unlock()
		sender := newSender(t)
		f.receiveKey(sender)
		f.manager.BackUpKeys(t.Context())
		require.Equal(t, BackupFailing, f.manager.Backup())
		f.manager.nextBackup = time.Time{} // a minute later
		f.manager.BackUpKeys(t.Context())
		require.Equal(t, BackupUsed, f.manager.Backup())
		require.Equal(t, []id.SessionID{sender.ID()}, f.backedUp())
	})
}

func TestKeyBackupIsNotMade(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		prepare func(f *fixture)
		want    Backup
	}{
		{"if somebody has switched it off", func(f *fixture) {
			f.hs.keys.AccountData["m.key_backup"] = json.RawMessage(`{"enabled":false}`)
		}, BackupDisabled},
		{"if somebody has switched it off in an older client", func(f *fixture) {
			f.hs.keys.AccountData["m.org.matrix.custom.backup_disabled"] = json.RawMessage(`{"disabled":true}`)
		}, BackupDisabled},
		{"without the recovery key", func(f *fixture) { f.execute("DELETE FROM setting WHERE name = 'matrix_recovery_key'") }, BackupLocked},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.prepared()
			f.stop()
			f.hs.keys.Lock()
			f.hs.keys.Backups = []*bottest.Backup{nil}
			f.hs.keys.Unlock()
			test.prepare(f)
			f.prepared()
			require.Equal(t, test.want, f.manager.Backup())
			require.Len(t, f.hs.keys.Backups, 1)
		})
	}
}

// A homeserver that does not take the keys is no reason not to start. It is logged once, and they are taken later.
func TestKeyBackupThatFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/room_keys/") {
			return false
		}
		bottest.Refuse(w, http.StatusBadGateway, "M_UNKNOWN")
		return true
	})
	require.Equal(t, Trusted, f.prepared().Trust)
	require.Equal(t, BackupFailing, f.manager.Backup())
	sender := newSender(t)
	f.receiveKey(sender)
	for range 3 {
		f.manager.nextBackup = time.Time{} // a minute later
		f.manager.BackUpKeys(t.Context())
	}
	require.Equal(t, 1, strings.Count(f.logged.String(), "Room keys are not backed up"))
	f.hs.onRequest(nil)
	f.manager.BackUpKeys(t.Context())
	require.Empty(t, f.backedUp(), "not before its time")
	f.manager.nextBackup = time.Time{}
	f.manager.BackUpKeys(t.Context())
	require.Equal(t, []id.SessionID{sender.ID()}, f.backedUp())
}
