package device

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/crypto/utils"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/internal/dbtest"
)

func TestDeviceIsSigned(t *testing.T) {
	t.Parallel()
	t.Run("at the first start, which shows the recovery key, once", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		require.Equal(t, Trusted, f.prepared().Trust)
		require.Len(t, f.shown, 1)
		require.NotNil(t, utils.DecodeBase58RecoveryKey(f.shown[0]))
		identity := f.identity()
		f.stop()
		require.Equal(t, Trusted, f.prepared().Trust)
		require.Len(t, f.shown, 1)
		require.Equal(t, identity, f.identity())
		require.NotContains(t, f.logged.String(), f.shown[0])
	})

	t.Run("by a homeserver that wants the password for it", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.hs.keys.Password = botPassword
		require.Equal(t, Trusted, f.prepared().Trust)
	})

	t.Run("with an access token only", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.token = "given"
		f.hs.account.Tokens["given"] = "GIVEN"
		require.Equal(t, Trusted, f.prepared().Trust)
		require.Len(t, f.shown, 1)
	})

	t.Run("not with an access token if the homeserver wants the password, which is said", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.token = "given"
		f.hs.account.Tokens["given"] = "GIVEN"
		f.hs.keys.Password = botPassword
		require.Equal(t, TrustNoIdentity, f.prepared().Trust)
		require.Empty(t, f.shown, "there is nothing that could be recovered")
		require.Contains(t, f.logged.String(), ErrPasswordNeeded.Error())
		require.Contains(t, f.logged.String(), "replace MATRIX_ACCESS_TOKEN with MATRIX_PASSWORD")
	})

	t.Run("by the identity that the account has, with its recovery key", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		identity := f.identity()
		f.loseDatabase()
		f.recoveryKey = f.shown[0]
		require.Equal(t, Trusted, f.prepared().Trust)
		require.Equal(t, identity, f.identity())
		require.Len(t, f.shown, 1, "whoever gave it knows it")
		f.stop()
		f.recoveryKey = ""
		kept := f.prepared()
		require.Equal(t, Trusted, kept.Trust)
	})
}

func TestConfiguredRecoveryKeyBecomesThatOfANewIdentity(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.recoveryKey = utils.EncodeBase58RecoveryKey([]byte(strings.Repeat("k", 32)))
	require.Equal(t, Trusted, f.prepared().Trust)
	require.Empty(t, f.shown, "whoever gave it knows it")
	identity := f.identity()
	f.loseDatabase()
	require.Equal(t, Trusted, f.prepared().Trust)
	require.Equal(t, identity, f.identity())
}

// What --check says of a device that is to be signed is what the start does.
func TestInspectForetellsTheStart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		spoil func(f *fixture)
	}{
		{"secret storage without identity", func(f *fixture) { clear(f.hs.keys.Identity) }},
		{"identity without secret storage", func(f *fixture) { clear(f.hs.keys.AccountData) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.prepared()
			f.hs.keys.Lock()
			test.spoil(f)
			f.hs.keys.Unlock()
			f.loseDatabase()
			f.open()
			require.NoError(t, f.manager.Login(t.Context()))
			_, err := f.manager.Inspect(t.Context())
			require.ErrorIs(t, err, ErrRecoveryKeyNeeded)
			require.ErrorIs(t, f.manager.Prepare(t.Context()), ErrRecoveryKeyNeeded)
		})
	}
}

func TestDeviceIsNotGivenUpTooSoon(t *testing.T) {
	t.Parallel()
	t.Run("for one wrong answer", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		first := f.prepared().ID
		f.stop()
		wrong := true
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/keys/query") || !wrong {
				return false
			}
			wrong = false
			f.hs.answer(w, map[string]any{"device_keys": map[string]any{}})
			return true
		})
		require.Equal(t, first, f.prepared().ID)
	})

	t.Run("for tables of a newer version", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		first := f.prepared().ID
		f.stop()
		f.execute("UPDATE crypto_version SET version = 99, compat = 99")
		f.open()
		err := f.manager.Prepare(t.Context())
		require.ErrorIs(t, err, dbutil.ErrUnsupportedDatabaseVersion)
		require.NotErrorIs(t, err, ErrDeviceLost)
		require.Contains(t, f.devices(), first.String())
	})

	t.Run("for an access token of no device", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.token = "given"
		f.hs.account.Tokens["given"] = ""
		f.open()
		require.ErrorIs(t, f.manager.Prepare(t.Context()), ErrTokenMismatch)
	})
}

