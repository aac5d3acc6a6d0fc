package relay

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// Tests of what must not become a text message, and of what comes from outside in unusual forms.

const colleagueNumber = "+15145550102"

func TestNothingInsideWazoBecomesATextMessage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		write func(f *smsFixture)
	}{
		{"the colleague writes in Wazo's app", func(f *smsFixture) {
			room := f.wazo.CreateRoom("", f.alice, f.bob)
			f.wazo.Post(room.UUID, f.bob, "from a colleague", "")
		}},
		{"the colleague writes by text message", func(f *smsFixture) {
			require.NoError(t, f.wazo.SMS().Receive(colleagueNumber, ownNumber, "from a colleague"))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newSMSFixture(t)
			f.wazo.AddNumber(f.bob, colleagueNumber)
			test.write(f)
			f.awaitMade(1)
			room := madeRoom(0)
			f.join(room, robinUser)
			f.awaitTextsIn(room, "from a colleague")
			require.Contains(t, f.matrix.textsIn(room)[0], "Bob Stone: ")
			require.Equal(t, txt.ConversationTopic(), f.matrix.plans()[0].Topic)
			portal := f.portalOf(room)
			f.sayIn(room, robinUser, "an answer")
			await.Until(t, "the answer", func() bool {
				messages := f.wazo.Messages(portal.WazoRoom)
				return messages[len(messages)-1].Content == "an answer"
			})
			f.awaitQueueEmpty(room)
			require.Empty(t, f.wazo.DeliveryStatus(f.wazo.Messages(portal.WazoRoom)[1].UUID), "it stays inside Wazo")
			require.Empty(t, f.sent())
			_, err := f.core.Number(f.ctx, room, robinUser, "")
			var refused *UserError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, txt.NumberNotHere(), refused.Words)
		})
	}
}

func TestAFileIsSentAsALink(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) {
		f.media = MediaConfig{URL: "https://relay.example.org/media", Life: time.Hour, MaxSize: 1000}
	})
	room := f.open()
	f.matrix.add(room, robinUser, event.EventMessage, map[string]any{"msgtype": "m.image", "body": "cat.jpg", "url": "mxc://a.example/cat"})
	await.Until(t, "the link", func() bool { return len(f.sent()) == 1 })
	require.Contains(t, f.sent()[0], "https://relay.example.org/media/")
	require.NotContains(t, f.sent()[0], "Robin", "a stranger reads it")

	caption := strings.Repeat("a cat ", 40)
	f.matrix.add(room, robinUser, event.EventMessage, map[string]any{
		"msgtype": "m.image", "body": caption, "filename": "cat.jpg", "url": "mxc://a.example/other",
	})
	await.Until(t, "the link with the caption", func() bool { return len(f.sent()) == 2 })
	require.Contains(t, f.sent()[1], "a cat a cat")
	f.awaitNotice("is sent as about")

	f.matrix.add(room, robinUser, event.EventMessage, map[string]any{
		"msgtype": "m.image", "body": "lion.jpg", "url": "mxc://a.example/lion", "info": map[string]any{"size": 1001},
	})
	f.awaitNotice(txt.StaysOnMatrix(words.StaysBigFile, false))
	require.Len(t, f.sent(), 2)
}

func TestTheOwnNumbersAreAskedForOnce(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	for _, text := range []string{"one", "two", "three"} {
		f.write(room, text)
	}
	asked := func() int { return f.wazo.RequestsBy(f.alice)["GET /api/chatd/1.0/users/me/identities"] }
	require.Equal(t, 1, asked())
	f.wazo.AddNumber(f.alice, otherNumber)
	await.Until(t, "another question", func() bool { return asked() == 2 })
}

