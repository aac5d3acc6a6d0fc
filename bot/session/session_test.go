package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/bot/bottest"
)

// fixture is a session, a server that gives it tokens, and a homeserver that accepts the newest one. Its clock stands
// still.
type fixture struct {
	*testing.T
	*Session
	logged bottest.LogBuffer

	mu       sync.Mutex
	clock    time.Time
	life     time.Duration // of new access tokens
	number   int           // of the newest pair
	stored   []Tokens
	ended    bool
	onRenew  func(ctx context.Context) error // before a renewal succeeds
	onStore  func() error
	renewals []string // the refresh tokens that were used
}

var _ Backend = (*fixture)(nil)

func newFixture(t *testing.T) *fixture {
	f := &fixture{T: t, clock: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC), life: 5 * time.Minute}
	f.Session = Open(New("access-0", "refresh-0", f.clock, f.life), f, zerolog.New(&f.logged))
	f.now = func() time.Time {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.clock
	}
	t.Cleanup(f.Close)
	return f
}

func (f *fixture) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(d)
}

// Renew implements Backend.
func (f *fixture) Renew(ctx context.Context, refresh string) (Tokens, error) {
	f.mu.Lock()
	f.renewals = append(f.renewals, refresh)
	onRenew := f.onRenew
	f.mu.Unlock()
	if onRenew != nil {
		if err := onRenew(ctx); err != nil {
			return Tokens{}, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.number++
	return New(fmt.Sprintf("access-%d", f.number), fmt.Sprintf("refresh-%d", f.number), f.clock, f.life), nil
}

// Store implements Backend.
func (f *fixture) Store(_ context.Context, tokens Tokens) error {
	if f.onStore != nil {
		if err := f.onStore(); err != nil {
			return err
		}
	}
	require.NotEqual(f, tokens.Access, f.current(), "it is stored before it is used")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stored = append(f.stored, tokens)
	return nil
}

// End implements Backend.
func (f *fixture) End(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	return nil
}

// token returns the access token for a request.
func (f *fixture) token() string {
	f.Helper()
	access, err := f.Token(f.Context())
	require.NoError(f, err)
	return access
}

func (f *fixture) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onRenew = func(context.Context) error { return err }
}

func (f *fixture) succeed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onRenew = nil
}

var errLost = errors.New("the answer was lost")

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.pass(3 * time.Minute)
	require.Equal(t, "access-0", f.token())
	f.pass(time.Minute)
	require.Equal(t, "access-0", f.token(), "which is valid for a minute: nobody waits")
	f.wait()
	require.Equal(t, "access-1", f.token())
	f.pass(5 * time.Minute)
	require.Equal(t, "access-2", f.token(), "an expired one is waited for")
	require.Equal(t, []string{"refresh-0", "refresh-1"}, f.renewals)
	require.Equal(t, "access-2", f.stored[1].Access)
	require.Equal(t, f.life, f.stored[1].Life)
	require.NotContains(t, f.logged.String(), "access-")
	require.NotContains(t, f.logged.String(), "refresh-")
}

func TestTokenOfUnknownLifeIsKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Session.tokens = New("access-0", "refresh-0", f.clock, 0)
	f.pass(365 * 24 * time.Hour)
	require.Equal(t, "access-0", f.token())
	require.Empty(t, f.renewals)
}

func TestRefreshTokenIsUsedOnceByAll(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.pass(time.Hour)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			access, err := f.Token(t.Context())
			if err != nil || access != "access-1" {
				t.Errorf("got %q, %v", access, err)
			}
			access, err = f.Refused(t.Context(), "access-0")
			if err != nil || access != "access-1" {
				t.Errorf("got %q, %v", access, err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, []string{"refresh-0"}, f.renewals)
}

func TestRenewalSurvivesTheRequestThatWantedIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.pass(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	f.onRenew = func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	}
	_, err := f.Token(ctx)
	if err != nil { // the request has ended before the renewal, or the other way round
		require.ErrorIs(t, err, context.Canceled)
	}
	f.wait()
	require.Equal(t, "access-1", f.token())
}

func TestRenewalWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	t.Run("is tried again with the same refresh token, after a pause", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.pass(4 * time.Minute)
		f.fail(errLost)
		require.Equal(t, "access-0", f.token())
		f.wait()
		require.Equal(t, "access-0", f.token(), "which is still valid")
		require.NoError(t, f.Trouble())
		f.wait()
		require.Equal(t, []string{"refresh-0"}, f.renewals, "the pause")
		f.pass(time.Minute)
		require.Equal(t, "access-0", f.token(), "the homeserver says whether it is still valid")
		require.ErrorIs(t, f.Trouble(), errLost)
		f.succeed()
		f.pass(time.Minute)
		require.Equal(t, "access-1", f.token())
		require.Equal(t, []string{"refresh-0", "refresh-0", "refresh-0"}, f.renewals)
		require.NoError(t, f.Trouble())
	})
	t.Run("is not a log-in that has ended", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.fail(errLost)
		_, err := f.Refused(t.Context(), "access-0")
		require.ErrorIs(t, err, ErrNotRenewed)
		require.ErrorIs(t, err, errLost)
		require.NotErrorIs(t, err, ErrEnded)
		require.ErrorIs(t, f.Trouble(), ErrNotRenewed, "whatever the own clock says")
		require.False(t, f.ended)
	})
}

