package task

import (
	"sync"
	"time"
)

// PoisonDetector finds items that fail by their own fault ("poison messages"): such an item fails often and for long,
// although the service does its work for others. When the service is away, no item is at fault.
//
// Set both limits; the zero value of the rest is ready to use.
type PoisonDetector[K comparable] struct {
	Failures int           // how many failures it takes
	Period   time.Duration // how long an item must have failed
	// Strict demands that the service works between every two failures. A failure before which it did not begins the
	// count anew. Otherwise it is enough that the service has worked since the item failed first.
	Strict bool

	mu    sync.Mutex
	items map[K]*failing
}

// failing is what is known of an item that has failed.
type failing struct {
	failures int
	first    time.Time // when the period began; zero if it has not
	last     time.Time
}

// Failed records that an item failed at the time now, and when the service last worked for something else. It reports
// whether the item is at fault.
func (p *PoisonDetector[K]) Failed(item K, now, serviceWorked time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.items[item]
	if known == nil {
		if p.items == nil {
			p.items = make(map[K]*failing)
		}
		known = &failing{}
		p.items[item] = known
	}
	works := !serviceWorked.Before(now) || !known.last.IsZero() && serviceWorked.After(known.last)
	if p.Strict && !works {
		known.failures, known.first = 0, time.Time{}
	} else if known.first.IsZero() {
		known.first = now
	}
	known.failures++
	known.last = now
	return known.failures >= p.Failures && !known.first.IsZero() && now.Sub(known.first) >= p.Period &&
		(p.Strict || serviceWorked.After(known.first))
}

// Since returns when the period of an item's failures began, and the zero time if it has not begun.
func (p *PoisonDetector[K]) Since(item K) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.items[item]; known != nil {
		return known.first
	}
	return time.Time{}
}

// Last returns when an item last failed, and the zero time if it has not.
func (p *PoisonDetector[K]) Last(item K) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.items[item]; known != nil {
		return known.last
	}
	return time.Time{}
}

// Forget removes what is known of an item: it succeeded, or it is gone.
func (p *PoisonDetector[K]) Forget(item K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.items, item)
}
