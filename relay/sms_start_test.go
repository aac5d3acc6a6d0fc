package relay

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// outsideRooms returns how many rooms with somebody outside there are.
func (f *smsFixture) outsideRooms() (n int) {
	for _, room := range f.wazo.Rooms() {
		if room.Outside != "" {
			n++
		}
	}
	return n
}

func (f *smsFixture) mustStart(number, text, want string) {
	f.Helper()
	answer, err := f.core.StartSMS(f.ctx, robinUser, number, text, false)
	require.NoError(f, err)
	require.Equal(f, want, answer)
}

func (f *smsFixture) refusedStart(number, want string) {
	f.Helper()
	_, err := f.core.StartSMS(f.ctx, robinUser, number, "hello", false)
	var refused *UserError
	require.ErrorAs(f, err, &refused)
	require.Equal(f, want, refused.Words)
}

func TestAConversationIsStartedWithANumber(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	f.mustStart("514-555-0111", "hello", txt.SMSSent("+1 514-555-0111", 1))
	f.awaitSent("hello")
	require.Equal(t, customerNumber, f.lastSMS().To, "in the form of Wazo")
	f.awaitMade(1)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "hello")
	f.mustStart("(514) 555 0111", "hello", txt.SMSSentAlready("+1 514-555-0111"))
	f.mustStart(customerNumber, "", txt.SMSStarted("+1 514-555-0111"))
	f.receive("who is there?")
	f.awaitTextsIn(madeRoom(0), "hello", "who is there?")
	require.Equal(t, []string{"hello"}, f.sent(), "the same text is not sent again")
	require.Equal(t, 1, f.outsideRooms())
}

func TestAFailureOfTheFirstTextMessageIsTold(t *testing.T) {
	t.Parallel()
	t.Run("by the provider, later", func(t *testing.T) {
		t.Parallel()
		f := newSMSFixture(t)
		f.mustStart(customerNumber, "hello", txt.SMSSent("+1 514-555-0111", 1))
		f.awaitSent("hello")
		f.awaitMade(1)
		f.join(madeRoom(0), robinUser)
		f.awaitTextsIn(madeRoom(0), "hello")
		f.wazo.SMS().Report(f.lastSMS(), wazotest.StatusFailed)
		f.awaitNotice(txt.TextMessageFailed())
		require.False(t, f.isRead(f.eventSaying(madeRoom(0), "hello")), "a receipt would mark what was written before it")
	})
	t.Run("by Wazo, before anybody is in the room", func(t *testing.T) {
		t.Parallel()
		f := newSMSFixture(t)
		f.wazo.Faults().RefuseSMS(0, wazotest.Always())
		f.mustStart(customerNumber, "hello", txt.SMSSent("+1 514-555-0111", 1))
		f.awaitMade(1)
		await.Until(t, "Wazo to give up", func() bool {
			messages := f.wazo.Messages(f.outsideRoom())
			return len(messages) == 1 && f.wazo.DeliveryStatus(messages[0].UUID) == wazotest.StatusDeadLetter
		})
		f.join(madeRoom(0), robinUser)
		f.awaitTextsIn(madeRoom(0), "hello")
		f.awaitNotice(txt.TextMessageFailed())
		require.Equal(t, 1, f.noticesLike(txt.TextMessageFailed()))
	})
}

// What is known of a first text message may be old when somebody joins the room that shows it.
func TestAFailureOfTheFirstTextMessageIsToldAfterARestart(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	f.mustStart(customerNumber, "hello", txt.SMSSent("+1 514-555-0111", 1))
	f.awaitSent("hello")
	f.awaitMade(1)
	await.Until(t, "the message to wait for somebody who joins", func() bool {
		portal, err := f.db.Portal.ByMatrixRoom(f.ctx, madeRoom(0))
		if err != nil || portal == nil {
			return false
		}
		row, err := f.db.Queue.Next(f.ctx, portal.ID, db.ToMatrix)
		return err == nil && row != nil
	})
	f.halt()
	f.wazo.SMS().Report(f.lastSMS(), wazotest.StatusFailed)
	f.start()
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "hello")
	f.awaitNotice(txt.TextMessageFailed())
}

