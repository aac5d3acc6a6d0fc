package device

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/db"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	t.Run("the token is reused over restarts", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for range 3 {
			w.open()
			require.NoError(t, w.manager.Login(t.Context()))
			w.stop()
		}
		require.Len(t, w.hs.account.Logins, 1, "requests to log in over three starts")
		require.Equal(t, 1, w.newLogins, "the bot is told of a log-in, not of a start")
	})

	t.Run("a dead token leads to a new log-in with the kept device", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.open()
		require.NoError(t, w.manager.Login(t.Context()))
		device := w.manager.client.DeviceID.String()
		require.NotEmpty(t, device)
		w.stop()
		w.hs.account.Revoke()
		w.open()
		require.NoError(t, w.manager.Login(t.Context()))
		require.Len(t, w.hs.account.Logins, 2)
		require.Empty(t, w.hs.account.Logins[0].DeviceID, "the first log-in makes a device")
		require.Equal(t, device, w.hs.account.Logins[1].DeviceID)
		require.Equal(t, device, w.manager.client.DeviceID.String())
		kept, err := w.db.Setting.GetSecret(t.Context(), db.SettingMatrixToken)
		require.NoError(t, err)
		require.Equal(t, w.manager.client.AccessToken, kept, "the new token is kept")
	})

	t.Run("a homeserver in trouble is not a reason to log in again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.open()
		require.NoError(t, w.manager.Login(t.Context()))
		w.stop()
		w.hs.onRequest(func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/whoami") {
				bottest.Refuse(rw, http.StatusInternalServerError, "M_UNKNOWN")
				return true
			}
			return false
		})
		w.open()
		require.Error(t, w.manager.Login(t.Context()))
		require.Len(t, w.hs.account.Logins, 1)
	})

	t.Run("a wrong password is told from other failures", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.password = "wrong"
		w.open()
		require.ErrorIs(t, w.manager.Login(t.Context()), ErrBadPassword)
	})

	t.Run("a refused access token is told from other failures", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.token = "no such token"
		w.open()
		require.ErrorIs(t, w.manager.Login(t.Context()), ErrBadToken)
		require.Empty(t, w.hs.account.Logins, "there is no password to log in with")
	})

	t.Run("an access token is used as it is", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.token = "given"
		w.hs.account.Tokens["given"] = "GIVEN"
		w.open()
		require.NoError(t, w.manager.Login(t.Context()))
		require.Equal(t, "GIVEN", w.manager.client.DeviceID.String())
		require.Empty(t, w.hs.account.Logins)
	})

	t.Run("the access token of somebody else is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.token = "given"
		w.hs.onRequest(func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/whoami") {
				w.hs.answer(rw, map[string]any{"user_id": "@else:a.example", "device_id": "X"})
				return true
			}
			return false
		})
		w.open()
		require.ErrorIs(t, w.manager.Login(t.Context()), ErrTokenMismatch)
	})

	t.Run("the database of another bot is refused before anything is asked", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.open()
		require.NoError(t, w.manager.Login(t.Context()))
		w.stop()
		w.hs.requests = nil
		w.user = "@other:a.example"
		w.open()
		require.ErrorIs(t, w.manager.Login(t.Context()), ErrOtherUser)
		require.Empty(t, w.hs.requests)
	})

	t.Run("a user id that never logged in does not own the database", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.user, w.password = "@tpyo:a.example", "wrong"
		w.open()
		require.ErrorIs(t, w.manager.Login(t.Context()), ErrBadPassword)
		w.user, w.password = botUser, botPassword
		w.open()
		require.NoError(t, w.manager.Login(t.Context()), "after the typing error is corrected")
	})

	t.Run("keys that vanished from the homeserver are told from other failures", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.open()
		require.NoError(t, w.manager.Login(t.Context()))
		w.stop()
		clear(w.hs.keys.Devices)
		w.open()
		require.ErrorIs(t, w.manager.Login(t.Context()), ErrDeviceLost)
	})

	t.Run("a homeserver that does not answer is told from lost keys", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.hs.onRequest(func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/keys/query") {
				bottest.Refuse(rw, http.StatusBadGateway, "M_UNKNOWN")
				return true
			}
			return false
		})
		w.open()
		err := w.manager.Login(t.Context())
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrDeviceLost)
	})
}

func TestLogInAgain(t *testing.T) {
	t.Parallel()
	refusal := errors.New("M_UNKNOWN_TOKEN")
	t.Run("a device that was deleted gets its keys and its signature again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.prepared()
		w.hs.keys.DropDevice(first.ID.String())
		w.hs.account.Revoke()
		require.NoError(t, w.manager.LogInAgain(t.Context(), refusal))
		require.Equal(t, 2, w.newLogins)
		again := w.device()
		require.Equal(t, first.ID, again.ID)
		require.Equal(t, Trusted, again.Trust)
	})

	t.Run("a password that is refused by now needs an administrator", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.prepared()
		w.hs.account.Revoke()
		w.hs.account.Lock()
		w.hs.account.Password = "changed"
		w.hs.account.Unlock()
		err := w.manager.LogInAgain(t.Context(), refusal)
		require.ErrorIs(t, err, ErrLoggedOut)
		require.ErrorIs(t, err, ErrBadPassword)
	})

	t.Run("a homeserver in trouble may be asked again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.prepared()
		w.hs.account.Revoke()
		w.hs.onRequest(func(rw http.ResponseWriter, _ *http.Request) bool {
			bottest.Refuse(rw, http.StatusBadGateway, "M_UNKNOWN")
			return true
		})
		err := w.manager.LogInAgain(t.Context(), refusal)
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrLoggedOut)
		w.hs.onRequest(nil)
		require.NoError(t, w.manager.LogInAgain(t.Context(), refusal))
	})
}
