package device

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/relay/words"
)

func TestLogInStatus(t *testing.T) {
	t.Parallel()
	t.Run("of an access token", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.hs.account.Tokens["given"] = "GIVEN"
		f.token = "given"
		f.prepared()
		require.Equal(t, words.MatrixLogIn{Kind: words.LogInByToken}, f.manager.LogInStatus())
	})

	t.Run("of a password", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		require.Equal(t, words.MatrixLogIn{Kind: words.LogInByPassword}, f.manager.LogInStatus())
		f.stop()
		f.prepared() // with the token that was kept
		require.Equal(t, words.MatrixLogIn{Kind: words.LogInByPassword}, f.manager.LogInStatus())
	})

	t.Run("of a browser, with its renewals", func(t *testing.T) {
		t.Parallel()
		f, _ := newOAuthFixture(t)
		f.logIn()
		f.prepared()
		status := f.manager.LogInStatus()
		require.InDelta(t, 5*time.Minute, status.Valid, float64(time.Minute))
		status.Valid = 0
		require.Equal(t, words.MatrixLogIn{Kind: words.LogInByBrowser, Renewable: true}, status)

		f.hs.account.Expire()
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			away := strings.HasPrefix(r.URL.Path, "/oauth/token")
			if away {
				w.WriteHeader(http.StatusBadGateway)
			}
			return away
		})
		_, err := f.manager.Status(t.Context())
		require.Error(t, err)
		require.Equal(t, 1, f.manager.LogInStatus().Failures)
		require.False(t, f.manager.LogInStatus().Ended)

		f.hs.onRequest(nil)
		f.stop()
		f.prepared()
		require.Zero(t, f.manager.LogInStatus().Failures)
		f.hs.account.EndLogIns()
		_, err = f.manager.Status(t.Context())
		require.Error(t, err)
		require.True(t, f.manager.LogInStatus().Ended)
	})
}
