package bot

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

// serialPeriod is how long after a rate limit requests still go one by one.
const serialPeriod = 30 * time.Second

// rateLimiter keeps requests of the account within one of the homeserver's rate limits, which are per account. After a
// 429 the requests of all rooms go one by one, in the order in which they came. No room has more than one message under
// way, so each room gets its turn.
type rateLimiter struct {
	onLimit func(wait time.Duration) // is told when the homeserver begins to limit
	onWait  func(wait time.Duration) // is told how long a request has waited; nil: nobody is

	mu           sync.Mutex
	blockedUntil time.Time // no request is made before
	serialUntil  time.Time // requests go one by one until then

	turn *semaphore.Weighted // held by the request whose turn it is; it is handed over in the order of waiting
}

func newRateLimiter(onLimit func(wait time.Duration)) *rateLimiter {
	return &rateLimiter{onLimit: onLimit, turn: semaphore.NewWeighted(1)}
}

// do makes a request when its turn comes, again as often as the homeserver limits it. It returns what the request
// returned, or a *relay.MatrixError if ctx ends first.
func (l *rateLimiter) do(ctx context.Context, request func() error) error {
	hasTurn := false
	defer func() {
		if hasTurn {
			l.turn.Release(1)
		}
	}()
	for {
		began := time.Now()
		if !hasTurn && l.isSerial() {
			if err := l.turn.Acquire(ctx, 1); err != nil {
				return &relay.MatrixError{NotSent: true, Err: err}
			}
			hasTurn = true
		}
		if err := l.wait(ctx); err != nil {
			return err
		}
		if hasTurn && l.onWait != nil {
			l.onWait(time.Since(began))
		}
		err := request()
		var failure *relay.MatrixError
		if !errors.As(err, &failure) || failure.Status != http.StatusTooManyRequests {
			return err
		}
		l.block(failure.RetryAfter)
	}
}

// isSerial reports whether the homeserver limits requests, or did so a moment ago.
func (l *rateLimiter) isSerial() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.serialUntil)
}

// block lets no request be made for a while.
func (l *rateLimiter) block(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	begins := !now.Before(l.serialUntil)
	if until := now.Add(d); until.After(l.blockedUntil) {
		l.blockedUntil = until
	}
	l.serialUntil = l.blockedUntil.Add(serialPeriod)
	if begins {
		l.onLimit(d)
	}
}

// wait returns when requests may be made, or when ctx ends.
func (l *rateLimiter) wait(ctx context.Context) error {
	for {
		l.mu.Lock()
		pause := time.Until(l.blockedUntil)
		l.mu.Unlock()
		if pause <= 0 {
			return nil
		}
		if err := task.Sleep(ctx, pause); err != nil {
			return &relay.MatrixError{NotSent: true, Err: err}
		}
	}
}