func TestPairThatCannotBeStored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	full := errors.New("the disk is full")
	f.onStore = func() error { return full }
	_, err := f.Refused(t.Context(), "access-0")
	require.ErrorIs(t, err, full)
	require.Equal(t, "access-0", f.token(), "it is not used")
	f.onStore = nil
	f.pass(time.Minute)
	access, err := f.Refused(t.Context(), "access-0")
	require.NoError(t, err)
	require.Equal(t, "access-1", access)
	require.Equal(t, []string{"refresh-0"}, f.renewals, "it is not asked for again")
}

func TestLogInThatHasEnded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.fail(fmt.Errorf("%w: invalid_grant", ErrEnded))
	_, err := f.Refused(t.Context(), "access-0")
	require.ErrorIs(t, err, ErrEnded)
	require.True(t, f.ended)
	f.succeed()
	f.pass(time.Hour)
	_, err = f.Token(t.Context())
	require.ErrorIs(t, err, ErrEnded, "for ever")
	require.ErrorIs(t, f.Trouble(), ErrEnded)
	require.Len(t, f.renewals, 1)
	require.Contains(t, f.logged.String(), "The Matrix log-in has ended")
}

func TestClosedSessionRenewsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	f.onRenew = func(context.Context) error {
		close(begun)
		<-goOn
		return nil
	}
	f.pass(4 * time.Minute)
	require.Equal(t, "access-0", f.token())
	<-begun
	closed := make(chan struct{})
	go func() {
		f.Close()
		close(closed)
	}()
	select {
	case <-closed:
		require.Fail(t, "it does not wait for the renewal that is under way")
	default:
	}
	close(goOn)
	<-closed
	require.Len(t, f.stored, 1)
	_, err := f.Refused(t.Context(), "access-1")
	require.ErrorIs(t, err, ErrNotRenewed)
	require.Len(t, f.stored, 1)
	require.Equal(t, []string{"refresh-0"}, f.renewals)
}

func TestRefreshTokenThatStaysValid(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	once := &onceBackend{fixture: f}
	f.Session.backend = once
	_, err := f.Refused(t.Context(), "access-0")
	require.NoError(t, err)
	require.Equal(t, "refresh-0", f.stored[0].Refresh)
	require.Equal(t, "refresh-0", f.RefreshToken())
}

// onceBackend gives no new refresh tokens (RFC 6749, section 6).
type onceBackend struct{ *fixture }

func (b *onceBackend) Renew(ctx context.Context, refresh string) (Tokens, error) {
	tokens, err := b.fixture.Renew(ctx, refresh)
	tokens.Refresh = ""
	return tokens, err
}

// homeserver accepts one access token, and answers with what was sent to it.
func (f *fixture) homeserver(accepted string) (*httptest.Server, *[]string) {
	var seen []string
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		if r.Header.Get("Authorization") != "Bearer "+accepted {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"errcode":"M_UNKNOWN_TOKEN","error":"Token is not active"}`)
			return
		}
		_, _ = io.Copy(w, r.Body)
	}))
	f.Cleanup(web.Close)
	return web, &seen
}

func (f *fixture) request(method, url string, body io.Reader) (*http.Response, string, error) {
	f.Helper()
	r, err := http.NewRequestWithContext(f.Context(), method, url, body)
	require.NoError(f, err)
	r.Header.Set("Authorization", "Bearer whatever the client believes")
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := f.RoundTrip(r, transport)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(f, err)
	require.Equal(f, "Bearer whatever the client believes", r.Header.Get("Authorization"), "a transport may not change its request")
	return resp, string(answer), nil
}

// The clock of the homeserver is ahead, or somebody has revoked the access token: by the own clock it is still valid.
func TestRefusedTokenIsRenewed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	web, seen := f.homeserver("access-1")
	resp, answer, err := f.request(http.MethodPut, web.URL, strings.NewReader("a message"))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "a message", answer, "it is sent again as a whole")
	require.Equal(t, []string{"access-0", "access-1"}, *seen)
}

// The own clock is ahead, and the provider is away.
func TestTokenIsUsedForAsLongAsTheHomeserverAcceptsIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	web, seen := f.homeserver("access-0")
	f.fail(errLost)
	f.pass(time.Hour)
	resp, _, err := f.request(http.MethodGet, web.URL, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, []string{"access-0"}, *seen)
}

func TestRefusedRequestIsMadeAgainOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	web, seen := f.homeserver("none at all")
	resp, answer, err := f.request(http.MethodGet, web.URL, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	require.Contains(t, answer, "M_UNKNOWN_TOKEN", "it can be read")
	require.Equal(t, []string{"access-0", "access-1"}, *seen)
}

func TestRequestThatCannotBeMadeAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	web, _ := f.homeserver("access-1")
	resp, answer, err := f.request(http.MethodPost, web.URL, io.MultiReader(bytes.NewReader([]byte("a file"))))
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	require.Contains(t, answer, "M_UNKNOWN_TOKEN", "its maker learns that")
	require.Equal(t, "access-1", f.token())
}

func TestOtherAnswersAreLeftAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, answer := range []string{`{"session":"1","flows":[{"stages":["m.login.password"]}]}`, "<html>", `{"errcode":"M_USER_LOCKED"}`} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, answer)
		}))
		t.Cleanup(web.Close)
		_, got, err := f.request(http.MethodGet, web.URL, nil)
		require.NoError(t, err)
		require.Equal(t, answer, got)
	}
	require.Empty(t, f.renewals)
}

func TestEndedLogInMakesNoRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	web, seen := f.homeserver("access-9")
	f.fail(fmt.Errorf("%w: invalid_grant", ErrEnded))
	for range 2 {
		_, _, err := f.request(http.MethodGet, web.URL, nil)
		require.ErrorIs(t, err, ErrEnded)
	}
	require.Len(t, *seen, 1)
}
