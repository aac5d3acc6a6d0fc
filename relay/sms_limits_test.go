package relay

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
)

func TestALoopOfTextMessagesIsBounded(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.sms.PerHour = 3 })
	room := f.open()
	for i := range 5 {
		f.sayIn(room, robinUser, fmt.Sprint("loop ", i))
	}
	f.awaitNotice(txt.TextMessagesLimited(3))
	f.awaitSent("loop 0", "loop 1", "loop 2")
	require.Equal(t, 1, f.noticesLike("within an hour"))

	// Whoever writes to a number can cause that, so it must not look as if the relay or Wazo failed.
	overdue := time.Now().Add(2 * f.core.cfg.OutageNotice)
	await.Until(t, "the time after which waiting messages are trouble", func() bool { return time.Now().After(overdue) })
	health, err := f.core.Health(f.ctx)
	require.NoError(t, err)
	require.True(t, health.Wazo.OK, "%+v", health.Wazo)
	status, err := f.core.Status(f.ctx, room)
	require.NoError(t, err)
	require.Equal(t, words.WaitTextLimit, status.WaitsToWazo.For)
}

func TestTheFirstTextCountsAgainstTheLimit(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.sms.PerHour = 1 })
	room := f.open()
	long := strings.Repeat("long ", 40) + "text"
	f.mustStart(customerNumber, long, txt.SMSSent("+1 514-555-0111", 2))
	f.refusedStart(customerNumber, txt.SMSLimited("+1 514-555-0111", 1))
	f.sayIn(room, robinUser, "one more")
	f.awaitNotice(txt.TextMessagesLimited(1))
	f.awaitSent(long)
}

func TestAFloodOfUnknownNumbersMakesFewRooms(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.sms.RoomsPerHour = 2 })
	for i := range 5 {
		require.NoError(t, f.wazo.SMS().Receive(fmt.Sprintf("+1514555012%d", i), ownNumber, "spam"))
	}
	await.Until(t, "a notice", func() bool { return strings.Contains(strings.Join(f.told(), "\n"), txt.ManyUnknownNumbers(2)) })
	await.Until(t, "two rooms", func() bool { return len(f.matrix.plans()) == 2 })
	require.Equal(t, 1, strings.Count(strings.Join(f.told(), "\n"), "new numbers have written"), "one notice")
	openings, err := f.db.Opening.All(t.Context())
	require.NoError(t, err)
	await.Until(t, "the others to wait", func() bool {
		openings, err = f.db.Opening.All(t.Context())
		return err == nil && len(openings) == 3
	})
}

func TestARoomThatCannotBeMadeIsNoFlood(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.sms.RoomsPerHour = 1 })
	tries := 0
	f.matrix.mu.Lock()
	f.matrix.makeRoom = func(RoomPlan) error {
		if tries++; tries < 3 {
			return &MatrixError{Status: http.StatusTooManyRequests, Err: errors.New("later")}
		}
		return nil
	}
	f.matrix.mu.Unlock()
	f.receive("hello")
	f.awaitMade(1)
	require.NotContains(t, strings.Join(f.told(), "\n"), txt.ManyUnknownNumbers(1))
}

// What a person asks for is no flood, also if the number has written before.
func TestAPersonWhoAsksDoesNotWaitForTheFloodToEnd(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.sms.RoomsPerHour = 1 })
	require.NoError(t, f.wazo.SMS().Receive("+15145550120", ownNumber, "spam"))
	f.awaitMade(1)
	f.receive("hello")
	await.Until(t, "a notice", func() bool { return strings.Contains(strings.Join(f.told(), "\n"), txt.ManyUnknownNumbers(1)) })
	f.mustStart(customerNumber, "", txt.SMSStarted("+1 514-555-0111"))
	f.awaitMade(2)
	f.join(madeRoom(1), robinUser)
	f.awaitTextsIn(madeRoom(1), "hello")
}
