package app

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
)

// encryptionLines are what --check says of the bot's device, with all hints.
func encryptionLines(stdout string) string {
	var found []string
	for line := range strings.Lines(stdout) {
		if strings.Contains(line, "encryption") || strings.Contains(line, "key backup") || strings.HasPrefix(line, "hint:") || strings.HasPrefix(line, "error:") {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}

// execute changes the database behind the relay's back.
func (f *fixture) execute(query string) {
	f.Helper()
	database, err := db.Open(f.Context(), f.env["DATABASE_URL"], secretKey, zerolog.Nop())
	require.NoError(f, err)
	_, err = database.Exec(f.Context(), query)
	require.NoError(f, err)
	require.NoError(f, database.Close())
}

// restoreOldDatabase lets the relay run once, copies its database, lets it run again and brings the copy back.
func (f *fixture) restoreOldDatabase() {
	f.Helper()
	f.startOnce()
	path := f.env["DATABASE_URL"]
	old, err := os.ReadFile(path)
	require.NoError(f, err)
	f.startOnce()
	for _, suffix := range []string{"-wal", "-shm"} {
		if err = os.Remove(path + suffix); err != nil {
			require.ErrorIs(f, err, os.ErrNotExist)
		}
	}
	require.NoError(f, os.WriteFile(path, old, 0o600))
}

func TestCheckOfEncryption(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		prepare func(f *fixture)
		ok      bool
		says    []string
	}{
		{
			name: "before the first start", prepare: func(*fixture) {}, ok: true,
			says: []string{"not signed: the account has no cross-signing identity; the relay will sign it when it starts"},
		},
		{
			name: "after the first start", prepare: (*fixture).startOnce, ok: true,
			says: []string{"device DEVICE, signed by its owner", "ok: key backup (the keys of encrypted rooms are backed up"},
		},
		{
			name: "the key backup is of another client, which keeps its key for itself",
			prepare: func(f *fixture) {
				f.startOnce()
				f.homeserver.keys.Lock()
				defer f.homeserver.keys.Unlock()
				delete(f.homeserver.keys.AccountData, "m.megolm_backup.v1")
			},
			says: []string{"ok: encryption", "failed: key backup", "its key is not in the account's secret storage", "hint: set up the key backup again in another client"},
		},
		{
			name: "the key backup was deleted",
			prepare: func(f *fixture) {
				f.startOnce()
				f.homeserver.keys.Lock()
				defer f.homeserver.keys.Unlock()
				f.homeserver.keys.Backups = nil
			},
			ok: true, says: []string{"ok: key backup (the account has none; the relay makes one once its device is signed)"},
		},
		{
			name: "the database is lost and the recovery key is not given", prepare: (*fixture).loseDatabase,
			says: []string{"failed: encryption", "its recovery key is not known", "set MATRIX_RECOVERY_KEY"},
		},
		{
			name: "the recovery key is wrong",
			prepare: func(f *fixture) {
				f.startOnce()
				f.env["MATRIX_RECOVERY_KEY"] = otherRecoveryKey
			},
			says: []string{"failed: encryption", "the recovery key does not fit", "check MATRIX_RECOVERY_KEY"},
		},
		{
			name: "the device was deleted on the homeserver",
			prepare: func(f *fixture) {
				f.startOnce()
				f.homeserver.keys.DropDevice(deviceID)
			},
			says: []string{"the relay makes a new device by itself at the next start"},
		},
		{
			name: "the homeserver has other keys of the device",
			prepare: func(f *fixture) {
				f.startOnce()
				f.homeserver.keys.Lock()
				defer f.homeserver.keys.Unlock()
				keys := f.homeserver.keys.Devices[deviceID]
				at := bytes.Index(keys, []byte(`"ed25519:DEVICE":"`)) + len(`"ed25519:DEVICE":"`)
				f.homeserver.keys.Devices[deviceID] = append(append(bytes.Clone(keys[:at]), "AAAAA"...), keys[at+5:]...)
			},
			says: []string{"mismatching identity key", "the relay makes a new device by itself at the next start"},
		},
		{
			name: "the one-time keys are gone",
			prepare: func(f *fixture) {
				f.startOnce()
				f.homeserver.keys.Lock()
				defer f.homeserver.keys.Unlock()
				delete(f.homeserver.keys.OneTimeKeys, deviceID)
			},
			says: []string{"failed: encryption", "no one-time keys", "hint: restart the relay"},
		},
		{
			name: "the encryption keys in the database are lost",
			prepare: func(f *fixture) {
				f.startOnce()
				f.execute("DELETE FROM crypto_account")
			},
			says: []string{"keys on the server", "the relay makes a new device by itself at the next start"},
		},
		{
			name: "the database is an older copy", prepare: (*fixture).restoreOldDatabase,
			says: []string{"failed: encryption", "older copy", "the relay makes a new device by itself at the next start"},
		},
		{
			name: "the identity was replaced by one of which the recovery key is not given",
			prepare: func(f *fixture) {
				f.startOnce()
				other := newFixture(f.T)
				other.startOnce()
				other.homeserver.keys.Lock()
				identity, data := other.homeserver.keys.Identity, other.homeserver.keys.AccountData
				other.homeserver.keys.Unlock()
				delete(data, "io.wazo.relay.age")
				f.homeserver.keys.Lock()
				defer f.homeserver.keys.Unlock()
				f.homeserver.keys.Identity, f.homeserver.keys.AccountData = identity, data
			},
			says: []string{"failed: encryption", "the recovery key does not fit", "check MATRIX_RECOVERY_KEY"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			test.prepare(f)
			_, out := f.check()
			said := encryptionLines(out.stdout)
			if test.ok {
				require.NoError(t, out.err, said)
			} else {
				require.ErrorIs(t, out.err, errReported, said)
			}
			for _, text := range test.says {
				require.Contains(t, said, text)
			}
		})
	}
}

func TestRecoveryKey(t *testing.T) {
	t.Parallel()
	shownIn := func(stdout string) string {
		for line := range strings.Lines(stdout) {
			if key := strings.TrimSpace(line); strings.HasPrefix(key, "Es") {
				return key
			}
		}
		return ""
	}
	f := newFixture(t)
	stop := f.serve()
	f.awaitWell()
	during := f.run(t.Context(), "recovery-key")
	out := stop()
	require.NoError(t, out.err)
	key := shownIn(out.stdout)
	require.NotEmpty(t, key, "the first start shows the recovery key")
	require.NotContains(t, out.stderr, key, "the log does not hold it")
	require.NoError(t, during.err)
	require.Equal(t, key+"\n", during.stdout, "it is shown again on request, beside a running relay")

	stop = f.serve()
	f.awaitWell()
	require.Empty(t, shownIn(stop().stdout), "it is shown once")

	raw, err := os.ReadFile(f.env["DATABASE_URL"])
	require.NoError(t, err)
	require.NotContains(t, string(raw), key, "it is kept encrypted")

	f.loseDatabase()
	f.env["MATRIX_RECOVERY_KEY"] = key
	f.startOnce()
	_, out = f.check()
	require.NoError(t, out.err)
	require.Contains(t, out.stdout, "signed by its owner", "with the recovery key a new device is signed")
	delete(f.env, "MATRIX_RECOVERY_KEY")
	out = f.run(t.Context(), "recovery-key")
	require.Equal(t, key+"\n", out.stdout, "the recovery key need not be given again")

	f.env["DATABASE_URL"] = t.TempDir() + "/none.db"
	require.Error(t, f.run(t.Context(), "recovery-key").err)
}
