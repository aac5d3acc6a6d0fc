package task

import (
	"sync"
	"time"
)

// PoisonDetector finds items that fail by their own fault ("poison messages"): such an item fails often, for long, and
// the service does its work for others all the while. When the service is away, no item is at fault.
//
// The zero value is not usable; set both limits.
type PoisonDetector[K comparable] struct {
	Failures int           // how many failures it takes; see Failed for which ones count
	Period   time.Duration // how long an item must have failed

	mu    sync.Mutex
	items map[K]*failing
}

// failing is what is known of an item that has failed.
type failing struct {
	failures    int
	first, last time.Time
}

// Failed records that an item failed at the time now, and when the service last worked for something else. It reports
// whether the item is at fault. The first failure counts, and each further one before which the service has worked since
// the failure before.
func (p *PoisonDetector[K]) Failed(item K, now, serviceWorked time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.items[item]
	if known == nil {
		if p.items == nil {
			p.items = make(map[K]*failing)
		}
		known = &failing{failures: 1, first: now}
		p.items[item] = known
	} else if serviceWorked.After(known.last) {
		known.failures++
	}
	known.last = now
	return known.failures >= p.Failures && now.Sub(known.first) >= p.Period
}

// Since returns when an item failed first, and the zero time if it has not failed.
func (p *PoisonDetector[K]) Since(item K) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.items[item]; known != nil {
		return known.first
	}
	return time.Time{}
}

// Forget removes what is known of an item: it succeeded, or it is gone.
func (p *PoisonDetector[K]) Forget(item K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.items, item)
}

// Len returns how many items have failed and are not forgotten.
func (p *PoisonDetector[K]) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.items)
}
