package db

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// merged queues three messages of which the first is the lead of a merge with the second, and returns them.
func (db *Database) merged(t *testing.T, portal *Portal) (lead, second, third *Row) {
	t.Helper()
	lead, second, third = db.queue(t, portal, ToMatrix, "a", 1), db.queue(t, portal, ToMatrix, "b", 2), db.queue(t, portal, ToMatrix, "c", 3)
	require.NoError(t, db.Queue.MarkMerged(t.Context(), lead, []*Row{second}, "a and b", ms(1)))
	return lead, second, third
}

func TestMergedRows(t *testing.T) {
	t.Parallel()
	byID := func(t *testing.T, db *Database, rowID int64) *Row {
		t.Helper()
		row, err := db.Queue.ByID(t.Context(), rowID)
		require.NoError(t, err)
		return row
	}

	t.Run("the lead carries the request, and the others wait with it", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal := db.addPortal(t, "a")
		lead, second, third := db.merged(t, portal)
		next, err := db.Queue.Next(t.Context(), portal.ID, ToMatrix)
		require.NoError(t, err)
		require.Equal(t, []any{lead.ID, StateAttempted, 1}, []any{next.ID, next.State, next.Parts})
		request, err := db.Queue.Request(t.Context(), lead.ID, 0)
		require.NoError(t, err)
		require.Equal(t, "a and b", request)
		require.Equal(t, lead.ID, byID(t, db, second.ID).MergedInto)
		merged, err := db.Queue.IsMerged(t.Context(), lead.ID)
		require.NoError(t, err)
		require.True(t, merged)
		merged, err = db.Queue.IsMerged(t.Context(), third.ID)
		require.NoError(t, err)
		require.False(t, merged)
		counts, err := db.Queue.Counts(t.Context(), portal.ID)
		require.NoError(t, err)
		require.Equal(t, 3, counts[ToMatrix].Pending)
	})

	t.Run("the lead cannot leave without the others", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		lead, second, _ := db.merged(t, db.addPortal(t, "a"))
		_, err := db.Queue.Delete(t.Context(), lead.ID)
		require.Error(t, err)
		for _, row := range []*Row{second, lead} {
			there, err := db.Queue.Delete(t.Context(), row.ID)
			require.NoError(t, err)
			require.True(t, there)
		}
	})

	t.Run("they leave with their portal", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal := db.addPortal(t, "a")
		db.merged(t, portal)
		require.NoError(t, db.Portal.Delete(t.Context(), portal.ID))
		require.Zero(t, db.count(t, "queue"))
	})

	t.Run("a merge is undone in order, and not made again", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal := db.addPortal(t, "a")
		lead, second, third := db.merged(t, portal)
		require.NoError(t, db.Queue.SetAlone(t.Context(), lead.ID))
		require.Equal(t, lead.ID, byID(t, db, second.ID).MergedInto, "it is not undone yet")
		read := byID(t, db, lead.ID)
		require.NoError(t, db.Queue.Unmerge(t.Context(), lead.ID))
		for row, alone := range map[*Row]bool{lead: true, second: true, third: false} {
			now := byID(t, db, row.ID)
			require.Equal(t, []any{StateNew, 0, 0, int64(0), alone}, []any{now.State, now.Parts, now.Attempts, now.MergedInto, now.Alone}, now.SourceID)
		}
		require.Zero(t, db.count(t, "request"))
		there, err := db.Queue.MarkAttempted(t.Context(), read, nil, ms(2))
		require.NoError(t, err)
		require.False(t, there, "the merged request must not be sent any more")
		require.Equal(t, []string{"a", "b", "c"}, db.drain(t, portal, ToMatrix))
	})

	t.Run("rows that have changed are not merged", func(t *testing.T) {
		t.Parallel()
		for name, change := range map[string]func(*Database, *Row) error{
			"it was delivered": func(db *Database, row *Row) error {
				_, err := db.Queue.Delete(t.Context(), row.ID)
				return err
			},
			"it was attempted": func(db *Database, row *Row) error {
				_, err := db.Queue.MarkAttempted(t.Context(), row, []string{"alone"}, ms(1))
				return err
			},
			"a part of it was delivered": func(db *Database, row *Row) error {
				_, err := db.Queue.FinishPart(t.Context(), row, 0)
				return err
			},
		} {
			db := openNew(t)
			portal := db.addPortal(t, "a")
			lead, second, third := db.queue(t, portal, ToMatrix, "a", 1), db.queue(t, portal, ToMatrix, "b", 2), db.queue(t, portal, ToMatrix, "c", 3)
			require.NoError(t, change(db, third))
			require.ErrorIs(t, db.Queue.MarkMerged(t.Context(), lead, []*Row{second, third}, "all", ms(1)), ErrRowChanged, name)
			require.Equal(t, []any{StateNew, 0}, []any{byID(t, db, lead.ID).State, byID(t, db, lead.ID).Parts}, name)
			require.Zero(t, byID(t, db, second.ID).MergedInto, name)
		}
	})

	t.Run("what stands behind a row comes in order", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal := db.addPortal(t, "a")
		db.queue(t, portal, ToMatrix, "before", 1)
		row := db.queue(t, portal, ToMatrix, "row", 2)
		db.queue(t, portal, ToMatrix, "later", 4)
		db.queue(t, portal, ToMatrix, "at the same time", 2)
		parked := db.queue(t, portal, ToMatrix, "parked", 3)
		require.NoError(t, db.Queue.SetState(t.Context(), parked.ID, StateParked, "refused"))
		db.queue(t, portal, ToWazo, "the other direction", 3)
		db.queue(t, portal, ToMatrix, "last", 5)
		following, err := db.Queue.Following(t.Context(), row, 2)
		require.NoError(t, err)
		var sources []string
		for _, row := range following {
			sources = append(sources, row.SourceID)
		}
		require.Equal(t, []string{"at the same time", "later"}, sources)

		for limit, want := range map[int][]string{4: {"before", "row", "at the same time", "parked"}, 10: {"before", "row", "at the same time", "parked", "later", "last"}} {
			first, until, err := db.Queue.FirstSources(t.Context(), portal.ID, ToMatrix, limit)
			require.NoError(t, err)
			require.Equal(t, want, first)
			require.Equal(t, map[int]int64{4: 3, 10: 5}[limit], until)
		}
	})

	t.Run("several messages may have one event", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal := db.addPortal(t, "a")
		for _, uuid := range []string{"u1", "u2"} {
			require.NoError(t, db.Message.Insert(t.Context(), &Message{PortalID: portal.ID, WazoUUID: uuid, EventID: "$1"}))
			known, err := db.Message.KnowsUUID(t.Context(), portal.ID, uuid)
			require.NoError(t, err)
			require.True(t, known)
		}
	})

	t.Run("a reply to an event answers the last of its messages", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal, other := db.addPortal(t, "a"), db.addPortal(t, "b")
		for i, uuid := range []string{"z", "b", "a"} {
			require.NoError(t, db.Message.Insert(t.Context(), &Message{PortalID: portal.ID, WazoUUID: uuid, EventID: "$1", CreatedAt: us(int64(1 + i/2))}))
		}
		last, err := db.Message.ByEvent(t.Context(), portal.ID, "$1")
		require.NoError(t, err)
		require.Equal(t, "a", last.WazoUUID)
		none, err := db.Message.ByEvent(t.Context(), other.ID, "$1")
		require.NoError(t, err)
		require.Nil(t, none)
	})
}
