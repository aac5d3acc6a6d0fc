package chaos

import (
	"context"
	"time"
)

// sleep returns after d, or earlier with the context's error. A run needs real time,
// because it talks with processes that have clocks of their own.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
