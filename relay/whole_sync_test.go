package relay

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// phaseToWazo returns the phase of the queue to Wazo of the fixture's portal.
func (f *fixture) phaseToWazo() phase {
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(f, err)
	return f.core.startup.phase(db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo})
}

func (f *fixture) awaitPhase(p phase) {
	f.Helper()
	await.Until(f, "the phase of the queue to Wazo", func() bool { return f.phaseToWazo() >= p })
}

// awaitCompared waits until nothing waits to be delivered to Wazo, with all events of the room accepted but some of the
// newest.
func (f *fixture) awaitCompared(withheld int) {
	f.Helper()
	await.Until(f, "an empty queue to Wazo", func() bool {
		f.matrix.mu.Lock()
		accepted := f.matrix.synced[roomID] == len(f.matrix.rooms[roomID])-withheld
		f.matrix.mu.Unlock()
		var waiting int
		err := f.db.QueryRow(f.ctx, "SELECT COUNT(*) FROM queue WHERE direction = 'to_wazo'").Scan(&waiting)
		return accepted && err == nil && waiting == 0
	})
}

// sayNow lets a person say something in the room at the present time.
func (f *fixture) sayNow(sender id.UserID, text string) {
	f.matrix.add(roomID, sender, event.EventMessage, map[string]any{"msgtype": "m.text", "body": text}, func(evt *event.Event) {
		evt.Timestamp = time.Now().UnixMilli()
	})
}

// After a restore the homeserver brings in pieces what was delivered already. Between the pieces nothing waits in the
// queue.
func TestFirstAnswersOfSyncAfterARestoreArePartial(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		first, then int // how many events the first answer withholds, and the second one
	}{
		{name: "some events", first: 4, then: 2},
		{name: "no events", first: 6, then: 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newOwnFixture(t)
			f.halt()
			restore := f.snapshot()
			f.start()
			f.matrix.say(robinUser, "one")
			f.matrix.say(adminUser, "two")
			f.matrix.say(robinUser, "ok")
			f.matrix.say(adminUser, "ok")
			f.matrix.say(robinUser, "three")
			f.matrix.say(adminUser, "four")
			await.Until(t, "the messages", func() bool { return len(f.posted()) == 6 })
			f.awaitEmpty()
			posted := f.posted()
			f.halt()
			restore()
			f.wazo.Post(f.room.UUID, f.alice, "typed", "")
			f.matrix.withhold(test.first)
			release := f.matrix.holdResyncs()
			f.start()
			f.awaitPhase(phaseCompared)
			f.matrix.withhold(test.then)
			f.awaitCompared(test.then)
			f.matrix.withhold(0)
			f.awaitCompared(0)
			f.sayNow(adminUser, "after")
			await.Until(t, "what is new", func() bool { return slices.Contains(f.posted(), "relay/Ada (Matrix): after") })
			release()
			f.awaitPhase(phaseMatched)
			f.awaitSettled("Alice Martin: typed")
			require.Equal(t, append(posted, "alice/: typed", "relay/Ada (Matrix): after", "bob/: end"), f.posted())
		})
	}
}

// What is said after the start is delivered, although it has the text of something that was posted before and whose
// event does not come, and although its first attempt fails.
func TestIdenticalTextIsSaidWhileTheAnswersOfSyncMayBePartial(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.halt()
	f.wazo.Post(f.room.UUID, f.relay, "ok", "Ada (Matrix)")
	f.wazo.Post(f.room.UUID, f.alice, "ok", "")
	release := f.matrix.holdResyncs()
	f.start()
	f.awaitPhase(phaseCompared)
	f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusInternalServerError), wazotest.Times(1))
	f.sayNow(adminUser, "ok")
	f.sayNow(robinUser, "ok")
	want := []string{"relay/Ada (Matrix): ok", "alice/: ok", "relay/Ada (Matrix): ok", "alice/: ok"}
	await.Until(t, "the messages", func() bool { return len(f.posted()) == len(want) })
	require.Equal(t, phaseCompared, f.phaseToWazo())
	release()
	f.awaitPhase(phaseMatched)
	f.awaitSettled("Alice Martin: ok")
	require.Equal(t, append(want, "bob/: end"), f.posted())
}

// If nothing can be compared, no further answer of /sync is waited for.
func TestStartAfterWhichNothingIsCompared(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.halt()
	release := f.matrix.holdResyncs()
	defer release()
	f.wazo.Post(f.room.UUID, f.bob, "from Wazo", "")
	f.matrix.say(robinUser, "from Matrix")
	f.start()
	f.awaitPhase(phaseMatched)
	f.awaitSettled("Bob Stone: from Wazo")
	require.Equal(t, []string{"bob/: from Wazo", "alice/: from Matrix", "bob/: end"}, f.posted())
	require.False(t, f.core.startup.isWhole())
}

// What the bot has shown before a restore is shown again if the homeserver brings it too late, and one of the two is
// taken back.
func TestFirstAnswerOfSyncAfterARestoreMissesTheBotsOwnEvents(t *testing.T) {
	t.Parallel()
	f, restore := newCopiedFixture(t)
	f.wazo.Post(f.room.UUID, f.bob, "one", "")
	f.awaitShown("Bob Stone: one")
	f.awaitEmpty()
	f.halt()
	restore()
	f.matrix.withhold(1)
	f.start()
	f.awaitShown("Bob Stone: one", "Bob Stone: one")
	f.matrix.withhold(0)
	await.Until(t, "the duplicate", func() bool { return len(f.duplicates()) == 1 })
	f.awaitEmpty()
	require.Equal(t, []string{"before"}, f.relayed())
}

// A queue that waits for the end of a start has nobody else who wakes it soon.
func TestNoQueueSleepsOnBecauseTheDatabaseHasFailed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.probeInterval = time.Hour
	f.start()
	f.link()
	f.matrix.say(robinUser, "hello")
	f.awaitOnWazo("hello")
	f.awaitEmpty()
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	_, err = f.db.Exec(f.ctx, "ALTER TABLE orphan RENAME TO away")
	require.NoError(t, err)
	_, err = f.core.step(f.ctx, job{kind: jobUnfinished})
	require.Error(t, err, "it is tried again")
	_, err = f.db.Queue.Insert(f.ctx, &db.Row{
		PortalID: portal.ID, Direction: db.ToWazo, Kind: db.KindMessage, SourceID: "$waits", Author: robinUser.String(), Position: 1 << 50, State: db.StateNew,
		Payload: `{"type": "m.room.message", "event_id": "$waits", "sender": "` + robinUser.String() + `", "content": {"msgtype": "m.text", "body": "waits"}}`,
	})
	require.NoError(t, err)
	f.core.wakeAll()
	_, err = f.db.Exec(f.ctx, "ALTER TABLE away RENAME TO orphan")
	require.NoError(t, err)
	f.awaitOnWazo("waits")
}
