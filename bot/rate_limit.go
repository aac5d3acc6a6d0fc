package bot

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"go.mau.fi/util/retryafter"
	"maunium.net/go/mautrix"

	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

// call makes a request to the homeserver: when the rate limit of the account allows it, and never while the access token is
// being changed. It returns what the request returned, or why waiting ended.
func (b *Bot) call(ctx context.Context, request func() error) error {
	return b.limiter.do(ctx, func() error {
		b.token.RLock()
		defer b.token.RUnlock()
		return request()
	})
}

// tokenLock is held for reading by requests, and for writing by whoever changes the access token or the keys of the device.
type tokenLock struct{ sync.RWMutex }

// whileIdle does something while no request is under way. It reports false if a request is: a join may take minutes.
func (l *tokenLock) whileIdle(do func()) bool {
	if !l.TryLock() {
		return false
	}
	defer l.Unlock()
	do()
	return true
}

// defaultRetryAfter is for a 429 that does not say how long to wait.
const defaultRetryAfter = 5 * time.Second

// retryAfter reads how long a rate limit asks to wait: newer homeservers say it in a header, all in the body.
func retryAfter(err mautrix.HTTPError) time.Duration {
	if err.RespError != nil {
		if ms, ok := err.RespError.ExtraData["retry_after_ms"].(float64); ok && ms > 0 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return retryafter.Parse(err.Response.Header.Get("Retry-After"), defaultRetryAfter)
}

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
