package db

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

func TestQueueOrder(t *testing.T) {
	t.Parallel()
	t.Run("rows leave by position, equal ones as they came", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal := db.addPortal(t, "a")
		db.queue(t, portal, ToMatrix, "third", 30)
		db.queue(t, portal, ToMatrix, "first", 10)
		db.queue(t, portal, ToMatrix, "second", 20)
		db.queue(t, portal, ToMatrix, "second too", 20)
		require.Equal(t, []string{"first", "second", "second too", "third"}, db.drain(t, portal, ToMatrix))
	})

	t.Run("portals and directions do not mix", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		a, b := db.addPortal(t, "a"), db.addPortal(t, "b")
		db.queue(t, a, ToWazo, "a to Wazo", 3)
		db.queue(t, a, ToMatrix, "a to Matrix", 2)
		db.queue(t, b, ToWazo, "b to Wazo", 1)
		require.Equal(t, []string{"a to Wazo"}, db.drain(t, a, ToWazo))
		require.Equal(t, []string{"a to Matrix"}, db.drain(t, a, ToMatrix))
		require.Equal(t, []string{"b to Wazo"}, db.drain(t, b, ToWazo))
	})

	t.Run("a parked row is passed over, and so is one that waits for a key", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal := db.addPortal(t, "a")
		parked := db.queue(t, portal, ToWazo, "parked", 1)
		waiting := db.queue(t, portal, ToWazo, "waiting", 2)
		db.queue(t, portal, ToWazo, "next", 3)
		require.NoError(t, db.Queue.SetState(t.Context(), parked.ID, StateParked, "too large"))
		passed, err := db.Queue.PassOver(t.Context(), waiting)
		require.NoError(t, err)
		require.True(t, passed)
		require.Equal(t, []string{"next"}, db.drain(t, portal, ToWazo))
		left, err := db.Queue.BySource(t.Context(), portal.ID, ToWazo, "parked")
		require.NoError(t, err)
		require.Equal(t, StateParked, left.State)
		require.Equal(t, "too large", left.Error)
	})

	t.Run("the same source waits once", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		a, b := db.addPortal(t, "a"), db.addPortal(t, "b")
		db.queue(t, a, ToWazo, "$1", 1)
		row := &Row{PortalID: a.ID, Direction: ToWazo, Kind: KindMessage, SourceID: "$1", Position: 2, Payload: "other", State: StateNew}
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
		t.Parallel()
		_, err := openNew(t).Queue.Insert(t.Context(), &Row{PortalID: 7, Direction: ToWazo, Kind: KindMessage, SourceID: "$1", State: StateNew})
		require.Error(t, err)
	})
}

func TestQueueRow(t *testing.T) {
	t.Parallel()
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

	for _, now := range []Time{ms(1000), ms(2000)} {
		there, err := db.Queue.MarkAttempted(t.Context(), current(), []string{"first", "second"}, now)
		require.NoError(t, err)
		require.True(t, there)
	}
	require.Equal(t, 2, current().Parts)
	require.Equal(t, StateAttempted, current().State)
	require.Equal(t, 2, current().Attempts)
	require.Equal(t, ms(2000), current().AttemptedAt)
	require.NoError(t, db.Queue.MarkUnknown(t.Context(), row.ID, ms(3000)))
	require.Equal(t, ms(3000), current().AttemptedAt)
	require.Equal(t, StateAttempted, current().State)

	// The next part begins anew, with the request that never changes.
	for _, want := range []bool{true, false} {
		finished, err := db.Queue.FinishPart(t.Context(), current(), 0)
		require.NoError(t, err)
		require.Equal(t, want, finished, "a part is finished once")
	}
	require.Equal(t, 1, current().Part)
	require.Equal(t, StateNew, current().State)
	require.Zero(t, current().Attempts)
	there, err := db.Queue.MarkAttempted(t.Context(), current(), []string{"another", "one"}, ms(4000))
	require.NoError(t, err)
	require.True(t, there)
	for part, want := range []string{"first", "second"} {
		stored, err := db.Queue.Request(t.Context(), row.ID, part)
		require.NoError(t, err)
		require.Equal(t, want, stored)
	}

	last := current()
	finished, err := db.Queue.FinishPart(t.Context(), last, 1)
	require.NoError(t, err)
	require.True(t, finished)
	there, err = db.Queue.Delete(t.Context(), row.ID)
	require.NoError(t, err)
	require.False(t, there)
	there, err = db.Queue.MarkAttempted(t.Context(), last, nil, ms(1))
	require.NoError(t, err)
	require.False(t, there, "a row that is gone must not be sent")
	gone, err := db.Queue.ByID(t.Context(), row.ID)
	require.NoError(t, err)
	require.Nil(t, gone)
	require.Zero(t, db.count(t, "payload"), "what it carried goes with it")
	require.Zero(t, db.count(t, "request"))
}

