package wazoapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

func TestRecordedTokenAnswer(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	f.login = func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, string(testdata(t, "token.json")))
	}
	clock := newFakeClock()
	c := f.client()
	c.now = clock.Now
	token, err := c.Account(Credentials{"alice@acme.example", "pa55word"}, nil).Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Token{
		Token:       "1fc31aaa-d1cf-4853-8dd6-c80d96941bad",
		ExpiresAt:   clock.Now().Add(2 * time.Hour), // the recorded life, on our clock
		UserUUID:    "fcec80e5-d5c0-4a0b-b5b2-9dcb254a3e77",
		TenantUUID:  "64d26dd8-ec82-45b8-bfa6-8c7e9dd3aa73",
		SessionUUID: token.SessionUUID,
		Purpose:     "user",
		Login:       "alice@acme.example",
	}, token)
	assert.True(t, token.SessionUUID.Valid())
}

func TestOneLoginForAllCallers(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	release := make(chan struct{})
	f.login = func(w http.ResponseWriter, _ *http.Request) {
		<-release
		f.grant(w, secretToken)
	}
	a := f.account()
	const callers = 50
	var waiting, done sync.WaitGroup
	tokens := make([]string, callers)
	errs := make([]error, callers)
	for i := range callers {
		waiting.Add(1)
		done.Go(func() {
			waiting.Done()
			token, err := a.Token(t.Context())
			tokens[i], errs[i] = token.Token, err
		})
	}
	waiting.Wait()
	close(release)
	done.Wait()
	for i := range callers {
		require.NoError(t, errs[i])
		assert.Equal(t, secretToken, tokens[i])
	}
	logins, _ := f.counts()
	assert.Equal(t, 1, logins)
}

func TestACallerThatGivesUpDoesNotEndTheLoginOfOthers(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	release, begun := make(chan struct{}), make(chan struct{})
	f.login = func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-release
		f.grant(w, secretToken)
	}
	a := f.account()
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { _, err := a.Token(ctx); first <- err }()
	await.Receive(t, "the first request", begun)
	second := make(chan error)
	go func() { _, err := a.Token(t.Context()); second <- err }()
	cancel()
	require.ErrorIs(t, await.Receive(t, "the end of the first", first), context.Canceled)
	close(release)
	require.NoError(t, await.Receive(t, "the end of the second", second))
	logins, _ := f.counts()
	assert.Equal(t, 1, logins)
}

func TestTokenOverRestart(t *testing.T) {
	t.Parallel()
	cred := Credentials{"alice", "pa55word"}
	for _, tt := range []struct {
		name       string
		between    func(f *fakeWazo, s *memoryStore, clock *fakeClock)
		login      string
		wantLogins int
		wantChecks int
	}{
		{name: "a kept token is checked once and reused", wantLogins: 1, wantChecks: 1},
		{
			name:       "a revoked token is replaced",
			between:    func(f *fakeWazo, s *memoryStore, _ *fakeClock) { f.revoke(s.token.Token) },
			wantLogins: 2, wantChecks: 1,
		},
		{
			name:       "an expired token is replaced without a check",
			between:    func(_ *fakeWazo, _ *memoryStore, clock *fakeClock) { clock.advance(13 * time.Hour) },
			wantLogins: 2,
		},
		{
			name:       "a token that is about to expire is replaced without a check",
			between:    func(_ *fakeWazo, _ *memoryStore, clock *fakeClock) { clock.advance(11 * time.Hour) },
			wantLogins: 2,
		},
		{name: "the token of another log-in name is not used", login: "bob", wantLogins: 2},
		{
			name:       "a token without a log-in name is used",
			between:    func(_ *fakeWazo, s *memoryStore, _ *fakeClock) { s.token.Login = "" },
			wantLogins: 1, wantChecks: 1,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, store, clock := newFakeWazo(t), &memoryStore{}, newFakeClock()
			f.now = clock.Now
			start := func(cred Credentials) {
				c := f.client()
				c.now = clock.Now
				a := c.Account(cred, store)
				for range 3 {
					token, err := a.Token(t.Context())
					require.NoError(t, err)
					require.Equal(t, store.token, token)
				}
			}
			start(cred)
			if tt.between != nil {
				tt.between(f, store, clock)
			}
			again := cred
			if tt.login != "" {
				again.Username = tt.login
			}
			start(again)
			logins, checks := f.counts()
			assert.Equal(t, tt.wantLogins, logins, "log-ins")
			assert.Equal(t, tt.wantChecks, checks, "checks")
			assert.Equal(t, 2, store.loads, "the store is read once per start")
		})
	}
}

