package chaos

import (
	"context"
	"sync"

	"wazo-matrix-relay/e2e/harness"
)

// milestones count something and let others wait for a number of it.
type milestones struct {
	changes harness.Changes

	mu sync.Mutex
	n  int
}

func newMilestones() *milestones { return &milestones{} }

func (m *milestones) add(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n += n
	m.changes.Announce()
}

func (m *milestones) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n
}

// reach returns when n is reached, or with the context's error.
func (m *milestones) reach(ctx context.Context, n int) error {
	return m.changes.Until(ctx, func() (bool, error) { return m.count() >= n, nil })
}