func TestIdentityIsNeverReplaced(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		prepare func(f *fixture)
		want    error
	}{
		{"the recovery key is not known", func(*fixture) {}, ErrRecoveryKeyNeeded},
		{"the recovery key is wrong", func(f *fixture) { f.recoveryKey = utils.EncodeBase58RecoveryKey(make([]byte, 32)) }, ErrRecoveryKeyWrong},
		{"the recovery key opens the keys of another identity", func(f *fixture) {
			f.recoveryKey = f.shown[0]
			f.hs.keys.Lock()
			identity := f.hs.keys.Identity
			f.hs.keys.Unlock()
			f.recoveryKey = f.otherIdentity()
			f.hs.keys.Lock()
			defer f.hs.keys.Unlock()
			f.hs.keys.Identity = identity
		}, ErrOtherIdentity},
		{"the secret storage is empty", func(f *fixture) {
			f.recoveryKey = f.shown[0]
			f.hs.keys.Lock()
			defer f.hs.keys.Unlock()
			delete(f.hs.keys.AccountData, "m.cross_signing.master")
		}, ErrOtherIdentity},
		{"the secret storage is gone", func(f *fixture) {
			f.recoveryKey = f.shown[0]
			f.hs.keys.Lock()
			defer f.hs.keys.Unlock()
			clear(f.hs.keys.AccountData)
		}, ErrRecoveryKeyNeeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.prepared()
			identity := f.identity()
			f.loseDatabase()
			test.prepare(f)
			f.open()
			require.ErrorIs(t, f.manager.Prepare(t.Context()), test.want)
			require.Equal(t, identity, f.identity())
			require.Equal(t, TrustUnsigned, f.device().Trust)
			require.Len(t, f.shown, 1)
		})
	}
}

// A start that ends anywhere within the set-up leaves something that the next start completes: there is one identity,
// and the recovery key that was shown last opens it.
func TestSetUpCanBeInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	isSetUp := func(r *http.Request) bool {
		return strings.Contains(r.URL.Path, "/account_data/") || strings.Contains(r.URL.Path, "/device_signing/") || strings.Contains(r.URL.Path, "/signatures/")
	}
	// failAfter refuses all requests of the set-up but the first n, and counts them.
	failAfter := func(f *fixture, n int) (asked func() int) {
		count := 0
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if !isSetUp(r) {
				return false
			}
			count++
			if count <= n {
				return false
			}
			bottest.Refuse(w, http.StatusBadGateway, "M_UNKNOWN")
			return true
		})
		return func() int { return count }
	}
	f := newFixture(t)
	asked := failAfter(f, math.MaxInt)
	f.prepared()
	f.stop()
	require.GreaterOrEqual(t, asked(), 8, "the set-up takes no fewer requests than that")
	for n := range asked() {
		t.Run(fmt.Sprintf("after %d requests", n), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			asked := failAfter(f, n)
			f.open()
			_ = f.manager.Prepare(t.Context()) // fails, or completes later what failed
			require.Greater(t, asked(), n)
			f.stop()
			before := f.identity()
			f.hs.onRequest(nil)
			require.Equal(t, Trusted, f.prepared().Trust)
			if before != "map[]" {
				require.Equal(t, before, f.identity())
			}
			require.NotEmpty(t, f.shown)
			identity := f.identity()
			f.loseDatabase()
			f.recoveryKey = f.shown[len(f.shown)-1]
			require.Equal(t, Trusted, f.prepared().Trust, "with the recovery key")
			require.Equal(t, identity, f.identity())
			f.stop()
		})
	}
}

