package chaos

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	// copyEvery is the pause between two copies of the relay's database.
	copyEvery = 5 * time.Second
	// oldestCopy is how old a copy is at most when it is restored.
	oldestCopy = 10 * time.Minute
	// restoreAges is how many ages the restores take in turns, from 0 to the age of
	// the oldest copy.
	restoreAges = 5
)

// copies are copies of the relay's database, made while it runs and used by the
// outage "database restored".
type copies struct {
	*fixture
	dir  string
	ages *deck[int]

	mu       sync.Mutex
	made     []databaseCopy // the oldest first
	restored []time.Duration
}

type databaseCopy struct {
	file string
	at   time.Time
}

func newCopies(s *fixture, dir string) *copies {
	var ages []int
	for age := range restoreAges {
		ages = append(ages, age)
	}
	return &copies{fixture: s, dir: dir, ages: newDeck(s.cfg.Seed+2, 1, ages)}
}

// run makes copies until ctx ends.
func (c *copies) run(ctx context.Context) error {
	for {
		if _, err := c.make(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		if sleep(ctx, copyEvery) != nil {
			return nil
		}
	}
}

// make makes a copy.
func (c *copies) make(ctx context.Context) (databaseCopy, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	made := databaseCopy{filepath.Join(c.dir, fmt.Sprintf("copy-%d.db", len(c.made))), time.Now()}
	if err := c.Relay.CopyDatabase(ctx, made.file); err != nil {
		return databaseCopy{}, err
	}
	c.made = append(c.made, made)
	return made, nil
}

// restore kills the relay and gives it an older copy of its database.
func (c *copies) restore(ctx context.Context, _ time.Duration) (bool, error) {
	made, err := c.choose(ctx)
	if err != nil {
		return false, err
	}
	err = c.keeper.killAnd(ctx, func() error {
		c.mu.Lock() // so that nobody copies what is half there
		defer c.mu.Unlock()
		age := time.Since(made.at)
		c.restored = append(c.restored, age)
		c.say("the database is replaced by a copy that is %s old", age.Round(time.Second))
		return c.Relay.RestoreDatabase(made.file)
	})
	return err == nil, err
}

// choose returns the copy that is closest to the age whose turn it is. For the age
// 0 it makes a new one.
func (c *copies) choose(ctx context.Context) (databaseCopy, error) {
	turn, _ := c.ages.draw()
	if turn == 0 {
		return c.make(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	oldest := min(now.Sub(c.made[0].at), oldestCopy)
	wanted := now.Add(-oldest * time.Duration(turn) / (restoreAges - 1))
	return slices.MinFunc(c.made, func(a, b databaseCopy) int {
		return int(a.at.Sub(wanted).Abs() - b.at.Sub(wanted).Abs())
	}), nil
}

// agesRestored returns how old the restored copies were, the youngest first.
func (c *copies) agesRestored() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(slices.Values(c.restored))
}
