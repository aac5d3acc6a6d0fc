package task

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"wazo-matrix-relay/internal/await"
)

var errBroken = errors.New("broken")

func noPause(context.Context, string, error, int) time.Duration { return 0 }

// started returns a scheduler that runs until the test stops it by the returned function, which waits for its steps.
func started(cfg Config[string]) (s *Scheduler[string], stop func(grace time.Duration)) {
	if cfg.Failed == nil {
		cfg.Failed = noPause
	}
	s = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	s.Start(ctx)
	return s, func(grace time.Duration) {
		cancel()
		s.Drain(grace)
	}
}

func TestStepsOfOneKeyDoNotOverlapAndNoWakeIsLost(t *testing.T) {
	var mu sync.Mutex
	queued, running, done := 0, 0, 0
	s, stop := started(Config[string]{Step: func(context.Context, string) (Outcome, error) {
		mu.Lock()
		defer mu.Unlock()
		assert.Zero(t, running)
		running++
		mu.Unlock()
		mu.Lock()
		running--
		if queued == 0 {
			return Idle, nil
		}
		queued--
		done++
		return Again, nil
	}})
	defer stop(time.Minute)
	const n = 1000
	for range n {
		mu.Lock()
		queued++
		mu.Unlock()
		s.Wake("a")
	}
	await.Until(t, "all work to be done", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return done == n
	})
}

func TestKeysDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked, passed := make(chan struct{}), make(chan struct{})
		s, stop := started(Config[string]{Step: func(_ context.Context, key string) (Outcome, error) {
			if key == "slow" {
				<-blocked
			} else {
				close(passed)
			}
			return Idle, nil
		}})
		s.Wake("slow")
		s.Wake("quick")
		<-passed
		close(blocked)
		stop(time.Minute)
	})
}

func TestAnErrorPausesItsKeyUntilThePauseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failures []int
		var tried []time.Duration
		begin := time.Now()
		s, stop := started(Config[string]{
			Step: func(context.Context, string) (Outcome, error) {
				tried = append(tried, time.Since(begin))
				if len(tried) < 4 {
					return Idle, errBroken
				}
				return Idle, nil
			},
			Failed: func(_ context.Context, _ string, err error, n int) time.Duration {
				assert.ErrorIs(t, err, errBroken)
				failures = append(failures, n)
				return time.Hour
			},
		})
		s.Wake("a")
		synctest.Wait()
		time.Sleep(time.Hour)
		synctest.Wait()
		s.EndPauses()
		synctest.Wait()
		time.Sleep(time.Hour)
		synctest.Wait()
		stop(0)
		assert.Equal(t, []int{1, 2, 2}, failures, "a failure whose pause was ended does not lengthen the next one")
		assert.Equal(t, []time.Duration{0, time.Hour, time.Hour, 2 * time.Hour}, tried)
	})
}

func TestAPanicIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		s, stop := started(Config[string]{
			Step: func(context.Context, string) (Outcome, error) {
				if tries++; tries == 1 {
					panic("boom")
				}
				return Idle, nil
			},
			Failed: func(_ context.Context, _ string, err error, _ int) time.Duration {
				var panicked *PanicError
				assert.ErrorAs(t, err, &panicked)
				panic("boom again") // then the fallback applies
			},
		})
		s.Wake("a")
		time.Sleep(fallbackPause)
		synctest.Wait()
		stop(0)
		assert.Equal(t, 2, tries)
	})
}

func TestDrainLetsStepsFinishWithinTheGraceAndCancelsThemAfterIt(t *testing.T) {
	for _, test := range []struct {
		name      string
		takes     time.Duration
		cancelled bool
	}{
		{name: "finished in time", takes: 5 * time.Second},
		{name: "took too long", takes: time.Hour, cancelled: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var err error
				steps := 0
				s, stop := started(Config[string]{Step: func(ctx context.Context, _ string) (Outcome, error) {
					steps++
					err = Sleep(ctx, test.takes)
					return Again, err
				}})
				s.Wake("a")
				synctest.Wait()
				stop(10 * time.Second)
				assert.Equal(t, test.cancelled, err != nil)
				assert.Equal(t, 1, steps, "no step begins while the scheduler stops")
				s.Wake("a")
				s.Go(func(context.Context) { t.Error("nothing begins after the end") })
				synctest.Wait()
			})
		})
	}
}

func TestSleepWithinAStepEndsWithTheScheduler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		var s *Scheduler[string]
		s, stop := started(Config[string]{Step: func(ctx context.Context, _ string) (Outcome, error) {
			err = s.Sleep(ctx, time.Hour)
			return Idle, err
		}})
		s.Wake("a")
		synctest.Wait()
		begin := time.Now()
		stop(time.Minute)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, time.Since(begin))
	})
}

func TestWakeAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var woken time.Time
		begin := time.Now()
		s, stop := started(Config[string]{Step: func(context.Context, string) (Outcome, error) {
			woken = time.Now()
			return Idle, nil
		}})
		s.WakeAfter(time.Minute, "a")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		stop(0)
		assert.Equal(t, time.Minute, woken.Sub(begin))
	})
}

func TestManyWorkersLeaveNoLargeMap(t *testing.T) {
	const n = 2 * manyWorkers
	var mu sync.Mutex
	release, steps := make(chan struct{}), 0
	s, stop := started(Config[string]{Step: func(context.Context, string) (Outcome, error) {
		<-release
		mu.Lock()
		defer mu.Unlock()
		steps++
		return Idle, nil
	}})
	defer stop(time.Minute)
	for i := range n {
		s.Wake(fmt.Sprint(i))
	}
	assert.Equal(t, n, s.most)
	close(release)
	await.Until(t, "all work to be done", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.workers) == 0
	})
	assert.LessOrEqual(t, s.most, fewWorkers)
	assert.Equal(t, n, steps)
	s.Wake("again")
	await.Until(t, "work that comes later", func() bool { return !s.IsBusy("again") })
	assert.Equal(t, n+1, steps)
}