func TestReplacedPayload(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		before func(t *testing.T, db *Database, row *Row)
		late   bool
	}{
		{name: "a row that was not passed over is not late", before: func(*testing.T, *Database, *Row) {}},
		{name: "a row that was passed over is late", late: true, before: func(t *testing.T, db *Database, row *Row) {
			passed, err := db.Queue.PassOver(t.Context(), row)
			require.NoError(t, err)
			require.True(t, passed)
		}},
		{name: "a row that was parked is not late", before: func(t *testing.T, db *Database, row *Row) {
			require.NoError(t, db.Queue.SetState(t.Context(), row.ID, StateParked, "refused"))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := openNew(t)
			row := db.queueEncrypted(t, db.addPortal(t, "a"), "$1", 1, "session")
			test.before(t, db, row)
			there, err := db.Queue.SetPayload(t.Context(), row, "decrypted")
			require.NoError(t, err)
			require.True(t, there)
			current, err := db.Queue.ByID(t.Context(), row.ID)
			require.NoError(t, err)
			require.Equal(t, "decrypted", current.Payload)
			require.Equal(t, StateNew, current.State)
			require.Empty(t, current.Error)
			require.Empty(t, current.Session)
			require.Equal(t, test.late, current.Late)

			// Who read the row before that does not know what it carries now.
			there, err = db.Queue.MarkAttempted(t.Context(), row, []string{"old"}, ms(1))
			require.NoError(t, err)
			require.False(t, there, "what was changed since it was read must not be sent as it was")
			there, err = db.Queue.SetPayload(t.Context(), row, "old")
			require.NoError(t, err)
			require.False(t, there, "what was changed since it was read must not be changed back")
			there, err = db.Queue.PassOver(t.Context(), row)
			require.NoError(t, err)
			require.False(t, there, "what can be read by now must not be passed over")

			// An edit keeps it late.
			there, err = db.Queue.SetPayload(t.Context(), current, "edited")
			require.NoError(t, err)
			require.True(t, there)
			current, err = db.Queue.ByID(t.Context(), row.ID)
			require.NoError(t, err)
			require.Equal(t, "edited", current.Payload)
			require.Equal(t, test.late, current.Late)
		})
	}
}

func TestRowsThatWaitForKeys(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	a, b := db.addPortal(t, "a"), db.addPortal(t, "b")
	db.queueEncrypted(t, a, "second", 2, "one")
	first := db.queueEncrypted(t, a, "first", 1, "one")
	parked := db.queueEncrypted(t, a, "parked", 3, "one")
	db.queueEncrypted(t, b, "elsewhere", 1, "one")
	other := db.queueEncrypted(t, a, "of another session", 4, "two")
	db.queue(t, a, ToWazo, "readable", 5)
	require.NoError(t, db.Queue.SetState(t.Context(), parked.ID, StateParked, "refused"))
	missing, err := db.Queue.IsMissing(t.Context(), "one")
	require.NoError(t, err)
	require.False(t, missing, "nothing was passed over yet")
	for _, row := range []*Row{first, other} {
		passed, err := db.Queue.PassOver(t.Context(), row)
		require.NoError(t, err)
		require.True(t, passed)
	}

	sources := func(rows []*Row, err error) (sources []string) {
		t.Helper()
		require.NoError(t, err)
		for _, row := range rows {
			sources = append(sources, row.SourceID)
		}
		return sources
	}
	require.Equal(t, []string{"first", "second", "elsewhere"}, sources(db.Queue.EncryptedBy(t.Context(), "one")))
	require.Empty(t, sources(db.Queue.EncryptedBy(t.Context(), "")), "what can be read waits for no key")
	require.Equal(t, []string{"first", "of another session"}, sources(db.Queue.Waiting(t.Context(), ms(1))))
	require.Empty(t, sources(db.Queue.Waiting(t.Context(), ms(0))), "accepted later")
	require.Equal(t, []string{"first", "parked", "of another session"}, sources(db.Queue.Blocked(t.Context(), a.ID)))
	sessions, err := db.Queue.MissingSessions(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"one", "two"}, sessions)
	missing, err = db.Queue.IsMissing(t.Context(), "one")
	require.NoError(t, err)
	require.True(t, missing)
}

