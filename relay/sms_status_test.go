package relay

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// awaitRead waits until a message has the bot's read receipt.
func (f *smsFixture) awaitRead(eventID id.EventID) {
	f.Helper()
	await.Until(f, "a read receipt", func() bool { return f.isRead(eventID) })
}

func (f *smsFixture) isRead(eventID id.EventID) bool {
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	return slices.Contains(f.matrix.read, eventID)
}

// write lets robin write a text message, and waits until Wazo has it.
func (f *smsFixture) write(room id.RoomID, text string) id.EventID {
	f.Helper()
	f.sayIn(room, robinUser, text)
	await.Until(f, "the message on Wazo", func() bool {
		return slices.ContainsFunc(f.wazo.Messages(f.outsideRoom()), func(m wazotest.Message) bool { return m.Content == text })
	})
	f.awaitQueueEmpty(room)
	return f.eventSaying(room, text)
}

// lastSMS returns the last text message that was sent.
func (f *smsFixture) lastSMS() wazotest.SMS {
	sent := f.wazo.SMS().Sent()
	return sent[len(sent)-1]
}

func TestReadReceiptComesWhenTheProviderHasTakenATextMessage(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	refusal := f.wazo.Faults().RefuseSMS(0, wazotest.Times(2))
	said := f.write(room, "refused twice")
	require.NoError(t, refusal.Wait(f.ctx, 2))
	f.awaitNotice(txt.TextMessageRetried())
	f.awaitRead(said)
	require.Equal(t, 1, f.noticesLike("has not accepted this message yet"), "told once")
	require.Len(t, f.wazo.SMS().Sent(), 1)
}

func TestALaterReportTakesNoReceiptBack(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	f.awaitRead(f.write(room, "first"))
	first := f.lastSMS()
	second := f.write(room, "second")
	f.awaitRead(second)
	f.wazo.SMS().Report(first, wazotest.StatusDelivered)
	uuid := f.wazo.Messages(f.outsideRoom())[1].UUID
	await.Until(t, "the report", func() bool {
		known, err := f.db.TextMessage.Get(f.ctx, uuid)
		return err == nil && known.Status == string(wazoapi.DeliveryDelivered)
	})
	f.write(room, "third") // receipts come in order
	f.awaitRead(f.eventSaying(room, "third"))
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	require.Equal(t, []id.EventID{second, f.matrix.read[len(f.matrix.read)-1]}, f.matrix.read[len(f.matrix.read)-2:])
}

func TestAFailedTextMessageIsTold(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	f.awaitRead(f.write(room, "to fail"))
	f.wazo.SMS().Report(f.lastSMS(), wazotest.StatusFailed)
	f.awaitNotice(txt.TextMessageFailed())
	require.Equal(t, f.eventSaying(room, "to fail"), f.matrix.replies[len(f.matrix.replies)-1], "at the message")
	f.wazo.SMS().Report(f.lastSMS(), wazotest.StatusDelivered)
	f.awaitNotice(txt.TextMessageArrived())

	f.wazo.Faults().RefuseSMS(0, wazotest.Always())
	dead := f.write(room, "given up")
	await.Until(t, "the second failure", func() bool { return f.noticesLike(txt.TextMessageFailed()) == 2 })
	require.False(t, f.isRead(dead))
}

func TestAStatusMayComeBeforeItsMessage(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	early := f.wazo.Faults().EarlyStatus(wazotest.Times(1))
	f.awaitRead(f.write(room, "early"))
	require.Equal(t, 1, early.Fired())
}

func TestStatusesAreReadAfterAReconnect(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	lost := f.wazo.Faults().NoStatusEvent(wazotest.Always())
	said := f.write(room, "silent")
	require.NoError(t, lost.Wait(f.ctx, 1))
	f.awaitSent("silent")
	require.False(t, f.isRead(said))
	f.wazo.RestartWebsocketd()
	f.awaitRead(said)
	f.wazo.SMS().Report(f.lastSMS(), wazotest.StatusFailed)
	f.wazo.RestartWebsocketd()
	f.awaitNotice(txt.TextMessageFailed())
}

func TestStatusesAreReadInTurn(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.probeInterval = 0 })
	room := f.open()
	f.wazo.Faults().NoStatusEvent(wazotest.Always())
	f.write(room, "silent")
	portal, err := f.db.Portal.ByMatrixRoom(f.ctx, room)
	require.NoError(t, err)
	r := &reader{f.core, f.core.readers.of(portal)}
	require.NoError(t, f.core.reading.Acquire(f.ctx, parallelReads))
	ctx, cancel := context.WithTimeout(f.ctx, 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.readStatuses(ctx, portal), context.DeadlineExceeded, "others are reading")
	f.core.reading.Release(parallelReads)
	require.NoError(t, r.readStatuses(f.ctx, portal))
}

func TestWhatCameWhileRabbitMQWasAwayIsFound(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.probeInterval = 0 }) // 3 min: only the second look finds it
	room := f.open()
	down := f.wazo.Faults().BusLost()
	f.receive("silent") // readable in a second
	down.Off()
	f.receive("announced, and younger")
	f.awaitTextsIn(room, "hello", "announced, and younger", "silent")
}

// The first message of an unknown number may be stored late, too: no portal looks for it.
func TestAnUnknownNumberThatWroteWhileRabbitMQWasAwayIsFound(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.probeInterval = 0 }) // 3 min
	down := f.wazo.Faults().BusLost()
	f.receive("silent") // readable in a second
	down.Off()
	f.awaitMade(1)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "silent")
}