// A command is carried out again if the relay was killed before it was answered.
func TestAFirstTextMessageIsNotRepeatedAfterARestart(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.postTimeout = 200 * time.Millisecond })
	f.mustStart(customerNumber, "", txt.SMSStarted("+1 514-555-0111"))
	f.wazo.Faults().LateCommit(2*time.Second, wazotest.Times(1))
	f.mustStart(customerNumber, "hello", txt.SMSPerhapsSent("+1 514-555-0111"))
	f.halt()
	f.settle = 3 * time.Second
	f.start()
	const post = "POST /api/chatd/1.0/users/me/rooms/{room}/messages"
	before := f.wazo.Requests()[post]
	require.Positive(t, before)
	f.mustStart(customerNumber, "hello", txt.SMSSentAlready("+1 514-555-0111"))
	f.awaitSent("hello")
	require.Equal(t, before, f.wazo.Requests()[post], "it is found")
}

func TestAnEditedCommandSendsNoText(t *testing.T) {
	t.Parallel()
	for _, corrections := range []bool{false, true} {
		t.Run(fmt.Sprintf("corrections %t", corrections), func(t *testing.T) {
			t.Parallel()
			f := newSMSFixture(t, func(f *smsFixture) { f.sms.Corrections = corrections })
			f.mustStart(customerNumber, "at noon", txt.SMSSent("+1 514-555-0111", 1))
			answer, err := f.core.StartSMS(f.ctx, robinUser, customerNumber, "at one", true)
			require.NoError(t, err)
			if corrections {
				require.Equal(t, txt.SMSSent("+1 514-555-0111", 1), answer)
				f.awaitSent("at noon", "at one")
				return
			}
			require.Equal(t, txt.SMSNotSentByEdit("+1 514-555-0111"), answer)
			f.awaitSent("at noon")
		})
	}
}

func TestOneRoomIsMadeForANumber(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() { _, _ = f.core.StartSMS(f.ctx, robinUser, customerNumber, "", false) })
	}
	all.Wait()
	require.Equal(t, 1, f.outsideRooms())
	f.receive("it arrives")
	f.awaitMade(1)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "it arrives")
}

func TestACreationOfUnknownOutcomeIsNotRepeated(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	f.wazo.Faults().CutRoom(wazotest.Times(1))
	f.mustStart(customerNumber, "", txt.SMSStarted("+1 514-555-0111"))
	require.Equal(t, 1, f.outsideRooms(), "it is found in the list")

	f.wazo.Faults().RefuseRoom(wazotest.JSONError(500), wazotest.Times(1))
	f.refusedStart("+15145550112", txt.SMSRoomDoubtful())
	f.refusedStart("+15145550112", txt.SMSRoomDoubtful())
	require.Equal(t, 1, f.outsideRooms(), "it may still appear")
}

func TestNumbersThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	f.refusedStart("INFO", txt.NotANumber("INFO"))
	f.refusedStart("24680", txt.NotANumber("24680"))
	f.refusedStart("514 555 0101", txt.YourOwnNumber())
	f.wazo.AddNumber(f.bob, "+15145550102")
	f.mustStart("+15145550102", "hi Bob", txt.NumberOfAColleague("+1 514-555-0102"))
	require.Empty(t, f.sent(), "a colleague is not written to by a text message")
	f.wazo.SetSMS(false)
	f.refusedStart(customerNumber, txt.OwnNumber("", nil))

	f.wazo.SetSMS(true)
	f.wazo.AddNumber(f.alice, otherNumber)
	f.mustStart(customerNumber, "hello", txt.SMSNotSentYet("+1 514-555-0111"))
	require.Empty(t, f.sent(), "nobody has said from which number")

	_, err := f.core.StartSMS(f.ctx, eveUser, customerNumber, "hello", false)
	var refused *UserError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, txt.NotLoggedIn(), refused.Words)
}
