package device

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/bot/oauth"
	"wazo-matrix-relay/bot/session"
	"wazo-matrix-relay/db"
)

// newOAuthFixture returns a fixture whose homeserver has an OAuth 2.0 provider and accepts no passwords.
func newOAuthFixture(t *testing.T) (*fixture, *bottest.Provider) {
	f := newFixture(t)
	f.password, f.hs.account.Password = "", "nobody knows it"
	provider := f.hs.account.AddProvider()
	provider.URL = f.hs.web.URL
	provider.Mount(f.hs.mux)
	return f, provider
}

// logIn logs the bot in as the command login does, and returns its device.
func (f *fixture) logIn() id.DeviceID {
	f.Helper()
	device, err := f.tryLogIn()
	require.NoError(f, err)
	f.stop()
	return device
}

func (f *fixture) tryLogIn() (id.DeviceID, error) {
	f.Helper()
	f.open()
	authorization, err := f.manager.BeginLogIn(f.Context())
	if err != nil {
		return "", err
	}
	return authorization.Complete(f.Context())
}

func TestLogInByOAuth(t *testing.T) {
	t.Parallel()
	t.Run("needs no password, and lasts over restarts", func(t *testing.T) {
		t.Parallel()
		f, provider := newOAuthFixture(t)
		device := f.logIn()
		require.Contains(t, f.devices(), device.String(), "others can encrypt for it from now on")
		status := f.prepared()
		require.Equal(t, device, status.ID)
		require.Equal(t, Trusted, status.Trust)
		require.Len(t, f.shown, 1, "the first upload of an identity needs no proof")
		f.stop()
		f.hs.account.Expire()
		require.Equal(t, device, f.prepared().ID)
		f.hs.account.Expire()
		require.Equal(t, Trusted, f.device().Trust)
		require.Equal(t, []string{"refresh-1", "refresh-2"}, f.renewals())
		require.Len(t, provider.Clients, 1)
		for _, secret := range []string{"refresh-", "access-", "device-code"} {
			require.NotContains(t, f.logged.String(), secret)
		}
		for name := range strings.SplitSeq(db.SettingMatrixLogin+" "+db.SettingMatrixToken, " ") {
			kept, err := f.db.Setting.Get(t.Context(), name)
			require.NoError(t, err)
			require.NotContains(t, kept, "refresh-", "it is sealed")
		}
	})

	t.Run("ends in words, once and for all", func(t *testing.T) {
		t.Parallel()
		f, _ := newOAuthFixture(t)
		f.logIn()
		f.prepared()
		f.hs.account.EndLogIns()
		_, err := f.manager.Status(t.Context())
		require.ErrorIs(t, err, session.ErrEnded)
		require.Contains(t, f.logged.String(), "The Matrix log-in has ended")
		f.stop()
		before := len(f.renewals())
		for range 2 {
			f.open()
			err = f.manager.Prepare(t.Context())
			require.ErrorIs(t, err, ErrLoggedOut)
			require.ErrorIs(t, err, session.ErrEnded)
			f.stop()
		}
		require.Len(t, f.renewals(), before, "no start asks the provider again")
	})

	t.Run("ends in words if a password is configured that the homeserver does not accept", func(t *testing.T) {
		t.Parallel()
		f, _ := newOAuthFixture(t)
		f.logIn()
		f.password = "of earlier times"
		f.prepared()
		require.Empty(t, f.hs.account.Logins, "the log-in counts for as long as it works")
		f.hs.account.EndLogIns()
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/login") || r.Method != http.MethodGet {
				return false
			}
			f.hs.answer(w, map[string]any{"flows": []any{map[string]any{"type": "m.login.sso"}}})
			return true
		})
		_, err := f.manager.Status(t.Context())
		err = f.manager.LogInAgain(t.Context(), err)
		require.ErrorIs(t, err, ErrLoggedOut)
		require.ErrorIs(t, err, ErrNoPasswordLogin)
	})

	t.Run("can be made again after it has ended, as the same client", func(t *testing.T) {
		t.Parallel()
		f, provider := newOAuthFixture(t)
		first := f.logIn()
		f.prepared()
		identity := f.identity()
		f.stop()
		f.hs.account.EndLogIns()
		f.hs.keys.DropDevice(first.String()) // as a provider does
		second := f.logIn()
		require.NotEqual(t, first, second)
		require.Len(t, provider.Clients, 1)
		require.Equal(t, Trusted, f.prepared().Trust)
		require.Equal(t, identity, f.identity(), "signed by the identity that exists")
	})

	t.Run("ends the log-in that it replaces", func(t *testing.T) {
		t.Parallel()
		f, provider := newOAuthFixture(t)
		first := f.logIn()
		f.prepared()
		second := f.logIn()
		require.Equal(t, []string{"refresh-1"}, provider.Revoked)
		require.NotContains(t, f.devices(), first.String())
		require.Equal(t, second, f.prepared().ID)
	})

	t.Run("replaces a log-in with the password, too", func(t *testing.T) {
		t.Parallel()
		f, _ := newOAuthFixture(t)
		f.hs.account.Renewing.Life = 0
		f.password, f.hs.account.Password = "old", "old"
		first := f.prepared().ID
		f.hs.account.Password = "none"
		device := f.logIn()
		require.NotContains(t, f.devices(), first.String())
		require.Equal(t, device, f.prepared().ID, "the log-in counts, and not the password")
		require.Len(t, f.hs.account.Logins, 1)
	})

	t.Run("changes nothing if it is refused in the browser", func(t *testing.T) {
		t.Parallel()
		f, provider := newOAuthFixture(t)
		device := f.logIn()
		provider.Denies = true
		_, err := f.tryLogIn()
		require.ErrorIs(t, err, oauth.ErrDenied)
		require.Equal(t, device, f.prepared().ID)
	})

	t.Run("changes nothing if somebody else has approved it", func(t *testing.T) {
		t.Parallel()
		f, provider := newOAuthFixture(t)
		f.hs.account.User = "@else:a.example"
		_, err := f.tryLogIn()
		require.ErrorIs(t, err, ErrTokenMismatch)
		require.Equal(t, []string{"refresh-1"}, provider.Revoked)
		require.Empty(t, f.kept().AccessToken)
	})

	t.Run("is not used with a configured access token, which is said", func(t *testing.T) {
		t.Parallel()
		f, _ := newOAuthFixture(t)
		f.logIn()
		f.token = "given"
		f.hs.account.Tokens["given"] = "GIVEN"
		require.Equal(t, id.DeviceID("GIVEN"), f.prepared().ID)
		require.Contains(t, f.logged.String(), "because MATRIX_ACCESS_TOKEN is set")
	})

	t.Run("is refused by a homeserver without provider", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		_, err := f.tryLogIn()
		require.ErrorIs(t, err, oauth.ErrNoProvider)
	})
}

