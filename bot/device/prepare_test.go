package device

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/crypto/utils"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
)

func TestDeviceIsSigned(t *testing.T) {
	t.Parallel()
	t.Run("at the first start, which shows the recovery key, once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		require.Equal(t, Trusted, w.prepared().Trust)
		require.Len(t, w.shown, 1)
		require.NotNil(t, utils.DecodeBase58RecoveryKey(w.shown[0]))
		identity := w.identity()
		w.stop()
		require.Equal(t, Trusted, w.prepared().Trust)
		require.Len(t, w.shown, 1)
		require.Equal(t, identity, w.identity())
		require.NotContains(t, w.logged.String(), w.shown[0])
	})

	t.Run("by a homeserver that wants the password for it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.hs.keys.Password = botPassword
		require.Equal(t, Trusted, w.prepared().Trust)
	})

	t.Run("with an access token only", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.token = "given"
		w.hs.account.Tokens["given"] = "GIVEN"
		require.Equal(t, Trusted, w.prepared().Trust)
		require.Len(t, w.shown, 1)
	})

	t.Run("not with an access token if the homeserver wants the password, which is said", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.token = "given"
		w.hs.account.Tokens["given"] = "GIVEN"
		w.hs.keys.Password = botPassword
		require.Equal(t, TrustNoIdentity, w.prepared().Trust)
		require.Empty(t, w.shown, "there is nothing that could be recovered")
		require.Contains(t, w.logged.String(), ErrPasswordNeeded.Error())
		require.Contains(t, w.logged.String(), "replace MATRIX_ACCESS_TOKEN with MATRIX_PASSWORD")
	})

	t.Run("by the identity that the account has, with its recovery key", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.prepared()
		identity := w.identity()
		w.loseDatabase()
		w.recoveryKey = w.shown[0]
		require.Equal(t, Trusted, w.prepared().Trust)
		require.Equal(t, identity, w.identity())
		require.Len(t, w.shown, 1, "whoever gave it knows it")
		w.stop()
		w.recoveryKey = ""
		kept := w.prepared()
		require.Equal(t, Trusted, kept.Trust)
	})
}

func TestConfiguredRecoveryKeyBecomesThatOfANewIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.recoveryKey = utils.EncodeBase58RecoveryKey([]byte(strings.Repeat("k", 32)))
	require.Equal(t, Trusted, w.prepared().Trust)
	require.Empty(t, w.shown, "whoever gave it knows it")
	identity := w.identity()
	w.loseDatabase()
	require.Equal(t, Trusted, w.prepared().Trust)
	require.Equal(t, identity, w.identity())
}

// What --check says of a device that is to be signed is what the start does.
func TestInspectForetellsTheStart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		spoil func(w *world)
	}{
		{"secret storage without identity", func(w *world) { clear(w.hs.keys.Identity) }},
		{"identity without secret storage", func(w *world) { clear(w.hs.keys.AccountData) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.prepared()
			w.hs.keys.Lock()
			test.spoil(w)
			w.hs.keys.Unlock()
			w.loseDatabase()
			w.open()
			require.NoError(t, w.manager.Login(t.Context()))
			_, err := w.manager.Inspect(t.Context())
			require.ErrorIs(t, err, ErrRecoveryKeyNeeded)
			require.ErrorIs(t, w.manager.Prepare(t.Context()), ErrRecoveryKeyNeeded)
		})
	}
}

func TestDeviceIsNotGivenUpTooSoon(t *testing.T) {
	t.Parallel()
	t.Run("for one wrong answer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.prepared().ID
		w.stop()
		wrong := true
		w.hs.onRequest(func(rw http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/keys/query") || !wrong {
				return false
			}
			wrong = false
			w.hs.answer(rw, map[string]any{"device_keys": map[string]any{}})
			return true
		})
		require.Equal(t, first, w.prepared().ID)
	})

	t.Run("for tables of a newer version", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.prepared().ID
		w.stop()
		w.execute("UPDATE crypto_version SET version = 99, compat = 99")
		w.open()
		err := w.manager.Prepare(t.Context())
		require.ErrorIs(t, err, dbutil.ErrUnsupportedDatabaseVersion)
		require.NotErrorIs(t, err, ErrDeviceLost)
		w.hs.keys.Lock()
		defer w.hs.keys.Unlock()
		require.Contains(t, w.hs.keys.Devices, first.String())
	})

	t.Run("for an access token of no device", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.token = "given"
		w.hs.account.Tokens["given"] = ""
		w.open()
		require.ErrorIs(t, w.manager.Prepare(t.Context()), ErrTokenMismatch)
	})
}