func TestANumberOfOneAccountConcernsNoOther(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	f.mustLogIn(eveUser, f.bob)
	alice, bob := f.core.accounts.of(robinUser), f.core.accounts.of(eveUser)
	numbers, mine := f.core.numbers, []wazoapi.Identity{{Number: ownNumber}}
	for _, test := range []struct {
		owner wazoapi.UUID
		kept  []*account
	}{
		{alice.uuid(), []*account{bob}},
		{"", nil}, // it may be the number of anybody who is heard by this connection
	} {
		bob.shared.Store(alice.stream())
		require.True(t, numbers.keep(alice, "room", mine, numbers.forgotten))
		require.True(t, numbers.keep(bob, "room", mine, numbers.forgotten))
		(&reader{f.core, alice}).IdentitiesChanged(f.ctx, test.owner)
		numbers.mu.Lock()
		require.ElementsMatch(t, test.kept, slices.Collect(maps.Keys(numbers.known)))
		numbers.mu.Unlock()
	}
}

// Wazo may tell that the numbers have changed while they are asked for.
func TestAnAnswerFromBeforeAChangeOfTheNumbersIsNotKept(t *testing.T) {
	t.Parallel()
	n, acc := newNumbers(), newAccount(&db.Account{ID: 1}, nil)
	mine := []wazoapi.Identity{{Number: ownNumber}}
	before := n.forgotten
	n.forget(acc)
	require.False(t, n.keep(acc, "room", mine, before))
	require.Empty(t, n.known)
	require.True(t, n.keep(acc, "room", mine, n.forgotten))
	known, err := n.in(t.Context(), acc, "room")
	require.NoError(t, err, "nothing is asked")
	require.Equal(t, mine, known)
}

func TestSendersWhoCannotBeAnswered(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ sender, shown string }{
		{"24680", "24680"},
		{"Wazo*Bank @room", "Wazo*Bank @room"},
		{"☎️", "☎️"},
	} {
		t.Run(test.sender, func(t *testing.T) {
			t.Parallel()
			f := newSMSFixture(t)
			require.NoError(t, f.wazo.SMS().Receive(test.sender, ownNumber, "Your code is 0000"))
			f.awaitMade(1)
			room := madeRoom(0)
			f.join(room, robinUser)
			f.awaitTextsIn(room, "Your code is 0000")
			require.Contains(t, f.matrix.textsIn(room)[0], test.shown+": ")
			f.sayIn(room, robinUser, "ok")
			f.awaitNotice(txt.NotDelivered(txt.Why(words.WhyNoNumber)))
			require.Empty(t, f.sent())
		})
	}
}

func TestARefusalIsToldAndNotRepeated(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	f.write(room, "one")
	f.awaitSent("one")
	f.wazo.SetSMS(false) // nobody tells
	f.sayIn(room, robinUser, "two")
	f.awaitNotice(txt.NotDelivered(txt.Why(words.WhyUnreachable)))
	two := f.eventSaying(room, "two")
	row, err := f.db.Queue.BySource(f.ctx, f.portalOf(room).ID, db.ToWazo, two.String())
	require.NoError(t, err)
	require.Equal(t, db.StateParked, row.State, "it waits until somebody asks for another try")
	f.wazo.SetSMS(true)
	f.write(room, "three")
	f.awaitSent("one", "three")
}

func TestATextWithEmojiIsSentAsItIs(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	text := "👍🏽 1 < 2 & *so* `on` 👨‍👩‍👧"
	f.sayIn(room, robinUser, text)
	f.awaitSent(text)
	f.receive("🎉 **bold** @room <b>")
	f.awaitTextsIn(room, "hello", "🎉 **bold** @room <b>")
}

func TestACreationOfUnknownOutcomeIsNotRepeatedAfterARestart(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	f.wazo.Faults().RefuseRoom(wazotest.JSONError(500), wazotest.Times(1))
	f.refusedStart(customerNumber, txt.SMSRoomDoubtful())
	f.halt()
	f.start()
	await.Until(t, "the log-in", func() bool { return f.core.accounts.of(robinUser) != nil })
	f.refusedStart(customerNumber, txt.SMSRoomDoubtful())
	require.Zero(t, f.outsideRooms())
}
