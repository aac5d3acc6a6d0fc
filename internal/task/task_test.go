package task

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBackoffGrowsToItsLimitWithJitter(t *testing.T) {
	backoff := Backoff{First: time.Second, Longest: time.Minute}
	for _, test := range []struct {
		failures int
		want     time.Duration
	}{{1, time.Second}, {2, 2 * time.Second}, {6, 32 * time.Second}, {7, time.Minute}, {1000, time.Minute}} {
		for range 100 {
			pause := backoff.After(test.failures)
			require.GreaterOrEqual(t, pause, test.want)
			require.LessOrEqual(t, pause, test.want+test.want/4)
		}
	}
	asked := backoff.AfterAsked(time.Hour, 1)
	assert.GreaterOrEqual(t, asked, time.Hour, "a server's word counts, whatever the limit")
	assert.Less(t, backoff.AfterAsked(0, 1), 2*time.Second)
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, Sleep(t.Context(), time.Hour))
		require.NoError(t, Sleep(t.Context(), -1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, Sleep(ctx, time.Hour), context.DeadlineExceeded)
	})
}

func TestGuardReturnsErrorsAsTheyAre(t *testing.T) {
	require.NoError(t, Guard(t.Context(), func() error { return nil }))
	require.Equal(t, errBroken, Guard(t.Context(), func() error { return errBroken }))
	require.EqualError(t, Guard(t.Context(), func() error { panic("boom") }), "panic: boom")
}

func TestPoisonDetector(t *testing.T) {
	begin := time.Now()
	for _, test := range []struct {
		name   string
		fails  int           // times
		every  time.Duration // between two of them
		worked bool          // the service worked between them
		want   bool
	}{
		{name: "often and for long, while others pass", fails: 10, every: time.Minute, worked: true, want: true},
		{name: "not often enough", fails: 9, every: time.Minute, worked: true},
		{name: "not for long enough", fails: 10, every: time.Second, worked: true},
		{name: "nothing passes: the service is at fault", fails: 1000, every: time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			detector := &PoisonDetector[string]{Failures: 10, Period: 5 * time.Minute}
			poison, worked := false, begin.Add(-time.Second)
			for i := range test.fails {
				now := begin.Add(time.Duration(i) * test.every)
				poison = detector.Failed("a", now, worked)
				if test.worked {
					worked = now.Add(time.Millisecond)
				}
			}
			assert.Equal(t, test.want, poison)
			assert.Equal(t, begin, detector.Since("a"))
			assert.False(t, detector.Failed("b", begin, worked), "items are told apart")
			detector.Forget("a")
			assert.Equal(t, 1, detector.Len())
			assert.True(t, detector.Since("a").IsZero())
		})
	}
}
