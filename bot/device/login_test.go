package device

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/db"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	t.Run("the token is reused over restarts", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		for range 3 {
			f.open()
			require.NoError(t, f.manager.Login(t.Context()))
			f.stop()
		}
		require.Len(t, f.hs.account.Logins, 1, "requests to log in over three starts")
		require.Equal(t, 1, f.newLogins, "the bot is told of a log-in, not of a start")
	})

	t.Run("a dead token leads to a new log-in with the kept device", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.open()
		require.NoError(t, f.manager.Login(t.Context()))
		device := f.manager.client.DeviceID.String()
		require.NotEmpty(t, device)
		f.stop()
		f.hs.account.Revoke()
		f.open()
		require.NoError(t, f.manager.Login(t.Context()))
		require.Len(t, f.hs.account.Logins, 2)
		require.Empty(t, f.hs.account.Logins[0].DeviceID, "the first log-in makes a device")
		require.Equal(t, device, f.hs.account.Logins[1].DeviceID)
		require.Equal(t, device, f.manager.client.DeviceID.String())
		kept, err := f.db.Setting.GetSecret(t.Context(), db.SettingMatrixToken)
		require.NoError(t, err)
		require.Equal(t, f.manager.client.AccessToken, kept, "the new token is kept")
	})

	t.Run("a homeserver in trouble is not a reason to log in again", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.open()
		require.NoError(t, f.manager.Login(t.Context()))
		f.stop()
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/whoami") {
				bottest.Refuse(w, http.StatusInternalServerError, "M_UNKNOWN")
				return true
			}
			return false
		})
		f.open()
		require.Error(t, f.manager.Login(t.Context()))
		require.Len(t, f.hs.account.Logins, 1)
	})

	t.Run("a limit of log-ins is waited for as long as the homeserver says", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		const wait = 300 * time.Millisecond
		var refused []time.Time
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/login") || len(refused) == 2 {
				return false
			}
			refused = append(refused, time.Now())
			w.WriteHeader(http.StatusTooManyRequests)
			_, err := fmt.Fprintf(w, `{"errcode":"M_LIMIT_EXCEEDED","error":"slow down","retry_after_ms":%d}`, wait.Milliseconds())
			return err == nil
		})
		f.open()
		require.NoError(t, f.manager.Login(t.Context()))
		require.Len(t, f.hs.account.Logins, 1)
		require.GreaterOrEqual(t, refused[1].Sub(refused[0]), wait)
		require.GreaterOrEqual(t, time.Since(refused[1]), wait)
		require.Contains(t, f.logged.String(), "The homeserver limits log-ins")
	})

	t.Run("whoever cannot wait for so long is told how long it takes", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/login") {
				w.Header().Set("Retry-After", "299")
				bottest.Refuse(w, http.StatusTooManyRequests, "M_LIMIT_EXCEEDED")
				return true
			}
			return false
		})
		f.open()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := f.manager.Login(ctx)
		require.ErrorIs(t, err, mautrix.MLimitExceeded)
		require.ErrorContains(t, err, "try again in 4m59s")
	})

	t.Run("a wrong password is told from other failures", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.password = "wrong"
		f.open()
		require.ErrorIs(t, f.manager.Login(t.Context()), ErrBadPassword)
	})

	t.Run("a refused access token is told from other failures", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.token = "no such token"
		f.open()
		require.ErrorIs(t, f.manager.Login(t.Context()), ErrBadToken)
		require.Empty(t, f.hs.account.Logins, "there is no password to log in with")
	})

	t.Run("an access token is used as it is", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.token = "given"
		f.hs.account.Tokens["given"] = "GIVEN"
		f.open()
		require.NoError(t, f.manager.Login(t.Context()))
		require.Equal(t, "GIVEN", f.manager.client.DeviceID.String())
		require.Empty(t, f.hs.account.Logins)
	})

	t.Run("the access token of somebody else is refused", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.token = "given"
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/whoami") {
				f.hs.answer(w, map[string]any{"user_id": "@else:a.example", "device_id": "X"})
				return true
			}
			return false
		})
		f.open()
		require.ErrorIs(t, f.manager.Login(t.Context()), ErrTokenMismatch)
	})

	t.Run("the database of another bot is refused before anything is asked", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.open()
		require.NoError(t, f.manager.Login(t.Context()))
		f.stop()
		f.hs.requests = nil
		f.user = "@other:a.example"
		f.open()
		require.ErrorIs(t, f.manager.Login(t.Context()), ErrOtherUser)
		require.Empty(t, f.hs.requests)
	})

	t.Run("a user id that never logged in does not own the database", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.user, f.password = "@tpyo:a.example", "wrong"
		f.open()
		require.ErrorIs(t, f.manager.Login(t.Context()), ErrBadPassword)
		f.user, f.password = botUser, botPassword
		f.open()
		require.NoError(t, f.manager.Login(t.Context()), "after the typing error is corrected")
	})

	t.Run("keys that vanished from the homeserver are told from other failures", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.open()
		require.NoError(t, f.manager.Login(t.Context()))
		f.stop()
		clear(f.hs.keys.Devices)
		f.open()
		require.ErrorIs(t, f.manager.Login(t.Context()), ErrDeviceLost)
	})

	t.Run("a homeserver that does not answer is told from lost keys", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/keys/query") {
				bottest.Refuse(w, http.StatusBadGateway, "M_UNKNOWN")
				return true
			}
			return false
		})
		f.open()
		err := f.manager.Login(t.Context())
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrDeviceLost)
	})
}

func TestLogInAgain(t *testing.T) {
	t.Parallel()
	refusal := errors.New("M_UNKNOWN_TOKEN")
	t.Run("a device that was deleted gets its keys and its signature again", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		first := f.prepared()
		f.hs.keys.DropDevice(first.ID.String())
		f.hs.account.Revoke()
		require.NoError(t, f.manager.LogInAgain(t.Context(), refusal))
		require.Equal(t, 2, f.newLogins)
		again := f.device()
		require.Equal(t, first.ID, again.ID)
		require.Equal(t, Trusted, again.Trust)
	})

	t.Run("a password that is refused by now needs an administrator", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		f.hs.account.Revoke()
		f.hs.account.Lock()
		f.hs.account.Password = "changed"
		f.hs.account.Unlock()
		err := f.manager.LogInAgain(t.Context(), refusal)
		require.ErrorIs(t, err, ErrLoggedOut)
		require.ErrorIs(t, err, ErrBadPassword)
	})

	t.Run("a homeserver in trouble may be asked again", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		f.hs.account.Revoke()
		f.hs.onRequest(func(w http.ResponseWriter, _ *http.Request) bool {
			bottest.Refuse(w, http.StatusBadGateway, "M_UNKNOWN")
			return true
		})
		err := f.manager.LogInAgain(t.Context(), refusal)
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrLoggedOut)
		f.hs.onRequest(nil)
		require.NoError(t, f.manager.LogInAgain(t.Context(), refusal))
	})
}
