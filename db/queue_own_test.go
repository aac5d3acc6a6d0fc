package db

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
)

// attempt marks a row as attempted with a request of an author.
func (db *Database) attempt(t *testing.T, row *Row, author string) {
	t.Helper()
	there, err := db.Queue.MarkAttempted(t.Context(), row, []string{fmt.Sprintf(`{"author":%q,"content":"ok"}`, author)}, ms(2))
	require.NoError(t, err)
	require.True(t, there)
}

func TestRequestsOfOwnAccounts(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal, other := db.addPortal(t, "a"), db.addPortal(t, "b")
	row := db.queue(t, portal, ToWazo, "$1", 1)
	isAttempted := func(portal *Portal, author string) bool {
		t.Helper()
		attempted, err := db.Queue.IsAttempted(t.Context(), &Row{ID: row.ID + 1, PortalID: portal.ID, Author: author}, "ok")
		require.NoError(t, err)
		return attempted
	}
	require.False(t, isAttempted(portal, "alice"))
	db.attempt(t, row, "alice")
	require.True(t, isAttempted(portal, "alice"))
	require.False(t, isAttempted(portal, "bob"))
	require.False(t, isAttempted(other, "alice"))
	for _, echo := range []*Row{{ID: row.ID - 1}, {ID: row.ID + 1}} {
		for content, want := range map[string]bool{"ok": echo.ID > row.ID, "ok ": false} {
			echo.PortalID, echo.Author = portal.ID, "alice"
			attempted, err := db.Queue.IsAttempted(t.Context(), echo, content)
			require.NoError(t, err)
			require.Equal(t, want, attempted, "%d %q", echo.ID, content)
		}
	}
	db.attempt(t, db.queue(t, other, ToWazo, "$2", 1), "")
	attempters, err := db.Queue.Attempters(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"alice"}, attempters)

	has, err := db.Queue.HasSaid(t.Context(), portal.ID, "@robin:a.example")
	require.NoError(t, err)
	require.True(t, has)
	has, err = db.Queue.HasSaid(t.Context(), portal.ID, "@sam:a.example")
	require.NoError(t, err)
	require.False(t, has)

	withdrawn, err := db.Queue.Withdraw(t.Context(), &Row{ID: row.ID, Revision: row.Revision + 1})
	require.NoError(t, err)
	require.False(t, withdrawn, "the row has changed")
	withdrawn, err = db.Queue.Withdraw(t.Context(), row)
	require.NoError(t, err)
	require.True(t, withdrawn)
	require.False(t, isAttempted(portal, "alice"))
	current, err := db.Queue.ByID(t.Context(), row.ID)
	require.NoError(t, err)
	require.Equal(t, []any{StateNew, 1, 0, 0, false}, []any{current.State, current.Revision, current.Parts, current.Attempts, current.HasRequest()})
	_, err = db.Queue.Request(t.Context(), row.ID, 0)
	require.Error(t, err)
	db.attempt(t, current, "bob")
	require.True(t, isAttempted(portal, "bob"))
}

func TestEchoesOfOwnAccounts(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addPortal(t, "a")
	queue := func(uuid, author, text string, position int64) *Row {
		t.Helper()
		added, err := db.Queue.Insert(t.Context(), &Row{
			PortalID: portal.ID, Direction: ToMatrix, Kind: KindMessage, SourceID: uuid, Author: author, Position: position,
			Payload: fmt.Sprintf(`{"content":%q}`, text), State: StateNew, AcceptedAt: ms(1),
		})
		require.NoError(t, err)
		require.True(t, added)
		row, err := db.Queue.BySource(t.Context(), portal.ID, ToMatrix, uuid)
		require.NoError(t, err)
		return row
	}
	written := func(since int64) string {
		t.Helper()
		row, err := db.Queue.Written(t.Context(), portal.ID, "alice", jsontime.UMicroInt(since), jsontime.UMicroInt(60), "ok")
		require.NoError(t, err)
		if row == nil {
			return ""
		}
		return row.SourceID
	}
	isShown := func(uuid string) bool {
		t.Helper()
		shown, err := db.Queue.IsTaken(t.Context(), &Row{PortalID: portal.ID}, uuid)
		require.NoError(t, err)
		return shown
	}
	queue("bob's", "bob", "ok", 9)
	queue("other", "alice", "no", 10)
	queue("third", "alice", "ok", 40)
	queue("too late", "alice", "ok", 60)
	first := queue("first", "alice", "ok", 20)
	second := queue("second", "alice", "ok", 30)
	require.Equal(t, "first", written(0))
	require.Equal(t, "first", written(20))
	require.Equal(t, "second", written(21))
	for until, want := range map[int64]bool{21: true, 20: false} {
		has, err := db.Queue.HasWritten(t.Context(), portal.ID, "alice", jsontime.UMicroInt(11), jsontime.UMicroInt(until))
		require.NoError(t, err)
		require.Equal(t, want, has, until)
	}
	require.False(t, isShown("first"))
	require.NoError(t, db.Queue.MarkMerged(t.Context(), first, []*Row{second}, "{}", ms(1)))
	require.True(t, isShown("first"))
	require.True(t, isShown("second"), "it is merged")
	require.Equal(t, "third", written(0))
	between := db.queue(t, portal, ToWazo, "$1", 1)
	queue("fourth", "alice", "ok", 50)
	for uuid, want := range map[string]bool{"third": true, "fourth": false} {
		taken, err := db.Queue.IsTaken(t.Context(), between, uuid)
		require.NoError(t, err)
		require.Equal(t, want, taken, uuid)
	}
	require.NoError(t, db.Queue.DropGhosts(t.Context(), between, "alice", jsontime.UMicroInt(0), "ok", ms(0), nil))
	require.Equal(t, "fourth", written(41), "it was accepted later")
	require.NoError(t, db.Queue.DropGhosts(t.Context(), between, "alice", jsontime.UMicroInt(0), "ok", ms(1), []string{"fourth"}))
	require.Equal(t, "fourth", written(41), "it is on Wazo")
	require.NoError(t, db.Queue.DropGhosts(t.Context(), between, "alice", jsontime.UMicroInt(0), "ok", ms(1), nil))
	require.Empty(t, written(41))
	require.Equal(t, "third", written(0), "it is older than what was posted")
	for uuid, stays := range map[string]bool{"first": true, "second": true, "third": false, "unknown": false} {
		require.NoError(t, db.Queue.DropEcho(t.Context(), portal.ID, uuid))
		row, err := db.Queue.BySource(t.Context(), portal.ID, ToMatrix, uuid)
		require.NoError(t, err)
		require.Equal(t, stays, row != nil, uuid)
	}
}

func TestPeopleAreToldOnceForEachPortalAndReason(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	a, b := db.addPortal(t, "a"), db.addPortal(t, "b")
	tell := func(portal *Portal, reason string) bool {
		t.Helper()
		first, err := db.Told.Tell(t.Context(), "@robin:a.example", portal.ID, reason)
		require.NoError(t, err)
		return first
	}
	require.True(t, tell(a, "one"))
	require.False(t, tell(a, "one"))
	require.True(t, tell(a, "two"))
	require.True(t, tell(b, "one"))
	require.NoError(t, db.Told.TellAnew(t.Context(), "@robin:a.example", a.ID))
	require.True(t, tell(a, "one"))
	require.False(t, tell(b, "one"))
}
