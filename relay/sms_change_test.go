package relay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// Tests of what changes under text messages that are on their way: the log-in of their sender, the owner of the number,
// and their text.

// editIn lets a person edit a message in a room.
func (f *smsFixture) editIn(room id.RoomID, target id.EventID, text string) {
	f.matrix.add(room, robinUser, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "* " + text, "m.new_content": map[string]any{"msgtype": "m.text", "body": text},
		"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": target},
	})
}

func TestLogOutWithTextMessagesOnTheirWay(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) (*smsFixture, id.RoomID, wazotest.SMS) {
		f := newSMSFixture(t, func(f *smsFixture) { f.settle = 500 * time.Millisecond })
		room := f.open()
		f.write(room, "zero")
		f.awaitSent("zero")
		zero := f.lastSMS()
		cut := f.wazo.Faults().CutPost(wazotest.Times(1))
		f.sayIn(room, robinUser, "one") // it is not known whether this one was sent
		f.sayIn(room, robinUser, "two")
		require.NoError(t, cut.Wait(f.ctx, 1))
		_, err := f.core.LogOut(f.ctx, robinUser)
		require.NoError(t, err)
		f.awaitNotice(txt.Why(words.WhyNoReader))
		return f, room, zero
	}
	t.Run("and a log-in as before", func(t *testing.T) {
		t.Parallel()
		f, room, zero := start(t)
		f.receive("are you there?")
		f.wazo.SMS().Report(zero, wazotest.StatusFailed)
		f.awaitSent("zero", "one") // nobody is there who may write from the number
		f.mustLogIn(robinUser, f.alice)
		f.sayIn(room, robinUser, "three")
		f.awaitSent("zero", "one", "two", "three")
		f.awaitTextsIn(room, "hello", "are you there?")
		f.awaitNotice(txt.TextMessageFailed())
	})
	t.Run("and a log-in as somebody else", func(t *testing.T) {
		t.Parallel()
		f, room, _ := start(t)
		f.wazo.AddNumber(f.bob, otherNumber)
		f.wazo.SetACL(f.bob, append(wazotest.DefaultUserPolicy(), wazotest.IdentityPolicy()...))
		f.mustLogIn(robinUser, f.bob)
		f.awaitOver(room)
		f.awaitSent("zero", "one") // and nothing from another number
	})
}

func TestANumberMovesToAnotherAccount(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		hears bool // Wazo tells the account that it has lost its number
		why   words.Why
	}{
		{"and that is heard", true, words.WhyNoNumber},
		{"and nobody tells", false, words.WhyNumberGone},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newSMSFixture(t, func(f *smsFixture) {
				if !test.hears {
					f.wazo.SetACL(f.alice, append(wazotest.DefaultUserPolicy(), wazoapi.IdentityScope))
				}
			})
			f.wazo.SetACL(f.bob, append(wazotest.DefaultUserPolicy(), wazotest.IdentityPolicy()...))
			room := f.open()
			f.mustLogIn(eveUser, f.bob)
			f.write(room, "from my number")
			f.awaitSent("from my number")
			f.wazo.RemoveNumber(f.number)
			f.number = f.wazo.AddNumber(f.bob, ownNumber)
			if test.hears {
				await.Until(t, "the event", func() bool {
					f.core.numbers.mu.Lock()
					defer f.core.numbers.mu.Unlock()
					return len(f.core.numbers.known) == 0
				})
			}
			f.sayIn(room, robinUser, "not mine any more")
			f.awaitNotice(txt.NotDelivered(txt.Why(test.why)))
			f.receive("to the new owner")
			f.awaitMade(2)
			f.join(madeRoom(1), eveUser)
			f.awaitTextsIn(madeRoom(1), "to the new owner")
			f.sayIn(madeRoom(1), eveUser, "from my new number")
			f.awaitSent("from my number", "from my new number")
			require.Len(t, f.matrix.textsIn(room), 1, "the former owner reads nothing more")
			require.Empty(t, f.matrix.membership(madeRoom(1), robinUser))
		})
	}
}