func TestIdentityIsNeverReplaced(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		prepare func(w *world)
		want    error
	}{
		{"the recovery key is not known", func(*world) {}, ErrRecoveryKeyNeeded},
		{"the recovery key is wrong", func(w *world) { w.recoveryKey = utils.EncodeBase58RecoveryKey(make([]byte, 32)) }, ErrRecoveryKeyWrong},
		{"the recovery key opens the keys of another identity", func(w *world) {
			w.recoveryKey = w.shown[0]
			w.hs.keys.Lock()
			identity := w.hs.keys.Identity
			w.hs.keys.Unlock()
			w.recoveryKey = w.otherIdentity()
			w.hs.keys.Lock()
			defer w.hs.keys.Unlock()
			w.hs.keys.Identity = identity
		}, ErrOtherIdentity},
		{"the secret storage is empty", func(w *world) {
			w.recoveryKey = w.shown[0]
			w.hs.keys.Lock()
			defer w.hs.keys.Unlock()
			delete(w.hs.keys.AccountData, "m.cross_signing.master")
		}, ErrOtherIdentity},
		{"the secret storage is gone", func(w *world) {
			w.recoveryKey = w.shown[0]
			w.hs.keys.Lock()
			defer w.hs.keys.Unlock()
			clear(w.hs.keys.AccountData)
		}, ErrRecoveryKeyNeeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.prepared()
			identity := w.identity()
			w.loseDatabase()
			test.prepare(w)
			w.open()
			require.ErrorIs(t, w.manager.Prepare(t.Context()), test.want)
			require.Equal(t, identity, w.identity())
			require.Equal(t, TrustUnsigned, w.device().Trust)
			require.Len(t, w.shown, 1)
		})
	}
}

// A start that ends anywhere within the set-up leaves something that the next start completes: there is one identity, and the
// recovery key that was shown last opens it.
func TestSetUpCanBeInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	isSetUp := func(r *http.Request) bool {
		return strings.Contains(r.URL.Path, "/account_data/") || strings.Contains(r.URL.Path, "/device_signing/") || strings.Contains(r.URL.Path, "/signatures/")
	}
	// failAfter refuses all requests of the set-up but the first n, and counts them.
	failAfter := func(w *world, n int) (asked func() int) {
		count := 0
		w.hs.onRequest(func(rw http.ResponseWriter, r *http.Request) bool {
			if !isSetUp(r) {
				return false
			}
			count++
			if count <= n {
				return false
			}
			bottest.Refuse(rw, http.StatusBadGateway, "M_UNKNOWN")
			return true
		})
		return func() int { return count }
	}
	w := newWorld(t)
	asked := failAfter(w, math.MaxInt)
	w.prepared()
	w.stop()
	require.GreaterOrEqual(t, asked(), 8, "the set-up takes no fewer requests than that")
	for n := range asked() {
		t.Run(fmt.Sprintf("after %d requests", n), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			asked := failAfter(w, n)
			w.open()
			_ = w.manager.Prepare(t.Context()) // fails, or completes later what failed
			require.Greater(t, asked(), n)
			w.stop()
			before := w.identity()
			w.hs.onRequest(nil)
			require.Equal(t, Trusted, w.prepared().Trust)
			if before != "map[]" {
				require.Equal(t, before, w.identity())
			}
			require.NotEmpty(t, w.shown)
			identity := w.identity()
			w.loseDatabase()
			w.recoveryKey = w.shown[len(w.shown)-1]
			require.Equal(t, Trusted, w.prepared().Trust, "with the recovery key")
			require.Equal(t, identity, w.identity())
			w.stop()
		})
	}
}

