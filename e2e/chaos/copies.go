package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// databaseRestored is the name of the fault.
const databaseRestored = "database restored"

const (
	// copyEvery is the pause between two copies of the relay's database.
	copyEvery = 5 * time.Second
	// oldestCopy is how old a copy is at most when it is restored.
	oldestCopy = 10 * time.Minute
	// restoreAges is how many ages the restores take in turns, from 0 to the age of
	// the oldest copy.
	restoreAges = 5
)

// copies are copies of the relay's database, made while it runs. Now and then one of
// them takes the place of the database.
type copies struct {
	*fixture
	dir  string
	ages *deck[int]
	rng  *rand.Rand

	mu       sync.Mutex
	made     []databaseCopy // the oldest first
	restored []time.Duration
	shaken   shaken
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
	return &copies{fixture: s, dir: dir, ages: newDeck(s.cfg.Seed+2, 1, ages), rng: rand.New(rand.NewPCG(s.cfg.Seed, 4))}
}

// run makes copies until ctx ends.
func (c *copies) run(ctx context.Context) error {
	for sleep(ctx, copyEvery) == nil {
		c.mu.Lock()
		_, err := c.make(ctx)
		c.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// makeNow makes a copy.
func (c *copies) makeNow(ctx context.Context) (databaseCopy, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.make(ctx)
}

// make makes a copy. c.mu must be held.
func (c *copies) make(ctx context.Context) (databaseCopy, error) {
	now := time.Now()
	made := databaseCopy{filepath.Join(c.dir, fmt.Sprintf("copy-%d.db", now.UnixNano())), now}
	if err := c.Relay.CopyDatabase(ctx, made.file); err != nil {
		return databaseCopy{}, err
	}
	c.made = append(c.made, made)
	return made, nil
}

// restoreAgain gives the relay again and again an older copy of its database, spread
// over the run, and returns after the last time.
func (c *copies) restoreAgain(ctx context.Context, progress *milestones) error {
	for i := range c.cfg.Restores {
		at := (float64(i) + c.rng.Float64()) / float64(c.cfg.Restores)
		if err := progress.reach(ctx, int(at*float64(c.cfg.Messages))); err != nil {
			return err
		}
		if err := c.restore(ctx, progress); err != nil {
			return fmt.Errorf("%s: %w", databaseRestored, err)
		}
	}
	return nil
}

// restore kills the relay and gives it an older copy of its database.
func (c *copies) restore(ctx context.Context, progress *milestones) error {
	made, err := c.choose(ctx)
	if err != nil {
		return err
	}
	c.tally.add(databaseRestored)
	return c.restoreTo(ctx, made, progress)
}

// restoreTo kills the relay and gives it a copy of its database.
func (c *copies) restoreTo(ctx context.Context, made databaseCopy, progress *milestones) error {
	return c.withoutPrivateTalk(ctx, c.logins, func() error { return c.restoreNow(ctx, made, progress) })
}

func (c *copies) restoreNow(ctx context.Context, made databaseCopy, progress *milestones) error {
	restored := time.Now()
	err := c.keeper.killAnd(ctx, func() error {
		// Nobody restores a database in less time than a request is on its way. The copy knows nothing of that request,
		// so a relay that started before its message is on Wazo would take it for one that was written there.
		if err := sleep(ctx, 2*c.cfg.delay()); err != nil {
			return err
		}
		c.mu.Lock() // so that nobody copies what is half there
		defer c.mu.Unlock()
		age := time.Since(made.at)
		c.restored = append(c.restored, age)
		c.shaken.add(made.at, time.Now())
		c.say("%d messages: %s from a copy that is %s old", progress.count(), databaseRestored, age.Round(time.Second))
		return c.Relay.RestoreDatabase(made.file)
	})
	if err != nil {
		return err
	}
	return c.logInAfterRestore(ctx, made.at, restored)
}

// choose returns the copy that is closest to the age whose turn it is. For the age
// 0 it makes a new one.
func (c *copies) choose(ctx context.Context) (databaseCopy, error) {
	turn, _ := c.ages.draw()
	c.mu.Lock()
	defer c.mu.Unlock()
	if turn == 0 || len(c.made) == 0 {
		return c.make(ctx)
	}
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
