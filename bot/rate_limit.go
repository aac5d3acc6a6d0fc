package bot

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"go.mau.fi/util/retryafter"
	"maunium.net/go/mautrix"

	"wazo-matrix-relay/relay"
)

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

// calmTime is how long after a rate limit requests still go one by one.
const calmTime = 30 * time.Second

// gate lets the account's requests pass. A homeserver's rate limit is per account: after a 429 the requests of all rooms go
// one by one, in the order in which they came, and no room has more than one under way, so that each gets its turn.
type gate struct {
	mu    sync.Mutex
	until time.Time // nothing passes before
	calm  time.Time // one by one until then

	turn sync.Mutex // held by the one that may pass; Go hands it over in the order of waiting

	requests sync.RWMutex // held by requests, and alone by who changes the access token
}

// alone does something while no request is under way.
func (g *gate) alone(do func() error) error {
	g.requests.Lock()
	defer g.requests.Unlock()
	return do()
}

// tryAlone is alone if that needs no waiting; otherwise it reports false. A join may take minutes.
func (g *gate) tryAlone(do func()) bool {
	if !g.requests.TryLock() {
		return false
	}
	defer g.requests.Unlock()
	do()
	return true
}

// pass does a request when its turn comes, again as often as the homeserver limits it. It returns what do returned, or why
// waiting ended.
func (g *gate) pass(ctx context.Context, do func() error) error {
	if g.isCalm() {
		g.turn.Lock()
		defer g.turn.Unlock()
	}
	for {
		if err := g.wait(ctx); err != nil {
			return err
		}
		err := g.together(do)
		var failure *relay.MatrixError
		if !errors.As(err, &failure) || failure.Status != http.StatusTooManyRequests {
			return err
		}
		g.close(failure.RetryAfter)
	}
}

// together does something while nobody is alone.
func (g *gate) together(do func() error) error {
	g.requests.RLock()
	defer g.requests.RUnlock()
	return do()
}

func (g *gate) isCalm() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.calm)
}

func (g *gate) close(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(d); until.After(g.until) {
		g.until = until
	}
	g.calm = g.until.Add(calmTime)
}

// wait returns when nothing is held back, or when ctx ends.
func (g *gate) wait(ctx context.Context) error {
	for {
		g.mu.Lock()
		pause := time.Until(g.until)
		g.mu.Unlock()
		if pause <= 0 {
			return nil
		}
		if !sleep(ctx, pause) {
			return &relay.MatrixError{NotSent: true, Err: ctx.Err()}
		}
	}
}
