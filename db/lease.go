package db

import (
	"context"
	"sync"
	"time"
)

// leaseTimes are the times by which several processes agree who acts. They rest on one condition: length < patience.
// Then nobody else acts before the lease of a process that has stopped renewing it has ended, see [standby].
type leaseTimes struct {
	renewal  time.Duration // how often the active process renews its lease
	length   time.Duration // how long a process may act after a renewal
	patience time.Duration // how long others see no renewal before one of them takes over
	look     time.Duration // how often they look
}

// usualLease takes over about six seconds after the last renewal of a process that was killed, or stands still. The
// lease outlives two renewals that fail. The difference of two seconds between length and patience is there for clocks
// that run at different speeds.
var usualLease = leaseTimes{renewal: time.Second, length: 3 * time.Second, patience: 5 * time.Second, look: 250 * time.Millisecond}

// lease is how long this process may still act without asking the server. It knows that by its own clock, so that a
// process that stood still knows at once that it may not go on. It is safe for concurrent use.
type lease struct {
	length time.Duration
	lost   <-chan struct{} // closed when another process has taken over

	mu      sync.Mutex
	renewed time.Time     // when the last renewal that succeeded was begun; zero: there was none, or the lease is given back
	changed chan struct{} // closed at the next renewal
}

func newLease(length time.Duration, lost <-chan struct{}) *lease {
	return &lease{length: length, lost: lost, changed: make(chan struct{})}
}

// renew begins the lease anew, at the time before the server was asked: whatever the answer took is not counted on.
func (l *lease) renew(asked time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewed = asked
	close(l.changed)
	l.changed = make(chan struct{})
}

// end ends the lease before its time.
func (l *lease) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewed = time.Time{}
}

// isValid reports whether the process may act.
func (l *lease) isValid() bool {
	valid, _ := l.state()
	return valid
}

func (l *lease) state() (valid bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.lost:
		return false, l.changed
	default:
	}
	if l.renewed.IsZero() {
		return false, l.changed
	}
	// The monotonic clock may stand still together with the machine, for example while a virtual machine is paused. The
	// wall clock is set again afterwards. Round(0) chooses it.
	now := time.Now()
	return now.Sub(l.renewed) < l.length && now.Round(0).Sub(l.renewed.Round(0)) < l.length, l.changed
}

// await returns when the process may act. It returns ErrInUse if another process has taken over, and the error of ctx
// if that ends first.
func (l *lease) await(ctx context.Context) error {
	for {
		valid, changed := l.state()
		if valid {
			return nil
		}
		select {
		case <-l.lost:
			return ErrInUse
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
