package device

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/util/retryafter"
	"maunium.net/go/mautrix"

	"wazo-matrix-relay/internal/task"
)

// defaultRetryAfter is for a 429 that does not say how long to wait.
const defaultRetryAfter = 5 * time.Second

// RetryAfter returns how long an answer 429 asks to wait. Newer homeservers say it in a header, all in the body.
func RetryAfter(err mautrix.HTTPError) time.Duration {
	if err.RespError != nil {
		if ms, ok := err.RespError.ExtraData["retry_after_ms"].(float64); ok && ms > 0 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return retryafter.Parse(err.Response.Header.Get("Retry-After"), defaultRetryAfter)
}

// logInWhenAllowed logs in, and waits as often and as long as the homeserver limits log-ins (docs/matrix.md, "Rate
// limits"). It returns at once if ctx ends before that.
func (m *Manager) logInWhenAllowed(ctx context.Context, request *mautrix.ReqLogin) (*mautrix.RespLogin, error) {
	for {
		resp, err := m.logInOnce(ctx, request)
		var limit mautrix.HTTPError
		if !errors.Is(err, mautrix.MLimitExceeded) || !errors.As(err, &limit) || limit.Response == nil {
			return resp, err
		}
		wait := RetryAfter(limit)
		if end, ok := ctx.Deadline(); ok && time.Until(end) < wait {
			return nil, fmt.Errorf("the homeserver limits log-ins, try again in %s: %w", wait.Round(time.Second), err)
		}
		m.log.Warn().Stringer("wait", wait).Time("again_at", time.Now().Add(wait)).Msg("The homeserver limits log-ins, waiting as long as it asks")
		if err = task.Sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

func (m *Manager) logInOnce(ctx context.Context, request *mautrix.ReqLogin) (*mautrix.RespLogin, error) {
	ctx, cancel := m.request(ctx)
	defer cancel()
	return m.client.Login(ctx, request)
}
