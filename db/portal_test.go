package db

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

func TestPortal(t *testing.T) {
	t.Parallel()
	t.Run("a room has one portal, on either side", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		a := db.addPortal(t, "a")
		same := *a
		same.WazoRoom = "another"
		require.Error(t, db.Portal.Insert(t.Context(), &same))
		same = *a
		same.MatrixRoom = "!another:a.example"
		require.Error(t, db.Portal.Insert(t.Context(), &same))
		all, err := db.Portal.All(t.Context())
		require.NoError(t, err)
		require.Equal(t, []*Portal{a}, all)
	})

	t.Run("it is found from both sides", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		a := db.addPortal(t, "a")
		db.addPortal(t, "b")
		for _, find := range []func() (*Portal, error){
			func() (*Portal, error) { return db.Portal.ByID(t.Context(), a.ID) },
			func() (*Portal, error) { return db.Portal.ByMatrixRoom(t.Context(), a.MatrixRoom) },
			func() (*Portal, error) { return db.Portal.ByWazoRoom(t.Context(), a.WazoRoom) },
		} {
			found, err := find()
			require.NoError(t, err)
			require.Equal(t, a, found)
		}
		none, err := db.Portal.ByMatrixRoom(t.Context(), "!none:a.example")
		require.NoError(t, err)
		require.Nil(t, none)
	})

	t.Run("it is found by its reader", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		a := db.addPortal(t, "a")
		found, err := db.Portal.OfReader(t.Context(), a.ReaderID)
		require.NoError(t, err)
		require.Equal(t, []*Portal{a}, found)
		found, err = db.Portal.OfReader(t.Context(), a.ReaderID+1)
		require.NoError(t, err)
		require.Empty(t, found)
	})

	t.Run("the cursor never moves back", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		a := db.addPortal(t, "a")
		cursor := func() WazoTime {
			t.Helper()
			found, err := db.Portal.ByID(t.Context(), a.ID)
			require.NoError(t, err)
			return found.ReadUntil
		}
		require.NoError(t, db.Portal.SetStartedOnWazo(t.Context(), a.ID, us(100)))
		require.Equal(t, us(100), cursor(), "the cursor starts where the link begins")
		for _, to := range []int{300, 200} {
			isReader, err := db.Portal.MoveCursor(t.Context(), a.ID, a.ReaderID, us(int64(to)))
			require.NoError(t, err)
			require.True(t, isReader)
		}
		require.Equal(t, us(300), cursor())
	})

	t.Run("only the reader moves the cursor", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		a := db.addPortal(t, "a")
		other := &Account{MatrixUser: "@robin:a.example", UserUUID: "robin", ClientID: "c"}
		require.NoError(t, db.Account.PutLogin(t.Context(), other, "refresh"))
		isReader, err := db.Portal.MoveCursor(t.Context(), a.ID, other.ID, us(300))
		require.NoError(t, err)
		require.False(t, isReader)
		changed, err := db.Portal.SetReader(t.Context(), a.ID, other.ID, a.ReaderID)
		require.NoError(t, err)
		require.False(t, changed, "it is not the reader")
		changed, err = db.Portal.SetReader(t.Context(), a.ID, a.ReaderID, other.ID)
		require.NoError(t, err)
		require.True(t, changed)
		isReader, err = db.Portal.MoveCursor(t.Context(), a.ID, a.ReaderID, us(400))
		require.NoError(t, err)
		require.False(t, isReader, "the old reader is late")
		isReader, err = db.Portal.MoveCursor(t.Context(), a.ID, other.ID, us(300))
		require.NoError(t, err)
		require.True(t, isReader)
		found, err := db.Portal.ByID(t.Context(), a.ID)
		require.NoError(t, err)
		require.Equal(t, us(300), found.ReadUntil)
	})

	t.Run("unlinking takes everything of the link, and nothing else", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		for _, portal := range []*Portal{db.addPortal(t, "a"), db.addPortal(t, "b")} {
			db.queue(t, portal, ToWazo, "$1", 1)
			_, err := db.Gap.Insert(t.Context(), portal.ID, "!room:a.example", "p", "s", 1)
			require.NoError(t, err)
			require.NoError(t, db.Message.Insert(t.Context(), &Message{PortalID: portal.ID, WazoUUID: "u", EventID: "$0", Author: "x"}))
			require.NoError(t, db.Orphan.Insert(t.Context(), &Orphan{PortalID: portal.ID, WazoUUID: "o"}))
			_, err = db.Pause.Insert(t.Context(), &Pause{PortalID: portal.ID, Reason: "removed"})
			require.NoError(t, err)
		}
		require.NoError(t, db.Portal.Delete(t.Context(), 1))
		for _, table := range []string{"portal", "queue", "gap", "message", "pause", "orphan"} {
			require.Equal(t, 1, db.count(t, table), table)
		}
	})

	t.Run("the id of a portal that is gone is never used again", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		last := int64(0)
		for range 3 {
			portal := db.addPortal(t, "a")
			require.Greater(t, portal.ID, last)
			last = portal.ID
			require.NoError(t, db.Portal.Delete(t.Context(), portal.ID))
		}
	})

	t.Run("the id of a queue row that is gone is never used again", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal := db.addPortal(t, "a")
		first := db.queue(t, portal, ToWazo, "$1", 1)
		_, err := db.Queue.Delete(t.Context(), first.ID)
		require.NoError(t, err)
		require.Greater(t, db.queue(t, portal, ToWazo, "$2", 1).ID, first.ID)
	})

	t.Run("its reader must exist", func(t *testing.T) {
		t.Parallel()
		require.Error(t, openNew(t).Portal.Insert(t.Context(), &Portal{MatrixRoom: "!a:a.example", WazoRoom: "a", ReaderID: 7}))
	})

	t.Run("it moves to the room that replaces its own, with all that waits", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		a, b := db.addPortal(t, "a"), db.addPortal(t, "b")
		db.queue(t, a, ToWazo, "$1", 1)
		require.NoError(t, db.Portal.MoveToRoom(t.Context(), a.ID, "!new:a.example"))
		gone, err := db.Portal.ByMatrixRoom(t.Context(), a.MatrixRoom)
		require.NoError(t, err)
		require.Nil(t, gone)
		moved, err := db.Portal.ByMatrixRoom(t.Context(), "!new:a.example")
		require.NoError(t, err)
		require.Equal(t, a.ID, moved.ID)
		require.Equal(t, []string{"$1"}, db.drain(t, moved, ToWazo))
		require.Error(t, db.Portal.MoveToRoom(t.Context(), a.ID, b.MatrixRoom), "a room has one portal")
	})

	t.Run("what is set is what is read", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		a := db.addPortal(t, "a")
		require.NoError(t, db.Portal.SetStartedOnMatrix(t.Context(), a.ID))
		require.NoError(t, db.Portal.SetPublic(t.Context(), a.ID, true))
		require.NoError(t, db.Portal.SetLastError(t.Context(), a.ID, "oops"))
		found, err := db.Portal.ByID(t.Context(), a.ID)
		require.NoError(t, err)
		want := *a
		want.StartedOnMatrix, want.Public, want.LastError = true, true, "oops"
		require.Equal(t, &want, found)
	})
}