func TestDeviceIsReplaced(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		spoil func(f *fixture, device string)
	}{
		{"deleted on the homeserver", func(f *fixture, device string) {
			f.hs.keys.DropDevice(device)
			f.hs.account.Revoke()
		}},
		{"forgotten by the homeserver, log-in and all else being well", func(f *fixture, device string) { f.hs.keys.DropDevice(device) }},
		{"known to the homeserver with other keys", func(f *fixture, device string) {
			f.hs.keys.Lock()
			defer f.hs.keys.Unlock()
			f.hs.keys.Devices[device] = json.RawMessage(strings.Replace(string(f.hs.keys.Devices[device]), `":"`, `":"AAAA`, 2))
		}},
		{"without the keys in the database", func(f *fixture, _ string) { f.execute("DELETE FROM crypto_account") }},
		{"with the keys of an older database", func(f *fixture, _ string) {
			old := dbtest.Copy(f, f.dbPath)
			f.prepared()
			f.stop()
			f.loseDatabase()
			dbtest.Restore(f, f.dbPath, old)
		}},
		{"without one-time keys, and the homeserver takes no new ones", func(f *fixture, device string) {
			f.hs.keys.Lock()
			defer f.hs.keys.Unlock()
			delete(f.hs.keys.OneTimeKeys, device)
			f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/keys/upload") || r.ContentLength < 10 || f.hs.account.DeviceOf(r) != device {
					return false
				}
				bottest.Refuse(w, http.StatusBadRequest, "M_UNKNOWN") // Synapse: "One time key … already exists"
				return true
			})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			first := f.prepared().ID.String()
			identity := f.identity()
			f.stop()
			test.spoil(f, first)
			device := f.prepared()
			require.Equal(t, Trusted, device.Trust)
			require.NotEqual(t, first, device.ID.String())
			require.Positive(t, device.OneTimeKeys)
			require.Equal(t, identity, f.identity())
			require.NotContains(t, f.devices(), first, "the old device is gone")
		})
	}

	t.Run("by the one of a new access token", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.token = "first"
		f.hs.account.Tokens["first"], f.hs.account.Tokens["second"] = "FIRST", "SECOND"
		f.prepared()
		f.stop()
		f.token = "second"
		device := f.prepared()
		require.Equal(t, id.DeviceID("SECOND"), device.ID)
		require.Equal(t, Trusted, device.Trust)
	})

	t.Run("not with an access token only: an older database begins new sessions", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.token = "given"
		f.hs.account.Tokens["given"] = "GIVEN"
		f.prepared()
		f.execute(`INSERT INTO crypto_olm_session (account_id, session_id, sender_key, session, created_at, last_decrypted, last_encrypted) VALUES ('', 's', 'k', '', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00')`)
		f.stop()
		old := dbtest.Copy(t, f.dbPath)
		f.prepared()
		f.loseDatabase()
		dbtest.Restore(t, f.dbPath, old)
		device := f.prepared()
		require.Equal(t, id.DeviceID("GIVEN"), device.ID)
		require.Equal(t, Trusted, device.Trust)
		var sessions int
		require.NoError(t, f.db.QueryRow(t.Context(), "SELECT COUNT(*) FROM crypto_olm_session").Scan(&sessions))
		require.Zero(t, sessions)
		require.Contains(t, f.logged.String(), "new log-in")
	})
}

// An identity that was replaced is told, and adopted with its recovery key.
func TestReplacedIdentityIsTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.prepared()
	f.stop()
	recoveryKey := f.otherIdentity()
	identity := f.identity()
	require.Equal(t, TrustIdentityChanged, f.prepared().Trust, "the start goes on: nobody may be there to read an error")
	require.Contains(t, f.logged.String(), "set MATRIX_RECOVERY_KEY")
	f.stop()
	f.recoveryKey = recoveryKey
	require.Equal(t, Trusted, f.prepared().Trust)
	require.Equal(t, identity, f.identity())
}
