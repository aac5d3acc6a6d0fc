package task

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func limited(limit int) func(string) (string, int) {
	return func(key string) (string, int) {
		if key == "free" {
			return "", 0
		}
		return "limited", limit
	}
}

func TestNoMoreKeysOfAGroupWorkAtOnceThanItsLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit, keys = 3, 50
		var working, done atomic.Int64
		var mu sync.Mutex
		var order []string
		s, stop := started(Config[string]{Limit: limited(limit), Step: func(_ context.Context, key string) (Outcome, error) {
			if key == "free" {
				return Idle, nil
			}
			assert.LessOrEqual(t, working.Add(1), int64(limit))
			mu.Lock()
			order = append(order, key)
			mu.Unlock()
			time.Sleep(time.Second)
			working.Add(-1)
			done.Add(1)
			return Idle, nil
		}})
		defer stop(time.Minute)
		var want []string
		for i := range keys {
			want = append(want, fmt.Sprint(i))
			s.Wake(fmt.Sprint(i))
			s.Wake(fmt.Sprint(i)) // it is known already
			synctest.Wait()
		}
		require.True(t, s.IsBusy("49"), "it waits for its turn")
		s.Wake("free")
		synctest.Wait()
		require.False(t, s.IsBusy("free"), "it waits for nobody")
		time.Sleep(keys * time.Second)
		synctest.Wait()
		require.False(t, s.IsBusy("49"))
		// The first three were woken again while they worked.
		require.Equal(t, int64(keys+limit), done.Load())
		require.ElementsMatch(t, append(want, "0", "1", "2"), order)
	})
}

func TestAKeyThatPausesLetsOthersWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var failures []int
		fail, worked := true, false
		s, stop := started(Config[string]{
			Limit: limited(1),
			Step: func(_ context.Context, key string) (Outcome, error) {
				if key == "broken" && fail {
					return Idle, errBroken
				}
				worked = worked || key == "other"
				return Idle, nil
			},
			Failed: func(_ context.Context, _ string, _ error, n int) time.Duration {
				failures = append(failures, n)
				return time.Minute
			},
		})
		defer stop(time.Minute)
		s.Wake("broken")
		synctest.Wait()
		s.Wake("other")
		synctest.Wait()
		require.True(t, worked)
		time.Sleep(90 * time.Second)
		synctest.Wait()
		require.Equal(t, []int{1, 2}, failures)
		fail = false
		s.EndPauses()
		synctest.Wait()
		require.False(t, s.IsBusy("broken"))
	})
}

func TestKeysThatWaitForTheirTurnDoNotKeepASchedulerFromStopping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := 0
		s, stop := started(Config[string]{Limit: limited(1), Step: func(context.Context, string) (Outcome, error) {
			began++
			time.Sleep(time.Second)
			return Idle, nil
		}})
		s.Wake("one")
		s.Wake("two")
		s.Wake("three")
		synctest.Wait()
		stop(time.Minute)
		require.Equal(t, 1, began)
	})
}
