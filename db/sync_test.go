package db

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// level returns SQLite's setting in a transaction: 1 is NORMAL, which does not wait for the disk, and 2 is FULL.
func (g *grouped) level(ctx context.Context) (level int) {
	assert.NoError(g, g.QueryRow(ctx, "PRAGMA synchronous").Scan(&level))
	return level
}

func TestWithoutSync(t *testing.T) {
	t.Run("a transaction waits for the disk unless it says that it need not", func(t *testing.T) {
		g := openGrouped(t)
		var levels []int
		look := func(ctx context.Context) error {
			levels = append(levels, g.level(ctx))
			return g.Setting.Set(ctx, "name", "value")
		}
		before := g.commits.Load()
		require.NoError(t, g.DoTxn(t.Context(), look))
		require.EqualValues(t, before+1, g.commits.Load())
		require.NoError(t, g.DoTxnWithoutSync(t.Context(), look))
		require.EqualValues(t, before+1, g.commits.Load(), "only those that wait are counted")
		require.NoError(t, g.DoTxn(t.Context(), look))
		require.NoError(t, g.DoTxnWithoutSync(t.Context(), look))
		require.NoError(t, g.Setting.Set(t.Context(), "other", "value"))
		require.EqualValues(t, before+3, g.commits.Load(), "a statement alone waits, too")
		require.NoError(t, g.Setting.Set(WithoutSync(t.Context()), "other", "another"))
		require.EqualValues(t, before+3, g.commits.Load())
		require.Equal(t, []int{2, 1, 2, 1}, levels)
	})
	t.Run("within another transaction that one decides", func(t *testing.T) {
		g := openGrouped(t)
		require.NoError(t, g.DoTxn(t.Context(), func(ctx context.Context) error {
			return g.DoTxnWithoutSync(ctx, func(ctx context.Context) error {
				require.Equal(t, 2, g.level(ctx))
				require.True(t, needsSync(WithoutSync(ctx)))
				return nil
			})
		}))
	})
	t.Run("one that waits does not join one that does not", func(t *testing.T) {
		g := openGrouped(t)
		done, before, level := make(chan error), g.commits.Load(), 0
		require.NoError(t, g.DoTxnWithoutSync(t.Context(), func(ctx context.Context) error {
			go func() {
				done <- g.DoTxn(t.Context(), func(ctx context.Context) error {
					level = g.level(ctx)
					return g.Setting.Set(ctx, "second", "value")
				})
			}()
			g.awaitWaiting(1)
			return g.Setting.Set(ctx, "first", "value")
		}))
		require.NoError(t, <-done)
		require.Equal(t, 2, level)
		require.EqualValues(t, before+1, g.commits.Load())
		require.True(t, g.has(t.Context(), "first"))
		require.True(t, g.has(t.Context(), "second"))
	})
	t.Run("one that need not wait shares the commit of one that does", func(t *testing.T) {
		g := openGrouped(t)
		done, level := make(chan error), 0
		require.NoError(t, g.DoTxn(t.Context(), func(context.Context) error {
			go func() {
				done <- g.DoTxnWithoutSync(t.Context(), func(ctx context.Context) error {
					level = g.level(ctx)
					return g.Setting.Set(ctx, "second", "value")
				})
			}()
			g.awaitWaiting(1)
			return nil
		}))
		require.NoError(t, <-done)
		require.Equal(t, 2, level)
	})
	t.Run("an attempt is marked only where it is on the disk before the message is sent", func(t *testing.T) {
		g := openGrouped(t)
		portal := g.addPortal(t, "x")
		row := g.queue(t, portal, ToWazo, "$event", 1)
		err := g.DoTxnWithoutSync(t.Context(), func(ctx context.Context) error {
			_, err := g.Queue.MarkAttempted(ctx, row, []string{"request"}, ms(time.Now().UnixMilli()))
			return err
		})
		require.ErrorIs(t, err, errNotSynced)
		there, err := g.Queue.MarkAttempted(t.Context(), row, []string{"request"}, ms(1))
		require.NoError(t, err)
		require.True(t, there)
	})
}
