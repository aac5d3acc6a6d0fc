package wazotest

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Clock is the time of a [Server]: of its stamps, and of everything that it
// waits for.
type Clock interface {
	// Now returns the current time.
	Now() time.Time
	// AfterFunc calls f, not on the caller's goroutine, once d has passed.
	// The returned function cancels the call if it has not been made yet.
	AfterFunc(d time.Duration, f func()) (cancel func())
}

type systemClock struct{}

var _ Clock = systemClock{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) func() {
	timer := time.AfterFunc(d, f)
	return func() { timer.Stop() }
}

// wait returns after d on the clock, or with the context's error.
func wait(ctx context.Context, clock Clock, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	over := make(chan struct{})
	defer clock.AfterFunc(d, func() { close(over) })()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ManualClock is a [Clock] that moves only when told to. Its zero value is not
// usable, see [NewManualClock].
type ManualClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*manualTimer
	set    chan struct{} // closed and replaced when a timer is set
}

type manualTimer struct {
	at time.Time
	f  func()
}

var _ Clock = (*ManualClock)(nil)

// NewManualClock returns a clock that stands at start.
func NewManualClock(start time.Time) *ManualClock {
	return &ManualClock{now: start, set: make(chan struct{})}
}

// Now returns the time that the clock was last moved to.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc calls f when the clock has been moved by d or more.
func (c *ManualClock) AfterFunc(d time.Duration, f func()) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	timer := &manualTimer{at: c.now.Add(d), f: f}
	c.timers = append(c.timers, timer)
	close(c.set)
	c.set = make(chan struct{})
	return func() { c.drop(timer) }
}

func (c *ManualClock) drop(timer *manualTimer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timers = slices.DeleteFunc(c.timers, func(t *manualTimer) bool { return t == timer })
}

// Advance moves the clock by d and calls, in order and on this goroutine, what
// became due.
func (c *ManualClock) Advance(d time.Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	for {
		due := c.takeDue(end)
		if due == nil {
			break
		}
		c.now = due.at
		c.mu.Unlock()
		due.f()
		c.mu.Lock()
	}
	c.now = end
	c.mu.Unlock()
}

// takeDue removes and returns the earliest timer that is due at end, or nil.
func (c *ManualClock) takeDue(end time.Time) *manualTimer {
	var first *manualTimer
	for _, timer := range c.timers {
		if !timer.at.After(end) && (first == nil || timer.at.Before(first.at)) {
			first = timer
		}
	}
	c.timers = slices.DeleteFunc(c.timers, func(t *manualTimer) bool { return t == first })
	return first
}

// WaitTimers returns once at least n calls are due within d: the way to know,
// without sleeping, that somebody is waiting for this clock. It returns the
// context's error if that does not happen in time.
func (c *ManualClock) WaitTimers(ctx context.Context, n int, d time.Duration) error {
	for {
		c.mu.Lock()
		found := 0
		for _, timer := range c.timers {
			if !timer.at.After(c.now.Add(d)) {
				found++
			}
		}
		set := c.set
		c.mu.Unlock()
		if found >= n {
			return nil
		}
		select {
		case <-set:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
