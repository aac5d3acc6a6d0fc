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
	never := func(int, time.Time) time.Time { return begin.Add(-time.Second) }
	always := func(_ int, now time.Time) time.Time { return now.Add(-time.Millisecond) }
	for _, test := range []struct {
		name   string
		strict bool
		fails  int                                        // times
		every  time.Duration                              // between two of them
		worked func(failure int, now time.Time) time.Time // when the service last worked, at a failure
		poison bool                                       // after the last failure, and not before
	}{
		{name: "often and for long, while others pass", fails: 10, every: time.Minute, worked: always, poison: true},
		{name: "not often enough", fails: 9, every: time.Minute, worked: always},
		{name: "not for long enough", fails: 10, every: time.Second, worked: always},
		{name: "nothing passes: the service is at fault", fails: 100, every: time.Minute, worked: never},
		{name: "one that passed is enough", fails: 20, every: time.Minute, poison: true, worked: func(n int, now time.Time) time.Time {
			if n < 19 {
				return begin
			}
			return now
		}},
		{name: "strict: often and for long, while others pass", strict: true, fails: 10, every: time.Minute, worked: always, poison: true},
		{name: "strict: not often enough", strict: true, fails: 9, every: time.Minute, worked: always},
		{name: "strict: not for long enough", strict: true, fails: 10, every: time.Second, worked: always},
		{name: "strict: nothing passes", strict: true, fails: 100, every: time.Minute, worked: never},
		{name: "strict: the service has just come back", strict: true, fails: 100, every: time.Minute, worked: func(n int, now time.Time) time.Time {
			if n < 99 {
				return begin
			}
			return now
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			detector := &PoisonDetector[string]{Failures: 10, Period: 5 * time.Minute, Strict: test.strict}
			poison := false
			for n := range test.fails {
				require.False(t, poison, "already before failure %d", n)
				now := begin.Add(time.Duration(n) * test.every)
				poison = detector.Failed("a", now, test.worked(n, now))
			}
			assert.Equal(t, test.poison, poison)
			assert.False(t, detector.Failed("b", begin, begin), "items are told apart")
			detector.Forget("a")
			assert.True(t, detector.Since("a").IsZero())
			assert.False(t, detector.Failed("a", begin.Add(time.Hour), begin.Add(time.Hour)), "it begins anew")
		})
	}
}

func TestPoisonDetectorTellsWhenThePeriodBegan(t *testing.T) {
	begin := time.Now()
	detector := &PoisonDetector[int]{Failures: 1, Period: time.Minute, Strict: true}
	detector.Failed(1, begin, begin.Add(-time.Second))
	assert.True(t, detector.Since(1).IsZero(), "perhaps the service is away")
	detector.Failed(1, begin.Add(time.Second), begin.Add(time.Second))
	assert.Equal(t, begin.Add(time.Second), detector.Since(1))
}
