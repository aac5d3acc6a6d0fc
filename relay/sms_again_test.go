package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

func TestATextMessageThatIsShownIsNotSentAgain(t *testing.T) {
	t.Parallel()
	t.Run("after it was set aside", func(t *testing.T) {
		t.Parallel()
		f := newSMSFixture(t, func(f *smsFixture) { f.settle = time.Second })
		room := f.open()
		f.write(room, "first")
		cut := f.wazo.Faults().CutPost(wazotest.Times(1))
		f.sayAt(room, "on my way", time.Now().Add(-2*poisonPeriod)) // as long as it takes at least
		require.NoError(t, cut.Wait(f.ctx, 1))
		said := f.eventSaying(room, "on my way")
		row := f.rowIn(room, said)
		require.NoError(t, f.db.Queue.SetState(f.ctx, row.ID, db.StateParked, "poison"))
		f.core.tasks.Wake(portalJob(jobToMatrix, row.PortalID))
		f.awaitTextsIn(room, "hello", "on my way")
		_, err := f.core.Retry(f.ctx, room)
		require.NoError(t, err)
		f.awaitQueueEmpty(room)
		f.write(room, "last")
		f.awaitSent("first", "on my way", "last")
	})
	t.Run("after a restore, when its key comes late", func(t *testing.T) {
		t.Parallel()
		f := newSMSFixture(t)
		room := f.open()
		f.write(room, "first")
		f.awaitEmpty()
		f.halt()
		restore := f.snapshot()
		f.start()
		written := time.Now()
		said := f.matrix.add(room, robinUser, event.EventEncrypted, map[string]any{
			"algorithm": id.AlgorithmMegolmV1, "session_id": "s", "ciphertext": "AAAA",
		}, func(evt *event.Event) { evt.Timestamp = written.UnixMilli() })
		f.bringKey("s", said, "a secret")
		f.awaitSent("first", "a secret")
		f.awaitEmpty()
		f.halt()
		restore()
		f.takeKey(said)
		f.start()
		await.Until(t, "the queue to go on", func() bool {
			row := f.rowIn(room, said)
			return row != nil && row.State == db.StateWaiting
		})
		f.write(room, "second")
		f.awaitTextsIn(room, "hello", "a secret")
		f.awaitEmpty()
		f.bringKey("s", said, "a secret")
		await.Until(t, "the message to leave the queue", func() bool { return f.rowIn(room, said) == nil })
		f.write(room, "last")
		f.awaitSent("first", "a secret", "second", "last")
	})
}

// sayAt lets robin say something in a room at a time.
func (f *smsFixture) sayAt(room id.RoomID, text string, at time.Time) {
	f.matrix.add(room, robinUser, event.EventMessage, map[string]any{"msgtype": "m.text", "body": text}, func(evt *event.Event) {
		evt.Timestamp = at.UnixMilli()
	})
}

// rowIn returns the row of what was said in a room, nil if it is not in the queue.
func (f *smsFixture) rowIn(room id.RoomID, eventID id.EventID) *db.Row {
	f.Helper()
	row, err := f.db.Queue.BySource(f.ctx, f.portalOf(room).ID, db.ToWazo, eventID.String())
	require.NoError(f, err)
	return row
}

// What somebody says again on purpose is sent, also after an attempt in vain.
func TestTheSameTextIsSentAgainOnPurpose(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.settle = 300 * time.Millisecond })
	room := f.open()
	f.wazo.Post(f.outsideRoom(), f.alice, "ok", "")
	f.awaitTextsIn(room, "hello", "ok")
	await.Until(t, "what was shown to be recorded, some time before it is said again", func() bool {
		row, err := f.db.Queue.Next(f.ctx, f.portalOf(room).ID, db.ToMatrix)
		return err == nil && row == nil
	})
	recorded := time.Now()
	await.Until(t, "another millisecond", func() bool { return time.Since(recorded) > time.Millisecond })
	lost := f.wazo.Faults().NeverCommit(wazotest.Times(1))
	f.sayAt(room, "ok", time.Now())
	require.NoError(t, lost.Wait(f.ctx, 1))
	f.awaitSent("ok")
	f.awaitQueueEmpty(room)
	f.sayAt(room, "ok", time.Now())
	f.awaitSent("ok", "ok")
}
