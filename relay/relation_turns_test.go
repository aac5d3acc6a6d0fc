package relay

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
)

// pluginReads returns how often the reactions or replies of a room were read on Wazo.
func (f *fixture) pluginReads() (n int) {
	for route, count := range f.wazo.Requests() {
		if strings.HasPrefix(route, "GET ") && (strings.HasSuffix(route, "/reactions") || strings.HasSuffix(route, "/replies")) {
			n += count
		}
	}
	return n
}

// While a portal waits for its turn, nothing could be sent of what Wazo would answer.
func TestWazoIsNotReadWhileAPortalWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	f.matrix.setLimited(true)
	turn := make(chan struct{})
	f.matrix.mu.Lock()
	f.matrix.awaitTurn = func() { <-turn }
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.alice, "a message", "")
	await.Until(t, "the message to wait", func() bool {
		row, err := f.db.Queue.Next(f.ctx, portal.ID, db.ToMatrix)
		return err == nil && row != nil
	})
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	turns := f.core.wazoRelations.turns
	isHeld := func() bool {
		turns.mu.Lock()
		defer turns.mu.Unlock()
		return !turns.held[portal.ID].IsZero()
	}
	await.Until(t, "the portal to wait", isHeld)
	f.settled()
	before := f.pluginReads()
	require.NotZero(t, before)
	for _, emoji := range []string{"🎉", "🙈", "✅"} {
		f.wazo.React(f.room.UUID, question.UUID, f.bob, emoji)
		require.NoError(t, f.core.wazoRelations.show(f.ctx, portal.ID))
		turns.mu.Lock()
		turns.held[portal.ID] = time.Now() // it is time for another look, and the message still waits
		turns.mu.Unlock()
	}
	require.NoError(t, f.core.wazoRelations.show(f.ctx, portal.ID))
	require.True(t, isHeld())
	require.Equal(t, before, f.pluginReads())
	close(turn)
	f.awaitReacted("✅ Alice Martin: who comes?", "🎉 Alice Martin: who comes?", "👍 Alice Martin: who comes?", "🙈 Alice Martin: who comes?")
	require.False(t, isHeld())
}

// A turn that was taken before Wazo was read counts once, and not at all if there is nothing to send.
func TestTurnThatIsTakenAheadIsUsedOrGivenBack(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	turns := newTurns(f.core)
	f.matrix.setLimited(true)
	take := func() bool {
		isTurn, err := turns.take(f.ctx, portal)
		require.NoError(t, err)
		return isTurn
	}
	begin := func() bool {
		turns.held[portal.ID] = time.Now()
		isTurn, err := turns.begin(f.ctx, portal)
		require.NoError(t, err)
		return isTurn
	}
	for range perLimitedMinute - 1 {
		require.True(t, take())
	}
	for range 3 {
		require.True(t, begin())
		turns.end(portal.ID)
	}
	require.True(t, begin())
	require.True(t, take(), "the turn that begin has taken")
	turns.end(portal.ID)
	require.False(t, begin())
	require.False(t, take())
	f.matrix.setLimited(false)
	require.True(t, take(), "the limit is over")
}
