package bot

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

// serialPeriod is how long after a rate limit requests still go one by one.
const serialPeriod = 30 * time.Second

// rateLimiter keeps the requests of the account within the homeserver's rate limit, which is per account. After a 429 the
// requests of all rooms go one by one, in the order in which they came. No room has more than one under way, so each room gets
// its turn.
type rateLimiter struct {
	mu           sync.Mutex
	blockedUntil time.Time // no request is made before
	serialUntil  time.Time // requests go one by one until then

	turn sync.Mutex // held by the request whose turn it is; Go hands it over in the order of waiting
}

// do makes a request when its turn comes, again as often as the homeserver limits it. It returns what the request returned, or
// a *relay.MatrixError if ctx ends first.
func (l *rateLimiter) do(ctx context.Context, request func() error) error {
	if l.isSerial() {
		l.turn.Lock()
		defer l.turn.Unlock()
	}
	for {
		if err := l.wait(ctx); err != nil {
			return err
		}
		err := request()
		var failure *relay.MatrixError
		if !errors.As(err, &failure) || failure.Status != http.StatusTooManyRequests {
			return err
		}
		l.block(failure.RetryAfter)
	}
}

func (l *rateLimiter) isSerial() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.serialUntil)
}

// block lets no request be made for a while.
func (l *rateLimiter) block(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := time.Now().Add(d); until.After(l.blockedUntil) {
		l.blockedUntil = until
	}
	l.serialUntil = l.blockedUntil.Add(serialPeriod)
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
