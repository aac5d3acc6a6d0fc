package chaos

import (
	"maps"
	"slices"
	"sync"
)

// Count is how often a fault fired.
type Count struct {
	Name  string
	Fired int
}

// tally counts how often each fault fired. It knows beforehand which faults can
// fire, so that one that never fired is noticed.
type tally struct {
	mu    sync.Mutex
	fired map[string]int
}

// expect adds faults that can fire.
func (t *tally) expect(names ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fired == nil {
		t.fired = make(map[string]int)
	}
	for _, name := range names {
		t.fired[name] += 0
	}
}

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fired[name]++
}

// counts returns all faults by name.
func (t *tally) counts() []Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	var counts []Count
	for _, name := range slices.Sorted(maps.Keys(t.fired)) {
		counts = append(counts, Count{name, t.fired[name]})
	}
	return counts
}
