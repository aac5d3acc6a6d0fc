package wazoapi

import (
	"errors"
	"net/http"
	"time"
)

// loginGate decides when no log-in may be tried. wazo-auth itself has no
// lock-out (docs/wazo.md, "Log in"), but a wrong password stays wrong, and each
// log-in, even one that is answered by a 500, makes one of 100 sessions
// (docs/wazo.md, "Session limit").
type loginGate struct {
	until    time.Time
	err      error // what the last log-in failed with
	failures int
	quick    int // fresh tokens rejected in a row
}

// freshToken is the age below which the rejection of a token is suspicious.
const freshToken = time.Minute

// quickAllowed is how many fresh tokens may be rejected before log-ins are
// slowed down.
const quickAllowed = 3

// held returns the error of the last log-in if it is too early for another.
func (g *loginGate) held(now time.Time) error {
	if now.Before(g.until) {
		return g.err
	}
	return nil
}

// failed notes a log-in that failed.
func (g *loginGate) failed(now time.Time, err error) {
	g.failures++
	g.err = err
	g.until = now.Add(holdFor(err, g.failures))
}

func (g *loginGate) succeeded() {
	g.failures = 0
	g.err = nil
	g.until = time.Time{}
}

// rejected notes that a service didn't accept a token in use since then.
func (g *loginGate) rejected(now, since time.Time, err error) {
	if now.Sub(since) >= freshToken {
		g.quick = 0
		return
	}
	if g.quick++; g.quick > quickAllowed {
		g.err = err
		g.until = now.Add(doubled(30*time.Second, g.quick-quickAllowed, time.Hour))
	}
}

// holdFor returns how long no further log-in is tried after the nth failure in
// a row.
func holdFor(err error, n int) time.Duration {
	if failure, ok := errors.AsType[*TransportError](err); ok && !failure.Sent {
		return 0 // wazo-auth has not seen it: nothing to protect
	}
	answer, ok := errors.AsType[*Error](err)
	switch {
	case ok && answer.Status == http.StatusUnauthorized:
		return doubled(30*time.Second, n, time.Hour)
	case ok && answer.Status == http.StatusTooManyRequests:
		return max(answer.RetryAfter, doubled(time.Minute, n, 15*time.Minute))
	default:
		return doubled(5*time.Second, n, 5*time.Minute)
	}
}

// doubled returns first for n = 1, twice as much for each further n, at most
// limit.
func doubled(first time.Duration, n int, limit time.Duration) time.Duration {
	d := first
	for range n - 1 {
		if d *= 2; d >= limit {
			return limit
		}
	}
	return min(d, limit)
}

func isStatus(err error, status int) bool {
	answer, ok := errors.AsType[*Error](err)
	return ok && answer.Status == status
}
