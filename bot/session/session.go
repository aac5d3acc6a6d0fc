// Package session keeps an access token that expires fresh, by its refresh token.
//
// A [Session] is used by all requests of the account. It renews the tokens before the access token expires, and when
// the homeserver refuses the access token. There are four rules:
//
//   - One renewal at a time. A refresh token that is used twice ends the log-in (RFC 9700, section 4.14.2).
//   - A new pair is stored before it is used. Whoever is killed in between still has the old pair, and servers accept
//     the old refresh token until the new pair is used (client-server API, "Refreshing access tokens").
//   - A renewal does not end with the request that asked for it. Its answer would be lost otherwise.
//   - No clock but the own one counts. A token expires so long after the moment when it was asked for, and whatever the
//     clock says, the homeserver has the last word.
//
// How tokens are renewed, and where they are stored, is the business of the [Backend].
package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/internal/task"
)

var (
	// ErrEnded says that the tokens will never be renewed again, and that only a new log-in helps.
	ErrEnded = errors.New("the Matrix log-in has ended")
	// ErrNotRenewed says that the tokens could not be renewed for now.
	ErrNotRenewed = errors.New("the access token could not be renewed")
)

// Tokens are what a log-in gives.
type Tokens struct {
	Access  string
	Refresh string
	Expires time.Time     // by the clock of this machine; zero: it is not known when the access token expires
	Life    time.Duration // for how long the access token was issued; 0: that is not known
}

// New returns tokens that were asked for at a moment and live for so long.
func New(access, refresh string, asked time.Time, life time.Duration) Tokens {
	t := Tokens{Access: access, Refresh: refresh}
	if life > 0 {
		t.Expires, t.Life = asked.Add(life), life
	}
	return t
}

const (
	// longestMargin is how long before its end an access token is renewed, at most: longer than a poll for news lasts.
	longestMargin = time.Minute
	// renewalTimeout is how long a renewal may take.
	renewalTimeout = time.Minute
)

// isDue reports whether the access token should be renewed. Short lives have a margin that is shorter in proportion.
func (t Tokens) isDue(now time.Time) bool {
	return !t.Expires.IsZero() && t.Expires.Sub(now) <= min(longestMargin, t.Life/4)
}

// isExpired reports whether the access token has expired, as far as the own clock knows.
func (t Tokens) isExpired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// Backend renews and stores the tokens of a session. Its methods are called one at a time.
type Backend interface {
	// Renew asks for a new pair. It returns ErrEnded, wrapped, if the refresh token is refused for good, and any other
	// error if that may pass. The new refresh token is empty if the old one stays valid.
	Renew(ctx context.Context, refreshToken string) (Tokens, error)
	// Store stores a pair that is not in use yet.
	Store(ctx context.Context, tokens Tokens) error
	// End stores that the log-in has ended, so that no later start tries it again.
	End(ctx context.Context) error
}

// backoff is the pause between renewals that fail.
var backoff = task.Backoff{First: time.Second, Longest: 30 * time.Second}

// Session is a log-in whose access token expires. Make it with [Open]. Its methods may be called by many goroutines at
// once.
type Session struct {
	backend Backend
	log     zerolog.Logger
	now     func() time.Time

	mu       sync.Mutex
	tokens   Tokens
	unstored *Tokens  // what a renewal brought and could not be stored
	renewal  *renewal // nil if none is under way
	failures int      // renewals that failed, in a row
	nextTry  time.Time
	failure  error // of the last renewal; lasting if it is ErrEnded
	closed   bool
	refused  string // the access token that the homeserver has refused last
}

// renewal is a renewal that is under way.
type renewal struct {
	done chan struct{}
	err  error // valid when done is closed
}

// Open returns the session that has these tokens.
func Open(tokens Tokens, backend Backend, log zerolog.Logger) *Session {
	return &Session{backend: backend, log: log, now: time.Now, tokens: tokens}
}

// Token returns the access token for a request. If that is about to expire, it is renewed beside the request; if it has
// expired, the request waits for the renewal. It returns ErrEnded, wrapped, if the log-in has ended.
func (s *Session) Token(ctx context.Context) (string, error) {
	s.mu.Lock()
	tokens, failure, now := s.tokens, s.failure, s.now()
	s.mu.Unlock()
	switch {
	case errors.Is(failure, ErrEnded):
		return "", failure
	case !tokens.isDue(now):
		return tokens.Access, nil
	}
	renewal := s.begin(ctx, tokens.Access)
	if !tokens.isExpired(now) {
		return tokens.Access, nil
	}
	if err := renewal.wait(ctx); errors.Is(err, ErrEnded) || ctx.Err() != nil {
		return "", err
	}
	return s.current(), nil // without success the old one: the homeserver's clock may be another
}