func TestAStoreThatFails(t *testing.T) {
	t.Parallel()
	f, store := newFakeWazo(t), &memoryStore{err: errors.New("disk on fire")}
	a := f.client().Account(Credentials{"alice", "pa55word"}, store)
	_, err := a.Token(t.Context())
	require.ErrorIs(t, err, store.err, "logging in at each start would use up the sessions")
	logins, _ := f.counts()
	assert.Zero(t, logins)

	store.err = nil
	_, err = a.Token(t.Context())
	require.NoError(t, err, "a later call tries again")
}

func TestRenewalBeforeExpiry(t *testing.T) {
	t.Parallel()
	f, store, clock := newFakeWazo(t), &memoryStore{}, newFakeClock()
	f.now = clock.Now
	c := f.client()
	c.now = clock.Now
	a := c.Account(Credentials{"alice", "pa55word"}, store)
	first, err := a.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, clock.Now().Add(12*time.Hour), first.ExpiresAt)

	clock.advance(10*time.Hour - time.Second)
	same, err := a.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, same)

	clock.advance(time.Second)
	second, err := a.Token(t.Context())
	require.NoError(t, err)
	assert.NotEqual(t, first.Token, second.Token)
	assert.Equal(t, second, store.token)
}

func TestATokenThatCannotBeRenewedIsUsedUntilItEnds(t *testing.T) {
	t.Parallel()
	f, clock := newFakeWazo(t), newFakeClock()
	f.now = clock.Now
	c := f.client()
	c.now = clock.Now
	a := c.Account(Credentials{"alice", "pa55word"}, nil)
	first, err := a.Token(t.Context())
	require.NoError(t, err)

	f.login = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	clock.advance(11 * time.Hour)
	same, err := a.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, same)

	clock.advance(time.Hour)
	_, err = a.Token(t.Context())
	assert.True(t, isStatus(err, http.StatusInternalServerError), "%v", err)
}

func TestClocksThatDisagree(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	f.now = func() time.Time { return time.Now().Add(-24 * time.Hour) }
	a := f.account()
	for range 3 {
		_, err := a.Token(t.Context())
		require.NoError(t, err)
	}
	logins, _ := f.counts()
	assert.Equal(t, 1, logins, "a server whose clock is late must not cost a session per call")
}

