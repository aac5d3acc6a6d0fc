package relay

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

const historyRoute = "GET /api/chatd/1.0/users/me/rooms/{room}/messages"

// statements counts the statements of a database.
type statements struct {
	dbutil.DatabaseLogger
	n atomic.Int64
}

// QueryTiming implements dbutil.DatabaseLogger.
func (s *statements) QueryTiming(context.Context, string, string, []any, int, time.Duration, error) {
	s.n.Add(1)
}

// addSettled adds portals to the database of a fixture that is halted. Each has a message that was read long ago.
func (f *fixture) addSettled(n int) (rooms []string) {
	f.Helper()
	f.withDatabase(func(database *db.Database) {
		reader, err := f.relayRow(database)
		require.NoError(f, err)
		for i := range n {
			room := f.wazo.CreateDuplicateRoom(fmt.Sprintf("Settled %d", i), f.relay, f.bob)
			last := jsontime.UMicro(f.wazo.Post(room.UUID, f.bob, "long ago", "").CreatedAt)
			portal := &db.Portal{
				MatrixRoom: id.RoomID(fmt.Sprintf("!settled%d:a.example", i)), WazoRoom: room.UUID, Title: *room.Name, ReaderID: reader.ID,
				LinkedBy: adminUser, LinkedAt: jsontime.UM(time.Now()), StartedOnMatrix: true, StartedOnWazo: last,
			}
			require.NoError(f, database.Portal.Insert(f.ctx, portal))
			_, err = database.Portal.MoveCursor(f.ctx, portal.ID, reader.ID, last)
			require.NoError(f, err)
			require.NoError(f, database.Portal.SetSettled(f.ctx, portal.ID, reader.ID, last))
			rooms = append(rooms, room.UUID)
		}
	})
	return rooms
}

// withDatabase opens the database of a fixture that is halted.
func (f *fixture) withDatabase(use func(*db.Database)) {
	f.Helper()
	database, err := db.Open(f.ctx, f.dbPath, "key", f.core.log)
	require.NoError(f, err)
	defer func() { require.NoError(f, database.Close()) }()
	use(database)
}

// newSettledFixture returns a fixture that is halted, with a portal in which "before" was said, and many that are
// settled.
func newSettledFixture(t *testing.T, n int) (f *fixture, rooms []string) {
	t.Helper()
	f = newFixture(t)
	f.start()
	f.link()
	f.wazo.Post(f.room.UUID, f.alice, "before", "")
	f.awaitShown("Alice Martin: before")
	f.awaitEmpty()
	f.halt()
	return f, f.addSettled(n)
}

func TestAStartReadsOnlyRoomsWithNews(t *testing.T) {
	t.Parallel()
	started := func(n int) (requests wazotest.Requests, statements int64) {
		f, rooms := newSettledFixture(t, n)
		f.probeInterval = time.Hour // only what a start does
		f.wazo.Post(rooms[1], f.bob, "news", "")
		before := f.wazo.Requests()
		f.start()
		await.Until(t, "the news to be shown", func() bool {
			return strings.Join(f.matrix.textsIn("!settled1:a.example"), "") == "Bob Stone: news"
		})
		f.matrix.say(adminUser, "hello")
		f.awaitOnWazo("hello")
		f.awaitEmpty()
		requests = f.wazo.Requests()
		for route := range requests {
			requests[route] -= before[route]
		}
		return requests, f.statements.n.Load()
	}
	const portals = 200
	few, fewStatements := started(3)
	many, manyStatements := started(portals)
	// Besides the room with news, the one that was linked a moment ago is read: it is not settled.
	require.LessOrEqual(t, few[historyRoute], 3)
	require.LessOrEqual(t, many[historyRoute], 3)
	require.Less(t, total(many), total(few)+20)
	require.Less(t, manyStatements, fewStatements+portals, "not even one statement for each portal")
}

func total(requests wazotest.Requests) (n int) {
	for _, count := range requests {
		n += count
	}
	return n
}

func TestWhatWasSaidWhileTheRelayWasAwayIsShownInSettledPortals(t *testing.T) {
	t.Parallel()
	f, rooms := newSettledFixture(t, 40)
	for _, room := range rooms {
		f.wazo.Post(room, f.bob, "hello", "")
	}
	f.start()
	await.Until(t, "all to be shown", func() bool {
		for i := range rooms {
			if strings.Join(f.matrix.textsIn(id.RoomID(fmt.Sprintf("!settled%d:a.example", i))), "|") != "Bob Stone: hello" {
				return false
			}
		}
		return true
	})
}

func TestAMessageCostsTheSameWithManyPortals(t *testing.T) {
	t.Parallel()
	cost := func(n int) float64 {
		f, _ := newSettledFixture(t, n)
		f.probeInterval, f.healthInterval = time.Hour, time.Hour
		f.start()
		say := func(text string) {
			f.wazo.Post(f.room.UUID, f.alice, text, "")
			await.Until(t, text, func() bool { shown := f.matrix.shown(); return shown[len(shown)-1] == "Alice Martin: "+text })
			f.matrix.say(adminUser, text)
			f.awaitOnWazo(text)
			f.awaitEmpty()
		}
		say("first")
		const messages = 10
		before := f.statements.n.Load()
		for i := range messages {
			say(fmt.Sprint("message ", i))
		}
		return float64(f.statements.n.Load()-before) / messages
	}
	// The test's own looks into the database are counted, too, and there are more of them on a slow machine. One
	// statement for each portal would be a thousand more.
	require.Less(t, cost(1000), cost(1)+300, "statements for a message in each direction")
}

func TestAPortalSettles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settles = 50 * time.Millisecond
	f.start()
	f.link()
	f.wazo.Post(f.room.UUID, f.alice, "hello", "")
	f.awaitShown("Alice Martin: hello")
	isSettled := func() bool {
		portal, err := f.core.Portal(f.ctx, roomID)
		return err == nil && portal.Settled
	}
	await.Until(t, "a settled portal", isSettled)
	read := f.wazo.Requests()[historyRoute]
	const news = "GET /api/chatd/1.0/users/me/rooms/messages"
	looks := f.wazo.Requests()[news]
	await.Until(t, "two looks for news", func() bool { return f.wazo.Requests()[news] > looks+2 })
	require.Equal(t, read, f.wazo.Requests()[historyRoute], "nothing is read again")

	f.settles = time.Hour
	f.halt()
	f.start()
	f.wazo.Post(f.room.UUID, f.alice, "again", "")
	f.awaitShown("Alice Martin: hello", "Alice Martin: again")
	await.Until(t, "the cursor to move", func() bool { return !isSettled() })
}

// Who belongs to a conversation also depends on the configuration, of which nobody tells while the relay is down.
func TestAStartLooksAtConversationsIfTheConfigurationHasChanged(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.openConversation(robinUser)
	unfollowed := func() int {
		portals, err := f.db.Portal.Unfollowed(f.ctx)
		require.NoError(t, err)
		return len(portals)
	}
	await.Until(t, "the conversation to be looked at", func() bool { return unfollowed() == 0 })
	require.NoError(t, f.core.conversations.compareConfig(f.ctx))
	require.Zero(t, unfollowed(), "nothing has changed")
	f.core.cfg.Rights.ignoredPatterns = []string{"@mallory:a.example"}
	require.NoError(t, f.core.conversations.compareConfig(f.ctx))
	require.Equal(t, 1, unfollowed())
}
