package wazoapi

import (
	"errors"
	"net/http"
	"time"

	"wazo-matrix-relay/internal/task"
)

// loginBackoff decides when the next log-in may be tried. wazo-auth itself has no
// lock-out (docs/wazo.md, "Log in"), but a wrong password stays wrong, and each
// log-in, even one that is answered by a 500, makes one of 100 sessions
// (docs/wazo.md, "Session limit").
type loginBackoff struct {
	until           time.Time
	err             error // what the last log-in failed with
	failures        int   // log-ins that failed in a row
	freshRejections int   // fresh tokens that were rejected in a row
}

// freshTokenAge is the age below which the rejection of a token is suspicious.
const freshTokenAge = time.Minute

// freshRejectionsAllowed is how many fresh tokens may be rejected in a row
// before log-ins are slowed down.
const freshRejectionsAllowed = 3

// blocked returns the error of the last failure if it is too early for another
// log-in, and nil if one may be tried.
func (b *loginBackoff) blocked(now time.Time) error {
	if now.Before(b.until) {
		return b.err
	}
	return nil
}

// failed notes a log-in that failed.
func (b *loginBackoff) failed(now time.Time, err error) {
	b.failures++
	b.err = err
	b.until = now.Add(loginDelay(err, b.failures))
}

// succeeded notes a log-in that succeeded.
func (b *loginBackoff) succeeded() {
	b.failures = 0
	b.err = nil
	b.until = time.Time{}
}

// tokenRejected notes that a service rejected a token that has been in use
// since then.
func (b *loginBackoff) tokenRejected(now, since time.Time, err error) {
	if now.Sub(since) >= freshTokenAge {
		b.freshRejections = 0
		return
	}
	if b.freshRejections++; b.freshRejections > freshRejectionsAllowed {
		b.err = err
		b.until = now.Add(task.Backoff{First: 30 * time.Second, Longest: time.Hour}.WithoutJitter(b.freshRejections - freshRejectionsAllowed))
	}
}

// loginDelay returns how long no further log-in is tried after the nth failure
// in a row.
func loginDelay(err error, n int) time.Duration {
	if failure, ok := errors.AsType[*TransportError](err); ok && !failure.Sent {
		return 0 // wazo-auth has not seen it: nothing to protect
	}
	answer, ok := errors.AsType[*Error](err)
	switch {
	case errors.Is(err, ErrLogInEnded):
		// No more often than is needed to see that an account was enabled again.
		return task.Backoff{First: time.Minute, Longest: 10 * time.Minute}.WithoutJitter(n)
	case ok && answer.Status == http.StatusUnauthorized:
		return task.Backoff{First: 30 * time.Second, Longest: time.Hour}.WithoutJitter(n)
	case ok && answer.Status == http.StatusTooManyRequests:
		return max(answer.RetryAfter, task.Backoff{First: time.Minute, Longest: 15 * time.Minute}.WithoutJitter(n))
	case ok && answer.Status == http.StatusBadGateway:
		// nginx finds no wazo-auth: no session is made, and its return should be seen soon.
		return task.Backoff{First: 5 * time.Second, Longest: 15 * time.Second}.WithoutJitter(n)
	default:
		return task.Backoff{First: 5 * time.Second, Longest: 5 * time.Minute}.WithoutJitter(n)
	}
}

func isStatus(err error, status int) bool {
	answer, ok := errors.AsType[*Error](err)
	return ok && answer.Status == status
}