func TestWithheldKeys(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	require.NoError(t, db.Withheld.Note(t.Context(), "@robin:a.example", "session", ms(1000)))
	require.NoError(t, db.Withheld.Note(t.Context(), "@robin:a.example", "session", ms(2000)), "it may be said twice")
	has := func(by id.UserID, session id.SessionID) bool {
		t.Helper()
		has, err := db.Withheld.Has(t.Context(), by, session)
		require.NoError(t, err)
		return has
	}
	require.True(t, has("@robin:a.example", "session"))
	require.False(t, has("@robin:a.example", "another"))
	require.False(t, has("@eve:a.example", "session"), "said by somebody else")
	require.NoError(t, db.Withheld.Forget(t.Context(), ms(1000)))
	require.True(t, has("@robin:a.example", "session"))
	require.NoError(t, db.Withheld.Forget(t.Context(), ms(1001)))
	require.False(t, has("@robin:a.example", "session"))
}

func TestQueueCounts(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	a, b := db.addPortal(t, "a"), db.addPortal(t, "b")
	for i, state := range []State{StateNew, StateNew, StateAttempted, StateWaiting, StateParked} {
		row := db.queue(t, a, ToWazo, fmt.Sprint(i), int64(i))
		require.NoError(t, db.Queue.SetState(t.Context(), row.ID, state, ""))
	}
	db.queue(t, a, ToMatrix, "$1", 1)
	for i, state := range []State{StateParked, StateWaiting} {
		row := db.queue(t, b, ToWazo, fmt.Sprint(i), 1)
		require.NoError(t, db.Queue.SetState(t.Context(), row.ID, state, ""))
	}

	counts, err := db.Queue.Counts(t.Context(), a.ID)
	require.NoError(t, err)
	require.Equal(t, map[Direction]Counts{ToWazo: {Pending: 3, Waiting: 1, Parked: 1}, ToMatrix: {Pending: 1}}, counts)

	busy, err := db.Queue.Busy(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []QueueKey{{a.ID, ToWazo}, {a.ID, ToMatrix}}, busy, "a queue of rows that are set aside has nothing to do")
}

func TestOldestRows(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal, other := db.addPortal(t, "a"), db.addPortal(t, "b")
	for i, row := range []Row{
		{PortalID: portal.ID, Direction: ToWazo, SourceID: "parked", State: StateParked, AcceptedAt: ms(1)},
		{PortalID: portal.ID, Direction: ToWazo, SourceID: "young", State: StateNew, AcceptedAt: ms(30)},
		{PortalID: portal.ID, Direction: ToWazo, SourceID: "old", State: StateAttempted, AcceptedAt: ms(20)},
		{PortalID: other.ID, Direction: ToMatrix, SourceID: "elsewhere", State: StateNew, AcceptedAt: ms(10)},
		{PortalID: other.ID, Direction: ToWazo, SourceID: "without key", State: StateWaiting, AcceptedAt: ms(5)},
	} {
		row.Kind, row.Position = KindMessage, int64(i)
		added, err := db.Queue.Insert(t.Context(), &row)
		require.NoError(t, err)
		require.True(t, added)
	}
	oldest, err := db.Queue.Oldest(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []OldestRow{
		{QueueKey{portal.ID, ToWazo}, ms(20)},
		{QueueKey{other.ID, ToMatrix}, ms(10)},
	}, oldest)
}

