package harness

import (
	"context"
	"sync"
)

// Changes lets goroutines wait for a condition on something that tells of its
// changes. The zero value is ready to use.
type Changes struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change; nil if nobody has waited yet
}

// Announce has everybody who waits ask again. Call it after the change.
func (c *Changes) Announce() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// Until asks for condition at once and again after each change, and returns nil
// when it is true. It returns the condition's error if there is one, and the
// cause of the context's end if the context ends first. The condition may take
// locks that are held during Announce.
func (c *Changes) Until(ctx context.Context, condition func() (bool, error)) error {
	for {
		next := c.next() // before the question, so that no change is missed
		if ok, err := condition(); ok || err != nil {
			return err
		}
		select {
		case <-next:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (c *Changes) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}
