package crowd

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// AwaitStreams waits until everybody who has logged in has a connection for events.
func (c *Crowd) AwaitStreams(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for c.Wazo.Websockets() < len(c.People) {
		if err := Pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("only %d of %d people have a connection for events: %w", c.Wazo.Websockets(), len(c.People), err)
		}
	}
	for _, person := range c.People {
		for c.Wazo.WebsocketsOf(person) == 0 {
			if err := Pause(ctx, 50*time.Millisecond); err != nil {
				return fmt.Errorf("%s has no connection for events: %w", person.Username, err)
			}
		}
	}
	return nil
}

const (
	settled  = 10               // samples in a row that must be alike
	alike    = 0.01             // how far they may be apart, as a share
	calm     = 0.1              // how much of a processor may be in use meanwhile
	settling = 90 * time.Second // how long that may take
)

// SettledMemory returns the resident memory of the relay in bytes, when it does not change any more and the relay does
// next to nothing, or at the end of a time.
func (c *Crowd) SettledMemory(ctx context.Context) (float64, error) {
	var samples []float64
	var times []time.Duration // of a processor
	for end := time.Now().Add(settling); ; {
		now, err := c.Relay.ResidentMemory()
		if err != nil {
			return 0, err
		}
		used, err := c.Relay.CPUTime()
		if err != nil {
			return 0, err
		}
		samples, times = append(samples, float64(now)), append(times, used)
		if n := len(samples); n >= settled {
			last, low := samples[n-settled:], slices.Min(samples[n-settled:])
			isCalm := (used - times[n-settled]).Seconds() < calm*settled
			if isCalm && slices.Max(last)-low < alike*low || time.Now().After(end) {
				return float64(now), nil
			}
		}
		if err = Pause(ctx, time.Second); err != nil {
			return 0, err
		}
	}
}

// Pause waits, or returns why ctx ended.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