func TestRetryParked(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal, other := db.addPortal(t, "a"), db.addPortal(t, "b")
	never := db.queue(t, portal, ToWazo, "never attempted", 1)
	once := db.queue(t, portal, ToMatrix, "attempted once", 1)
	elsewhere := db.queue(t, other, ToWazo, "elsewhere", 1)
	_, err := db.Queue.MarkAttempted(t.Context(), once, []string{"request"}, ms(5))
	require.NoError(t, err)
	for _, row := range []*Row{never, once, elsewhere} {
		require.NoError(t, db.Queue.SetState(t.Context(), row.ID, StateParked, "refused"))
	}
	parked, err := db.Queue.Blocked(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Len(t, parked, 2)

	require.NoError(t, db.Queue.RetryParked(t.Context(), portal.ID, ms(1000)))
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

	require.NoError(t, db.Queue.SetState(t.Context(), once.ID, StateParked, "refused again"))
	for _, row := range []*Row{once, elsewhere} {
		require.NoError(t, db.Queue.Unpark(t.Context(), row.ID, ms(1000)))
	}
	require.Equal(t, StateAttempted, state(once))
	require.Equal(t, StateNew, state(elsewhere))
}

func TestDeleteUpTo(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal, other := db.addPortal(t, "a"), db.addPortal(t, "b")
	for _, position := range []int64{1, 2, 3} {
		db.queue(t, portal, ToWazo, fmt.Sprint(position), position)
	}
	db.queue(t, portal, ToMatrix, "the other way", 1)
	db.queue(t, other, ToWazo, "elsewhere", 1)
	introduction := &Row{PortalID: portal.ID, Direction: ToWazo, Kind: KindIntroduction, SourceID: "introduction", Position: 0, State: StateNew}
	_, err := db.Queue.Insert(t.Context(), introduction)
	require.NoError(t, err)

	require.NoError(t, db.Queue.DeleteUpTo(t.Context(), portal.ID, ToWazo, 2))
	require.Equal(t, []string{"introduction", "3"}, db.drain(t, portal, ToWazo), "the relay's own rows stay")
	require.Equal(t, []string{"the other way"}, db.drain(t, portal, ToMatrix))
	require.Equal(t, []string{"elsewhere"}, db.drain(t, other, ToWazo))
}

func TestIsNext(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(ctx context.Context, db *Database, p *Portal, row *Row) error
		want   bool
	}{
		"nothing has changed": {func(context.Context, *Database, *Portal, *Row) error { return nil }, true},
		"it is attempted": {func(ctx context.Context, db *Database, _ *Portal, row *Row) error {
			_, err := db.Queue.MarkAttempted(ctx, row, []string{"{}"}, ms(2))
			return err
		}, false},
		"it was edited": {func(ctx context.Context, db *Database, _ *Portal, row *Row) error {
			_, err := db.Queue.SetPayload(ctx, row, "{}")
			return err
		}, false},
		"its part is delivered": {func(ctx context.Context, db *Database, _ *Portal, row *Row) error {
			_, err := db.Queue.FinishPart(ctx, row, 0)
			return err
		}, false},
		"it is to be delivered alone": {func(ctx context.Context, db *Database, _ *Portal, row *Row) error {
			return db.Queue.SetAlone(ctx, row.ID)
		}, false},
		"it is gone": {func(ctx context.Context, db *Database, _ *Portal, row *Row) error {
			_, err := db.Queue.Delete(ctx, row.ID)
			return err
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openNew(t)
			portal := db.addPortal(t, "one")
			row := db.queue(t, portal, ToMatrix, "message", 5)
			later := db.queue(t, portal, ToMatrix, "later", 6)
			require.NoError(t, test.change(t.Context(), db, portal, row))
			is, err := db.Queue.IsNext(t.Context(), row)
			require.NoError(t, err)
			require.Equal(t, test.want, is)
			is, err = db.Queue.IsNext(t.Context(), later)
			require.NoError(t, err)
			require.Equal(t, name == "it is gone", is, "the other one comes first")
		})
	}
}