// Refused returns another access token than the one that the homeserver has refused. It returns ErrEnded or
// ErrNotRenewed, wrapped, if there is none.
func (s *Session) Refused(ctx context.Context, access string) (string, error) {
	s.mu.Lock()
	s.refused = access
	s.mu.Unlock()
	if err := s.begin(ctx, access).wait(ctx); err != nil {
		return "", err
	}
	return s.current(), nil
}

// Trouble returns why there is no valid access token: ErrEnded, or ErrNotRenewed if the last one has expired or was
// refused and could not be renewed. It returns nil if all is well.
func (s *Session) Trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(s.failure, ErrEnded) || s.failure != nil && (s.tokens.isExpired(s.now()) || s.refused == s.tokens.Access) {
		return s.failure
	}
	return nil
}

// State is how a session is at a moment.
type State struct {
	Expires  time.Time // of the access token, by the clock of this machine; zero: it is not known
	Failures int       // renewals that failed since the last one that succeeded
	Ended    bool      // only a new log-in helps
}

// State returns how the session is.
func (s *Session) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return State{Expires: s.tokens.Expires, Failures: s.failures, Ended: errors.Is(s.failure, ErrEnded)}
}

// Close lets no renewal begin any more, and returns when none is under way. Then nothing is stored any more, so that
// another log-in can take the place of this one. Whoever needs another token gets ErrNotRenewed.
func (s *Session) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.wait()
}

// Settled waits until no renewal is under way. It returns ErrEnded, wrapped, if the log-in has ended, and an error if
// ctx ends before.
func (s *Session) Settled(ctx context.Context) error {
	s.mu.Lock()
	renewal, failure := s.renewal, s.failure
	s.mu.Unlock()
	if renewal != nil {
		failure = renewal.wait(ctx)
	}
	if errors.Is(failure, ErrEnded) || ctx.Err() != nil {
		return failure
	}
	return nil
}

// wait returns when no renewal is under way.
func (s *Session) wait() {
	s.mu.Lock()
	renewal := s.renewal
	s.mu.Unlock()
	if renewal != nil {
		<-renewal.done
	}
}

func (s *Session) current() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens.Access
}

// begin begins to replace an access token, or joins the renewal that is under way. The renewal goes on when ctx ends.
func (s *Session) begin(ctx context.Context, access string) *renewal {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.tokens.Access != access:
		return finished(nil)
	case s.renewal != nil:
		return s.renewal
	case s.closed:
		return finished(fmt.Errorf("%w: another log-in takes its place", ErrNotRenewed))
	case errors.Is(s.failure, ErrEnded), s.now().Before(s.nextTry):
		return finished(s.failure)
	}
	r := &renewal{done: make(chan struct{})}
	s.renewal = r
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewalTimeout)
		defer cancel()
		err := task.Guard(ctx, func() error { return s.renew(ctx) })
		s.mu.Lock()
		defer s.mu.Unlock()
		r.err = s.note(err)
		s.renewal = nil
		close(r.done)
	}()
	return r
}

// finished is a renewal that is over.
func finished(err error) *renewal {
	r := &renewal{done: make(chan struct{}), err: err}
	close(r.done)
	return r
}

func (r *renewal) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNotRenewed, ctx.Err())
	}
}

// renew asks for a new pair, stores it, and then uses it. A pair that could not be stored is not asked for again.
func (s *Session) renew(ctx context.Context) error {
	s.mu.Lock()
	refresh, unstored := s.tokens.Refresh, s.unstored
	s.mu.Unlock()
	if unstored == nil {
		tokens, err := s.backend.Renew(ctx, refresh)
		if errors.Is(err, ErrEnded) {
			return errors.Join(err, s.backend.End(ctx))
		} else if err != nil {
			return err
		}
		if tokens.Refresh == "" {
			tokens.Refresh = refresh // RFC 6749, section 6
		}
		unstored = &tokens
	}
	err := s.backend.Store(ctx, *unstored)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unstored = unstored; err == nil {
		s.tokens, s.unstored = *unstored, nil
	}
	return err
}

// note notes how a renewal went, and returns its error for those who wait. The lock must be held.
func (s *Session) note(err error) error {
	switch {
	case err == nil && s.failures > 0:
		s.log.Info().Msg("The access token could be renewed again")
		fallthrough
	case err == nil:
		s.failures, s.failure, s.nextTry = 0, nil, time.Time{}
		s.log.Debug().Stringer("life", s.tokens.Life).Msg("Renewed the access token")
	case errors.Is(err, ErrEnded):
		s.failure = err
		s.log.Error().Err(err).Msg("The Matrix log-in has ended")
	default:
		s.failures++
		s.failure = fmt.Errorf("%w: %w", ErrNotRenewed, err)
		s.nextTry = s.now().Add(backoff.After(s.failures))
		s.log.Warn().Err(err).Int("failures", s.failures).Msg("Failed to renew the access token, trying again with the same refresh token")
	}
	return s.failure
}

// RefreshToken returns the refresh token that is valid now. The session must be closed.
func (s *Session) RefreshToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens.Refresh
}
