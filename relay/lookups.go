package relay

import (
	"context"
	"sync"
	"time"
)

// A message is worth more than what is shown with it: the names of people and rooms, a quote, what an edit changes. All
// of that is looked up on Wazo and on the homeserver, and either may be slow. So all lookups of one delivery share one
// time. When it is over, the message goes out in a plainer form.

// lookups are what one delivery looks up although it can do without. They are safe for concurrent use.
type lookups struct {
	mu   sync.Mutex
	left time.Duration // for all lookups that are still to come
}

// leastLookup is how much time a lookup needs at least: with less, that it fails would say nothing about the service.
const leastLookup = 100 * time.Millisecond

type lookupsKey struct{}

// withLookups lets all lookups of a delivery take no longer than this.
func withLookups(ctx context.Context, together time.Duration) context.Context {
	return context.WithValue(ctx, lookupsKey{}, &lookups{left: together})
}

// lookupContext returns a context for one lookup that may take this long, and less if others of the same delivery have
// taken their time. The context has ended already if no time is left. Call the function when the lookup is over.
func lookupContext(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	shared, ok := ctx.Value(lookupsKey{}).(*lookups)
	if !ok {
		return context.WithTimeout(ctx, most)
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, min(most, shared.rest()))
	return ctx, sync.OnceFunc(func() {
		cancel()
		shared.spend(time.Since(begin))
	})
}

// rest returns how much time is left, 0 if it is too little.
func (l *lookups) rest() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left < leastLookup {
		return 0
	}
	return l.left
}

func (l *lookups) spend(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left -= took
}