func TestDeviceIsReplaced(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		spoil func(w *world, device string)
	}{
		{"deleted on the homeserver", func(w *world, device string) {
			w.hs.keys.DropDevice(device)
			w.hs.account.Revoke()
		}},
		{"forgotten by the homeserver, log-in and all else being well", func(w *world, device string) { w.hs.keys.DropDevice(device) }},
		{"known to the homeserver with other keys", func(w *world, device string) {
			w.hs.keys.Lock()
			defer w.hs.keys.Unlock()
			w.hs.keys.Devices[device] = json.RawMessage(strings.Replace(string(w.hs.keys.Devices[device]), `":"`, `":"AAAA`, 2))
		}},
		{"without the keys in the database", func(w *world, _ string) { w.execute("DELETE FROM crypto_account") }},
		{"with the keys of an older database", func(w *world, _ string) {
			old, err := os.ReadFile(w.dbPath)
			require.NoError(w, err)
			w.prepared()
			w.stop()
			w.loseDatabase()
			require.NoError(w, os.WriteFile(w.dbPath, old, 0o600))
		}},
		{"without one-time keys, and the homeserver takes no new ones", func(w *world, device string) {
			w.hs.keys.Lock()
			defer w.hs.keys.Unlock()
			delete(w.hs.keys.OneTimeKeys, device)
			w.hs.onRequest(func(rw http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/keys/upload") || r.ContentLength < 10 || w.hs.account.DeviceOf(r) != device {
					return false
				}
				bottest.Refuse(rw, http.StatusBadRequest, "M_UNKNOWN") // Synapse: "One time key … already exists"
				return true
			})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := w.prepared().ID.String()
			identity := w.identity()
			w.stop()
			test.spoil(w, first)
			device := w.prepared()
			require.Equal(t, Trusted, device.Trust)
			require.NotEqual(t, first, device.ID.String())
			require.Positive(t, device.OneTimeKeys)
			require.Equal(t, identity, w.identity())
			w.hs.keys.Lock()
			defer w.hs.keys.Unlock()
			require.NotContains(t, w.hs.keys.Devices, first, "the old device is gone")
		})
	}

	t.Run("by the one of a new access token", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.token = "first"
		w.hs.account.Tokens["first"], w.hs.account.Tokens["second"] = "FIRST", "SECOND"
		w.prepared()
		w.stop()
		w.token = "second"
		device := w.prepared()
		require.Equal(t, id.DeviceID("SECOND"), device.ID)
		require.Equal(t, Trusted, device.Trust)
	})

	t.Run("not with an access token only: an older database begins new sessions", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.token = "given"
		w.hs.account.Tokens["given"] = "GIVEN"
		w.prepared()
		w.execute(`INSERT INTO crypto_olm_session (account_id, session_id, sender_key, session, created_at, last_decrypted, last_encrypted) VALUES ('', 's', 'k', '', 0, 0, 0)`)
		w.stop()
		old, err := os.ReadFile(w.dbPath)
		require.NoError(t, err)
		w.prepared()
		w.loseDatabase()
		require.NoError(t, os.WriteFile(w.dbPath, old, 0o600))
		device := w.prepared()
		require.Equal(t, id.DeviceID("GIVEN"), device.ID)
		require.Equal(t, Trusted, device.Trust)
		var sessions int
		require.NoError(t, w.db.QueryRow(t.Context(), "SELECT COUNT(*) FROM crypto_olm_session").Scan(&sessions))
		require.Zero(t, sessions)
		require.Contains(t, w.logged.String(), "new log-in")
	})
}

// An identity that was replaced is told, and adopted with its recovery key.
func TestReplacedIdentityIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.prepared()
	w.stop()
	recoveryKey := w.otherIdentity()
	identity := w.identity()
	require.Equal(t, TrustIdentityChanged, w.prepared().Trust, "the start goes on: nobody may be there to read an error")
	require.Contains(t, w.logged.String(), "set MATRIX_RECOVERY_KEY")
	w.stop()
	w.recoveryKey = recoveryKey
	require.Equal(t, Trusted, w.prepared().Trust)
	require.Equal(t, identity, w.identity())
}