func TestFailedLogins(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		login http.HandlerFunc
		holds []time.Duration // until a further attempt is made
		check func(t *testing.T, err error)
	}{
		{
			name: "a wrong password",
			login: func(w http.ResponseWriter, _ *http.Request) {
				answerJSON(w, 401, `{"reason": ["Authentication Failed"], "timestamp": [1795288929.58], "status_code": 401}`)
			},
			holds: []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour},
			check: func(t *testing.T, err error) {
				var answer *Error
				require.ErrorAs(t, err, &answer)
				assert.True(t, answer.LoginFailed())
				assert.NotContains(t, err.Error(), "pa55word")
			},
		},
		{
			name: "too many sessions",
			login: func(w http.ResponseWriter, _ *http.Request) {
				answerJSON(w, 429, `{"reason": ["User U has exceeded the maximum number of active sessions"], "timestamp": [1], "status_code": 429}`)
			},
			holds: []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute},
			check: func(t *testing.T, err error) {
				var answer *Error
				require.ErrorAs(t, err, &answer)
				assert.True(t, answer.SessionLimit())
			},
		},
		{
			name: "too many sessions with a time to wait",
			login: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "3600")
				answerJSON(w, 429, `{}`)
			},
			holds: []time.Duration{time.Hour, time.Hour},
		},
		{
			name:  "a server error, which makes a session nevertheless",
			login: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
			holds: []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 5 * time.Minute},
		},
		{
			name: "nginx without wazo-auth",
			login: func(w http.ResponseWriter, _ *http.Request) {
				answerJSON(w, 502, "<html><title>502 Bad Gateway</title></html>")
			},
			holds: []time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second, 15 * time.Second},
			check: func(t *testing.T, err error) { assert.ErrorContains(t, err, "Bad Gateway (HTML page)") },
		},
		{
			name:  "a success that is no token",
			login: func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"data": {}}`) },
			holds: []time.Duration{5 * time.Second, 10 * time.Second},
			check: func(t *testing.T, err error) { assert.False(t, OutcomeUnknown(err)) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, clock := newFakeWazo(t), newFakeClock()
			f.login = tt.login
			c := f.client()
			c.now = clock.Now
			a := c.Account(Credentials{"alice", "pa55word"}, nil)
			for i, hold := range tt.holds {
				_, err := a.Token(t.Context())
				require.Error(t, err)
				if tt.check != nil {
					tt.check(t, err)
				}
				clock.advance(hold - time.Millisecond)
				_, again := a.Token(t.Context())
				require.Same(t, err, again, "the same error, without a request")
				logins, _ := f.counts()
				require.Equal(t, i+1, logins)
				clock.advance(time.Millisecond)
			}
			f.login = nil
			_, err := a.Token(t.Context())
			require.NoError(t, err, "after the pause, a log-in that succeeds ends it")
		})
	}
}

func TestNoPauseAfterALoginThatWasNotSent(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	a := f.account()
	f.srv.Close()
	for range 3 {
		_, err := a.Token(t.Context())
		var failure *TransportError
		require.ErrorAs(t, err, &failure)
		assert.False(t, failure.Sent)
	}
	assert.NoError(t, a.logins.blocked(time.Now()))
}

func TestLogout(t *testing.T) {
	t.Parallel()
	t.Run("the token in use is revoked and forgotten", func(t *testing.T) {
		f, store := newFakeWazo(t), &memoryStore{}
		a := f.client().Account(Credentials{"alice", "pa55word"}, store)
		token, err := a.Token(t.Context())
		require.NoError(t, err)
		require.NoError(t, a.Logout(t.Context()))
		assert.False(t, f.isValid(token.Token))
		assert.Zero(t, store.token)
		next, err := a.Token(t.Context())
		require.NoError(t, err)
		assert.NotEqual(t, token.Token, next.Token)
	})
	t.Run("who still uses an account that has ended gets no other token", func(t *testing.T) {
		f := newFakeWazo(t)
		a := f.client().Account(Credentials{"alice", "pa55word"}, nil)
		token, err := a.Token(t.Context())
		require.NoError(t, err)
		require.NoError(t, a.End(t.Context()))
		assert.False(t, f.isValid(token.Token))
		_, err = a.Token(t.Context())
		require.ErrorIs(t, err, ErrLogInEnded)
	})
	t.Run("a kept token that was not used yet is revoked too", func(t *testing.T) {
		f, store := newFakeWazo(t), &memoryStore{token: Token{Token: secretToken}}
		f.valid[secretToken] = true
		require.NoError(t, f.client().Account(Credentials{"alice", "pa55word"}, store).Logout(t.Context()))
		assert.False(t, f.isValid(secretToken))
		assert.Zero(t, store.token)
	})
}

func TestCheckScopes(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	var got string
	f.mux.HandleFunc("POST /api/auth/0.1/token/{token}/scopes/check", func(w http.ResponseWriter, r *http.Request) {
		if got = r.PathValue("token"); !f.isValid(got) {
			answerJSON(w, 404, `{"reason": ["No such token"], "timestamp": [1], "status_code": 404}`)
			return
		}
		answerJSON(w, 200, `{"scopes": {"websocketd": true, "chatd.config.read": false}}`)
	})
	a := f.account()
	want := map[string]bool{"websocketd": true, "chatd.config.read": false}
	scopes, err := a.CheckScopes(t.Context(), "websocketd", "chatd.config.read")
	require.NoError(t, err)
	assert.Equal(t, want, scopes)

	f.revoke(got)
	scopes, err = a.CheckScopes(t.Context(), "websocketd", "chatd.config.read")
	require.NoError(t, err, "a revoked token is renewed")
	assert.Equal(t, want, scopes)
	logins, _ := f.counts()
	assert.Equal(t, 2, logins)
}

func TestCheckFindsWhatAValidTokenHides(t *testing.T) {
	t.Parallel()
	f, clock := newFakeWazo(t), newFakeClock()
	f.now = clock.Now
	c := f.client()
	c.now = clock.Now
	a := c.Account(Credentials{"alice", "pa55word"}, nil)
	require.NoError(t, a.Check(t.Context()))

	f.login = func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 401, `{"reason": ["Authentication Failed"]}`)
	}
	clock.advance(11 * time.Hour)
	_, err := a.Token(t.Context())
	require.NoError(t, err, "the old token is good for another hour")
	var refused *Error
	require.ErrorAs(t, a.Check(t.Context()), &refused)
	assert.True(t, refused.LoginFailed())

	f.login = nil
	clock.advance(time.Hour)
	require.NoError(t, a.Check(t.Context()))
	token, err := a.Token(t.Context())
	require.NoError(t, err)
	f.revoke(token.Token)
	require.NoError(t, a.Check(t.Context()), "a revoked token is renewed")
	f.srv.Close()
	require.Error(t, a.Check(t.Context()))
}