func TestMessage(t *testing.T) {
	t.Parallel()
	insert := func(t *testing.T, db *Database, m Message) {
		t.Helper()
		require.NoError(t, db.Message.Insert(t.Context(), &m))
	}

	// parts returns the events of a message, in order.
	parts := func(t *testing.T, db *Database) (events []id.EventID) {
		t.Helper()
		rows, err := db.Message.QueryMany(t.Context(), "SELECT "+messageColumns+" FROM message ORDER BY wazo_uuid, part")
		require.NoError(t, err)
		for _, row := range rows {
			events = append(events, row.EventID)
		}
		return events
	}

	t.Run("a message of several parts is known by each of its events", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal := db.addPortal(t, "a")
		want := []id.EventID{"$a", "$b", "$c"}
		for part, eventID := range want {
			insert(t, db, Message{PortalID: portal.ID, WazoUUID: "u", Part: part, EventID: eventID, Author: "x", RelayedAt: ms(1)})
		}
		require.Equal(t, want, parts(t, db))
		for _, eventID := range want {
			known, err := db.Message.KnowsEvent(t.Context(), portal.ID, eventID)
			require.NoError(t, err)
			require.True(t, known)
		}
	})

	t.Run("a mapping that is known stays as it is", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal := db.addPortal(t, "a")
		insert(t, db, Message{PortalID: portal.ID, WazoUUID: "u", EventID: "$first"})
		insert(t, db, Message{PortalID: portal.ID, WazoUUID: "u", EventID: "$second"})
		require.Equal(t, []id.EventID{"$first"}, parts(t, db))
	})

	t.Run("messages that are shown nowhere do not collide", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal := db.addPortal(t, "a")
		for _, uuid := range []string{"u1", "u2"} {
			insert(t, db, Message{PortalID: portal.ID, WazoUUID: uuid})
			known, err := db.Message.KnowsUUID(t.Context(), portal.ID, uuid)
			require.NoError(t, err)
			require.True(t, known)
		}
		known, err := db.Message.KnowsEvent(t.Context(), portal.ID, "")
		require.NoError(t, err)
		require.False(t, known)
	})

	t.Run("what is known in one portal is not known in another", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		a, b := db.addPortal(t, "a"), db.addPortal(t, "b")
		insert(t, db, Message{PortalID: a.ID, WazoUUID: "u", EventID: "$a"})
		known, err := db.Message.KnowsUUID(t.Context(), b.ID, "u")
		require.NoError(t, err)
		require.False(t, known)
		known, err = db.Message.KnowsEvent(t.Context(), b.ID, "$a")
		require.NoError(t, err)
		require.False(t, known)
	})

	t.Run("only what is old and will not be met again is forgotten", func(t *testing.T) {
		t.Parallel()
		const overlap = 60 * time.Microsecond
		db := openNew(t)
		portal := db.addPortal(t, "a")
		require.NoError(t, db.Portal.SetStartedOnWazo(t.Context(), portal.ID, us(1000))) // the verified cursor
		for _, m := range []Message{
			{WazoUUID: "old", CreatedAt: us(939), RelayedAt: ms(99)},
			{WazoUUID: "old, but within the overlap", CreatedAt: us(940), RelayedAt: ms(99)},
			{WazoUUID: "young", CreatedAt: us(939), RelayedAt: ms(100)},
		} {
			m.PortalID, m.EventID = portal.ID, id.EventID("$"+m.WazoUUID)
			insert(t, db, m)
		}
		require.NoError(t, db.Message.Forget(t.Context(), ms(100), overlap))
		for uuid, want := range map[string]bool{"old": false, "old, but within the overlap": true, "young": true} {
			known, err := db.Message.KnowsUUID(t.Context(), portal.ID, uuid)
			require.NoError(t, err)
			require.Equal(t, want, known, uuid)
			known, err = db.Message.KnowsEvent(t.Context(), portal.ID, id.EventID("$"+uuid))
			require.NoError(t, err)
			require.Equal(t, want, known, uuid)
		}
	})
}
