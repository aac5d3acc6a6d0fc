package db

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQueueOrder(t *testing.T) {
	t.Run("rows leave by position, equal ones as they came", func(t *testing.T) {
		db := openNew(t)
		portal := db.addPortal(t, "a")
		db.queue(t, portal, ToMatrix, "third", 30)
		db.queue(t, portal, ToMatrix, "first", 10)
		db.queue(t, portal, ToMatrix, "second", 20)
		db.queue(t, portal, ToMatrix, "second too", 20)
		require.Equal(t, []string{"first", "second", "second too", "third"}, db.drain(t, portal, ToMatrix))
	})

	t.Run("portals and directions do not mix", func(t *testing.T) {
		db := openNew(t)
		a, b := db.addPortal(t, "a"), db.addPortal(t, "b")
		db.queue(t, a, ToWazo, "a to Wazo", 3)
		db.queue(t, a, ToMatrix, "a to Matrix", 2)
		db.queue(t, b, ToWazo, "b to Wazo", 1)
		require.Equal(t, []string{"a to Wazo"}, db.drain(t, a, ToWazo))
		require.Equal(t, []string{"a to Matrix"}, db.drain(t, a, ToMatrix))
		require.Equal(t, []string{"b to Wazo"}, db.drain(t, b, ToWazo))
	})

	t.Run("a parked row is passed over, one that waits for a key is not", func(t *testing.T) {
		db := openNew(t)
		portal := db.addPortal(t, "a")
		parked := db.queue(t, portal, ToWazo, "parked", 1)
		waiting := db.queue(t, portal, ToWazo, "waiting", 2)
		require.NoError(t, db.Queue.SetState(t.Context(), parked.ID, StateParked, "too large"))
		require.NoError(t, db.Queue.SetState(t.Context(), waiting.ID, StateWaiting, ""))
		require.Equal(t, []string{"waiting"}, db.drain(t, portal, ToWazo))
		left, err := db.Queue.BySource(t.Context(), portal.ID, ToWazo, "parked")
		require.NoError(t, err)
		require.Equal(t, StateParked, left.State)
		require.Equal(t, "too large", left.Error)
	})

	t.Run("the same source waits once", func(t *testing.T) {
		db := openNew(t)
		a, b := db.addPortal(t, "a"), db.addPortal(t, "b")
		db.queue(t, a, ToWazo, "$1", 1)
		row := &Row{PortalID: a.ID, Direction: ToWazo, Kind: KindMessage, Source: "$1", Position: 2, Payload: "other", State: StateNew}
		added, err := db.Queue.Insert(t.Context(), row)
		require.NoError(t, err)
		require.False(t, added)
		stored, err := db.Queue.BySource(t.Context(), a.ID, ToWazo, "$1")
		require.NoError(t, err)
		require.Equal(t, int64(1), stored.Position, "what was accepted first stays")
		require.Equal(t, "{}", stored.Payload)
		// Elsewhere it is another thing.
		db.queue(t, a, ToMatrix, "$1", 1)
		db.queue(t, b, ToWazo, "$1", 1)
	})

	t.Run("a row of no portal is refused", func(t *testing.T) {
		_, err := openNew(t).Queue.Insert(t.Context(), &Row{PortalID: 7, Direction: ToWazo, Kind: KindMessage, Source: "$1", State: StateNew})
		require.Error(t, err)
	})
}

func TestQueueRow(t *testing.T) {
	db := openNew(t)
	portal := db.addPortal(t, "a")
	row := db.queue(t, portal, ToMatrix, "$1", 1)
	current := func() *Row {
		t.Helper()
		stored, err := db.Queue.ByID(t.Context(), row.ID)
		require.NoError(t, err)
		require.NotNil(t, stored)
		return stored
	}

	for _, now := range []int64{1000, 2000} {
		there, err := db.Queue.MarkAttempted(t.Context(), row, "request", now)
		require.NoError(t, err)
		require.True(t, there)
	}
	require.Equal(t, StateAttempted, current().State)
	require.Equal(t, 2, current().Attempts)
	require.Equal(t, int64(2000), current().AttemptedAt)
	require.Equal(t, int64(1000), current().FirstTried)
	require.NoError(t, db.Queue.MarkUnknown(t.Context(), row.ID, 3000))
	require.Equal(t, int64(3000), current().AttemptedAt)
	require.Equal(t, int64(1000), current().FirstTried)
	require.Equal(t, StateAttempted, current().State)

	// The next part begins anew, with the request that never changes.
	require.NoError(t, db.Queue.SetPart(t.Context(), row.ID, 1))
	require.Equal(t, 1, current().Part)
	require.Equal(t, StateNew, current().State)
	require.Zero(t, current().Attempts)
	require.Zero(t, current().FirstTried)
	require.Equal(t, "request", current().Request)

	require.NoError(t, db.Queue.SetState(t.Context(), row.ID, StateWaiting, "no key"))
	require.NoError(t, db.Queue.SetPayload(t.Context(), row.ID, "decrypted"))
	require.Equal(t, StateNew, current().State)
	require.Equal(t, "decrypted", current().Payload)
	there, err := db.Queue.MarkAttempted(t.Context(), row, "old request", 1)
	require.NoError(t, err)
	require.False(t, there, "what was changed since it was read must not be sent as it was")
	require.Equal(t, StateNew, current().State)
	require.Empty(t, current().Error)

	require.NoError(t, db.Queue.Delete(t.Context(), row.ID))
	there, err = db.Queue.MarkAttempted(t.Context(), row, "request", 1)
	require.NoError(t, err)
	require.False(t, there, "a row that is gone must not be sent")
	gone, err := db.Queue.ByID(t.Context(), row.ID)
	require.NoError(t, err)
	require.Nil(t, gone)
}