// A crash or a lost answer comes between the provider, which has replaced the refresh token, and the database. What
// comes of it is for the provider to decide.
func TestRenewalThatWasNotStored(t *testing.T) {
	t.Parallel()
	f, _ := newOAuthFixture(t)
	f.logIn()
	f.prepared()
	f.hs.account.Expire()
	f.hs.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/oauth/token") && r.ParseForm() == nil {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	_, err := f.manager.Status(t.Context())
	require.ErrorIs(t, err, session.ErrNotRenewed)
	f.stop()
	f.hs.onRequest(nil)
	require.Equal(t, Trusted, f.prepared().Trust)
}

func TestIdentityThatTheOwnerHasToApprove(t *testing.T) {
	t.Parallel()
	t.Run("is published after the approval", func(t *testing.T) {
		t.Parallel()
		f, _ := newOAuthFixture(t)
		f.hs.keys.ApproveAt = "https://account.a.example/?action=org.matrix.cross_signing_reset"
		f.logIn()
		require.Equal(t, TrustNoIdentity, f.prepared().Trust)
		require.Contains(t, f.logged.String(), ErrApprovalNeeded.Error())
		require.Contains(t, f.logged.String(), "open https://account.a.example/?action=org.matrix.cross_signing_reset in a browser")
		require.Empty(t, f.shown)
		f.hs.keys.Lock()
		f.hs.keys.ApproveAt = ""
		f.hs.keys.Unlock()
		f.manager.Maintain(t.Context())
		require.Equal(t, Trusted, f.device().Trust)
		require.Len(t, f.shown, 1)
	})
	t.Run("can be replaced at an address that is said", func(t *testing.T) {
		t.Parallel()
		f, provider := newOAuthFixture(t)
		f.logIn()
		f.prepared()
		f.loseDatabase()
		f.logIn()
		f.open()
		err := f.manager.Prepare(t.Context())
		require.ErrorIs(t, err, ErrRecoveryKeyNeeded)
		var reset *ResetError
		require.ErrorAs(t, err, &reset)
		require.Equal(t, provider.URL+"/account?action=org.matrix.cross_signing_reset", reset.Address)
	})
}
