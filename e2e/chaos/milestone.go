package chaos

import (
	"context"
	"sync"
)

// milestones count something and let others wait for a number of it.
type milestones struct {
	mu      sync.Mutex
	n       int
	changed chan struct{} // closed and replaced at each change
}

func newMilestones() *milestones { return &milestones{changed: make(chan struct{})} }

func (m *milestones) add(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n += n
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *milestones) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n
}

// reach returns when n is reached, or with the context's error.
func (m *milestones) reach(ctx context.Context, n int) error {
	for {
		m.mu.Lock()
		reached, changed := m.n >= n, m.changed
		m.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