// Somebody who reads a text message from a number that they do not know takes it for spam.
func TestAMessageIsNotSentFromAnotherNumberThanItWasToBe(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.settle = 500 * time.Millisecond })
	room := f.open()
	f.write(room, "zero")
	f.awaitSent("zero")
	refused := f.wazo.Faults().RefusePost(wazotest.JSONError(500), wazotest.Times(1))
	f.sayIn(room, robinUser, "one")
	require.NoError(t, refused.Wait(f.ctx, 1))
	f.wazo.RemoveNumber(f.number)
	f.wazo.AddNumber(f.alice, otherNumber)
	f.awaitNotice(txt.NotDelivered(txt.Why(words.WhyNumberGone)))
	f.awaitSent("zero")

	_, err := f.core.Number(f.ctx, room, robinUser, otherNumber)
	require.NoError(t, err)
	_, err = f.core.Retry(f.ctx, room)
	require.NoError(t, err)
	f.awaitSent("zero", "one")
	require.Equal(t, otherNumber, f.lastSMS().From)
}

// By default nobody tells an account that it has got another number. Only a message that comes to it does.
func TestANewNumberAnswersOfWhichNobodyTells(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) {
		f.wazo.SetACL(f.alice, append(wazotest.DefaultUserPolicy(), wazoapi.IdentityScope))
	})
	room := f.open()
	f.write(room, "one")
	f.wazo.AddNumber(f.alice, otherNumber)
	require.NoError(t, f.wazo.SMS().Receive(customerNumber, otherNumber, "to your other number"))
	f.awaitTextsIn(room, "hello", "to your other number")
	f.write(room, "two")
	f.awaitSent("one", "two")
	require.Equal(t, otherNumber, f.lastSMS().From)
}

func TestTheTopicFollowsTheOwnNumbers(t *testing.T) {
	t.Parallel()
	for _, hears := range []bool{true, false} {
		t.Run(fmt.Sprintf("hears of it %t", hears), func(t *testing.T) {
			t.Parallel()
			f := newSMSFixture(t, func(f *smsFixture) {
				if !hears {
					f.wazo.SetACL(f.alice, append(wazotest.DefaultUserPolicy(), wazoapi.IdentityScope))
				}
			})
			room := f.open()
			topic := func() string {
				topic, _ := f.matrix.RoomTopic(f.ctx, room)
				return topic
			}
			require.Contains(t, topic(), "from your number +1 514-555-0101")
			f.wazo.AddNumber(f.alice, otherNumber)
			if !hears { // then a question shows it
				_, err := f.core.Number(f.ctx, room, robinUser, "")
				require.NoError(t, err)
			}
			await.Until(t, "the new topic", func() bool {
				return strings.Contains(topic(), "from one of your numbers +1 514-555-0101, +1 514-555-0105")
			})
		})
	}
}

func TestAnEditReachesATextMessageThatWasSetAside(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	f.write(room, "zero")
	f.wazo.Faults().RefusePost(wazotest.Answer{Status: 400, Body: "{}"}, wazotest.Times(1))
	f.sayIn(room, robinUser, "at tow")
	parked := f.eventSaying(room, "at tow")
	await.Until(t, "a message that is set aside", func() bool {
		row, err := f.db.Queue.BySource(f.ctx, f.portalOf(room).ID, db.ToWazo, parked.String())
		return err == nil && row != nil && row.State == db.StateParked
	})
	f.editIn(room, parked, "at two")
	f.awaitSent("zero", "at two")
	f.awaitQueueEmpty(room)
	require.Zero(t, f.noticesLike(txt.StaysOnMatrix(words.StaysEdit, true)))
}

// The edit stayed on Matrix. After a restore it comes together with the message, which was sent.
func TestARestoreSendsNoEdit(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	f.write(room, "zero")
	f.awaitEmpty()
	f.halt()
	restore := f.snapshot()
	f.start()
	f.editIn(room, f.write(room, "at noon"), "at one")
	f.awaitNotice(txt.StaysOnMatrix(words.StaysEdit, false))
	f.awaitEmpty()
	f.halt()
	restore()
	f.start()
	f.write(room, "end")
	f.awaitEmpty()
	f.awaitSent("zero", "at noon", "end")
}

// A reply is for people on Matrix, and a text message cannot be taken back. A field that the relay does not need must not
// make a text message of it.
func TestAReplyWithAFieldOfTheWrongTypeIsNotSent(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	f.write(room, "zero")
	f.awaitSent("zero")
	reply := map[string]any{"event_id": "$asked"}
	for _, content := range []map[string]any{
		{"m.mentions": []any{}, "m.relates_to": map[string]any{"m.in_reply_to": reply}},
		{"m.relates_to": map[string]any{"m.in_reply_to": reply, "is_falling_back": "no"}},
	} {
		content["msgtype"], content["body"] = "m.text", "not for customers"
		f.matrix.add(room, robinUser, event.EventMessage, content)
	}
	f.write(room, "one")
	f.awaitSent("zero", "one")
}
