package task

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff computes the pauses between attempts: the first one, then twice as long after each further failure, up to the
// longest. Each pause is lengthened by up to a quarter at random, so that many workers do not return at the same
// moment.
type Backoff struct{ First, Longest time.Duration }

// After returns the pause after a number of failures in a row, which begins at 1.
func (b Backoff) After(failures int) time.Duration { return withJitter(b.WithoutJitter(failures)) }

// WithoutJitter returns the pause after a number of failures in a row, without the random part.
func (b Backoff) WithoutJitter(failures int) time.Duration {
	pause := b.First
	for range failures - 1 {
		if pause >= b.Longest {
			break
		}
		pause *= 2
	}
	return min(pause, b.Longest)
}

// AfterAsked returns the pause that a server asked for, or [Backoff.After] if it asked for none (0).
func (b Backoff) AfterAsked(asked time.Duration, failures int) time.Duration {
	if asked > 0 {
		return withJitter(asked)
	}
	return b.After(failures)
}

func withJitter(pause time.Duration) time.Duration { return pause + rand.N(pause/4+1) }

// Sleep waits for d. It returns the error of ctx if that ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