func TestQueueCounts(t *testing.T) {
	db := openNew(t)
	a, b := db.addPortal(t, "a"), db.addPortal(t, "b")
	for i, state := range []State{StateNew, StateNew, StateAttempted, StateWaiting, StateParked} {
		row := db.queue(t, a, ToWazo, fmt.Sprint(i), int64(i))
		require.NoError(t, db.Queue.SetState(t.Context(), row.ID, state, ""))
	}
	db.queue(t, a, ToMatrix, "$1", 1)
	parked := db.queue(t, b, ToWazo, "$1", 1)
	require.NoError(t, db.Queue.SetState(t.Context(), parked.ID, StateParked, ""))

	counts, err := db.Queue.Counts(t.Context(), a.ID)
	require.NoError(t, err)
	require.Equal(t, map[Direction]Counts{ToWazo: {Pending: 4, Parked: 1}, ToMatrix: {Pending: 1}}, counts)

	busy, err := db.Queue.Busy(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []QueueKey{{a.ID, ToWazo}, {a.ID, ToMatrix}}, busy, "a queue of parked rows has nothing to do")
}

func TestRetryParked(t *testing.T) {
	db := openNew(t)
	portal, other := db.addPortal(t, "a"), db.addPortal(t, "b")
	never := db.queue(t, portal, ToWazo, "never attempted", 1)
	once := db.queue(t, portal, ToMatrix, "attempted once", 1)
	elsewhere := db.queue(t, other, ToWazo, "elsewhere", 1)
	_, err := db.Queue.MarkAttempted(t.Context(), once, "request", 5)
	require.NoError(t, err)
	for _, row := range []*Row{never, once, elsewhere} {
		require.NoError(t, db.Queue.SetState(t.Context(), row.ID, StateParked, "refused"))
	}
	parked, err := db.Queue.Parked(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Len(t, parked, 2)

	require.NoError(t, db.Queue.RetryParked(t.Context(), portal.ID, 1000))
	state := func(row *Row) State {
		t.Helper()
		current, err := db.Queue.ByID(t.Context(), row.ID)
		require.NoError(t, err)
		if current.State != StateParked {
			require.Empty(t, current.Error)
			require.Zero(t, current.Attempts)
		}
		return current.State
	}
	require.Equal(t, StateNew, state(never))
	require.Equal(t, StateAttempted, state(once), "it may have arrived: it is looked for first")
	require.Equal(t, StateParked, state(elsewhere))
}

func TestDeleteUpTo(t *testing.T) {
	db := openNew(t)
	portal, other := db.addPortal(t, "a"), db.addPortal(t, "b")
	for _, position := range []int64{1, 2, 3} {
		db.queue(t, portal, ToWazo, fmt.Sprint(position), position)
	}
	db.queue(t, portal, ToMatrix, "the other way", 1)
	db.queue(t, other, ToWazo, "elsewhere", 1)
	introduction := &Row{PortalID: portal.ID, Direction: ToWazo, Kind: KindIntroduction, Source: "introduction", Position: 0, State: StateNew}
	_, err := db.Queue.Insert(t.Context(), introduction)
	require.NoError(t, err)

	require.NoError(t, db.Queue.DeleteUpTo(t.Context(), portal.ID, ToWazo, 2))
	require.Equal(t, []string{"introduction", "3"}, db.drain(t, portal, ToWazo), "the relay's own rows stay")
	require.Equal(t, []string{"the other way"}, db.drain(t, portal, ToMatrix))
	require.Equal(t, []string{"elsewhere"}, db.drain(t, other, ToWazo))
}
