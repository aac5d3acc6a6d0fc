package harness

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChanges(t *testing.T) {
	never := func() (bool, error) { return false, nil }

	t.Run("a condition that is true already is not waited for", func(t *testing.T) {
		var changes Changes
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, changes.Until(ctx, func() (bool, error) { return true, nil }))
	})

	t.Run("everybody who waits asks again after a change", func(t *testing.T) {
		var changes Changes
		var value atomic.Int64
		asked, results := make(chan struct{}, 100), make(chan error)
		for range 3 {
			go func() {
				results <- changes.Until(t.Context(), func() (bool, error) {
					asked <- struct{}{}
					return value.Load() == 2, nil
				})
			}()
			<-asked
		}
		for range 2 {
			value.Add(1)
			changes.Announce()
		}
		for range 3 {
			require.NoError(t, <-results)
		}
	})

	t.Run("a change during the question is not missed", func(t *testing.T) {
		var changes Changes
		asked := 0
		require.NoError(t, changes.Until(t.Context(), func() (bool, error) {
			if asked++; asked == 1 {
				changes.Announce()
			}
			return asked == 2, nil
		}))
	})

	t.Run("an error of the condition ends the waiting", func(t *testing.T) {
		var changes Changes
		failed := errors.New("failed")
		require.ErrorIs(t, changes.Until(t.Context(), func() (bool, error) { return false, failed }), failed)
	})

	t.Run("the end of the context ends it with the cause", func(t *testing.T) {
		var changes Changes
		stalled := errors.New("stalled")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(stalled)
		require.ErrorIs(t, changes.Until(ctx, never), stalled)
	})
}
