package device

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/bot/session"
	"wazo-matrix-relay/db"
)

// renewals returns the refresh tokens that were used so far.
func (f *fixture) renewals() []string {
	f.hs.account.Lock()
	defer f.hs.account.Unlock()
	return append([]string{}, f.hs.account.Renewing.Renewals...)
}

// kept returns the log-in that the database keeps.
func (f *fixture) kept() keptLogin {
	f.Helper()
	kept, err := readLogin(f.Context(), f.db)
	require.NoError(f, err)
	return kept
}

func TestLogInWithRefreshTokens(t *testing.T) {
	t.Parallel()
	newFixture := func(t *testing.T) *fixture {
		f := newFixture(t)
		f.hs.account.Renewing.Life = 5 * time.Minute
		return f
	}

	t.Run("is renewed when the homeserver refuses the access token", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		device := f.prepared().ID
		f.hs.account.Expire()
		require.Equal(t, Trusted, f.device().Trust, "no request fails")
		require.Equal(t, []string{"refresh-1"}, f.renewals())
		require.Equal(t, "refresh-2", f.kept().RefreshToken)
		require.Len(t, f.hs.account.Logins, 1)
		require.Equal(t, device, f.manager.client.DeviceID)
		require.NotContains(t, f.logged.String(), "refresh-")
	})

	t.Run("goes on over restarts", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		first := f.prepared()
		f.stop()
		f.hs.account.Expire()
		again := f.prepared()
		require.Equal(t, first.ID, again.ID)
		require.Equal(t, []string{"refresh-1"}, f.renewals())
		f.stop()
		f.prepared()
		require.Equal(t, []string{"refresh-1"}, f.renewals())
		require.Len(t, f.hs.account.Logins, 1)
	})

	t.Run("is renewed after a start if the access token is about to expire", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		kept := f.kept()
		require.WithinDuration(t, time.Now().Add(5*time.Minute), time.UnixMilli(kept.ExpiresAt), time.Minute)
		kept.ExpiresAt = time.Now().Add(-time.Second).UnixMilli()
		require.NoError(t, writeLogin(t.Context(), f.db, kept))
		f.stop()
		f.prepared()
		require.Equal(t, []string{"refresh-1"}, f.renewals(), "before the homeserver refuses anything")
	})

	t.Run("uses the password after it has ended", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		first := f.prepared()
		f.stop()
		f.hs.account.EndLogIns()
		again := f.prepared()
		require.Equal(t, first.ID, again.ID)
		require.Len(t, f.hs.account.Logins, 2)
		require.Equal(t, first.ID.String(), f.hs.account.Logins[1].DeviceID)
		f.hs.account.Expire()
		require.Equal(t, Trusted, f.device().Trust, "the new log-in has refresh tokens, too")
	})

	t.Run("uses the password if only the access token of an older copy of the database is still valid", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		first := f.prepared()
		kept := f.kept()
		kept.RefreshToken, kept.ExpiresAt = "used already", time.Now().Add(30*time.Second).UnixMilli()
		require.NoError(t, writeLogin(t.Context(), f.db, kept))
		f.stop()
		checked := make(chan struct{})
		f.hs.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
			switch {
			case strings.HasSuffix(r.URL.Path, "/account/whoami"):
				close(checked) // asked once
			case strings.HasSuffix(r.URL.Path, "/refresh"):
				<-checked // the worst order
			}
			return false
		})
		again := f.prepared()
		require.Equal(t, first.ID, again.ID)
		require.Len(t, f.hs.account.Logins, 2)
	})

	t.Run("uses the password if it ends while the bot runs", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		first := f.prepared()
		f.hs.account.EndLogIns()
		_, err := f.manager.Status(t.Context())
		require.ErrorContains(t, err, "the Matrix log-in has ended")
		require.NoError(t, f.manager.LogInAgain(t.Context(), err))
		require.Equal(t, first.ID, f.device().ID)
	})

	t.Run("is not renewed any more when another one has taken its place", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		before := f.manager.session
		require.NoError(t, f.manager.LogInAgain(t.Context(), errors.New("refused")))
		kept := f.kept()
		_, err := before.Refused(t.Context(), "access-1")
		require.ErrorIs(t, err, session.ErrNotRenewed)
		require.Equal(t, kept, f.kept())
		require.Empty(t, f.renewals())
	})

	t.Run("survives an answer that is lost", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		f.hs.account.Expire()
		f.hs.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/refresh") {
				panic(http.ErrAbortHandler) // before the homeserver has heard of it
			}
			return false
		})
		_, err := f.manager.Status(t.Context())
		require.ErrorContains(t, err, "the access token could not be renewed")
		f.hs.onRequest(nil)
		f.stop() // the next start does not wait for the end of a pause
		require.Equal(t, Trusted, f.prepared().Trust)
		require.Len(t, f.hs.account.Logins, 1)
	})

	t.Run("ends in words without password", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		f.stop()
		f.hs.account.EndLogIns()
		f.password = ""
		for range 2 {
			f.open()
			require.ErrorIs(t, f.manager.Prepare(t.Context()), ErrLoggedOut)
		}
		require.Len(t, f.renewals(), 1, "the second start does not try it again")
	})
}

func TestEarlierLogIns(t *testing.T) {
	t.Parallel()
	t.Run("an access token that an earlier version kept is used", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.open()
		require.NoError(t, f.db.Setting.SetSecret(t.Context(), db.SettingMatrixToken, "kept"))
		f.hs.account.Tokens["kept"] = "EARLIER"
		require.NoError(t, f.manager.Login(t.Context()))
		require.Empty(t, f.hs.account.Logins)
	})
	t.Run("a homeserver that gives no refresh tokens is used as before", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.prepared()
		token, err := f.db.Setting.GetSecret(t.Context(), db.SettingMatrixToken)
		require.NoError(t, err)
		require.Equal(t, f.manager.client.AccessToken, token, "where an earlier version finds it")
		require.True(t, f.hs.account.Logins[0].Refresh)
	})
	t.Run("without anything to log in with, that is said", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.password = ""
		f.open()
		require.ErrorIs(t, f.manager.Login(t.Context()), ErrNotLoggedIn)
	})
}
