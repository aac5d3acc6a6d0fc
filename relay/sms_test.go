package relay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

const (
	ownNumber      = "+15145550101"
	otherNumber    = "+15145550105"
	customerNumber = "+15145550111"
)

// smsFixture is a running relay with robin logged in as alice, who has a number and may see it.
type smsFixture struct {
	*fixture
	number wazotest.Identity
}

// newSMSFixture makes that. change may change it before the start.
func newSMSFixture(t *testing.T, change ...func(f *smsFixture)) *smsFixture {
	f := &smsFixture{fixture: newFixture(t, wazotest.WithSMSRetries(20*time.Millisecond, 20*time.Millisecond), wazotest.WithInboundDelay(time.Second))}
	f.allowed, f.outsideLag = []string{robinUser.String(), eveUser.String()}, 2*time.Second
	f.patience = time.Minute
	f.wazo.SetSMS(true)
	f.number = f.wazo.AddNumber(f.alice, ownNumber)
	f.wazo.SetACL(f.alice, append(wazotest.DefaultUserPolicy(), wazotest.IdentityPolicy()...))
	for _, change := range change {
		change(f)
	}
	f.start()
	f.mustLogIn(robinUser, f.alice)
	return f
}

// receive lets somebody outside write to alice's number.
func (f *smsFixture) receive(text string) {
	f.Helper()
	require.NoError(f, f.wazo.SMS().Receive(customerNumber, f.number.Number, text))
}

// open opens the conversation with the customer, and returns its room.
func (f *smsFixture) open() id.RoomID {
	f.Helper()
	f.receive("hello")
	f.awaitMade(1)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "hello")
	return madeRoom(0)
}

// sent returns the texts that were sent as text messages.
func (f *smsFixture) sent() (texts []string) {
	for _, sms := range f.wazo.SMS().Sent() {
		texts = append(texts, sms.Text)
	}
	return texts
}

// awaitSent waits for text messages. chatd gives them to the provider in any order.
func (f *smsFixture) awaitSent(want ...string) {
	f.Helper()
	await.Until(f, "text messages", func() bool { return len(f.sent()) >= len(want) })
	require.ElementsMatch(f, want, f.sent())
}

// eventSaying returns the first event of a room that contains a text.
func (f *smsFixture) eventSaying(room id.RoomID, text string) id.EventID {
	f.Helper()
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	for _, evt := range f.matrix.rooms[room] {
		if strings.Contains(bodyOf(evt.Content.VeryRaw), text) {
			return evt.ID
		}
	}
	require.Fail(f, "nobody has said "+text)
	return ""
}

// awaitNotice waits for a notice that contains a text.
func (f *smsFixture) awaitNotice(text string) {
	f.Helper()
	await.Until(f, text, func() bool { return strings.Contains(strings.Join(f.matrix.allNotices(), "\n"), text) })
}

// noticesLike returns how many notices are there that contain a text.
func (f *smsFixture) noticesLike(text string) (n int) {
	for _, notice := range f.matrix.allNotices() {
		if strings.Contains(notice, text) {
			n++
		}
	}
	return n
}

func TestTextMessageOpensAConversation(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	plan := f.matrix.plans()[0]
	require.Equal(t, "+1 514-555-0111", plan.Name)
	require.Contains(t, plan.Topic, "Text messages (SMS) with +1 514-555-0111")
	require.Contains(t, plan.Topic, "from your number +1 514-555-0101")
	require.True(t, plan.Marker.Direct)
	require.Contains(t, f.matrix.textsIn(room)[0], "+1 514-555-0111: hello", "the author is the number, too")

	f.sayIn(room, robinUser, "hi, **how** are you?")
	f.awaitSent("hi, **how** are you?")
	sms := f.wazo.SMS().Sent()[0]
	require.Equal(t, []string{ownNumber, customerNumber}, []string{sms.From, sms.To})
	for _, m := range f.wazo.Messages(f.outsideRoom()) {
		require.Nil(t, m.Alias)
	}
	f.receive("fine")
	f.awaitTextsIn(room, "hello", "fine")
	require.Empty(t, f.relayed(), "the relay account has said nothing")
	require.Empty(t, f.matrix.allNotices())
}

// outsideRoom returns the only room with somebody outside.
func (f *smsFixture) outsideRoom() string {
	f.Helper()
	for _, room := range f.wazo.Rooms() {
		if room.Outside != "" {
			return room.UUID
		}
	}
	require.Fail(f, "no room with somebody outside")
	return ""
}

func TestADirectoryContactNamesTheNumber(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) {
		f.wazo.AddUser(wazotest.User{Username: "carol", Password: "c", Firstname: "Carol", Lastname: "Nguyen", Mobile: "514-555-0111", Tenant: f.tenant})
	})
	room := f.open()
	require.Equal(t, "Carol Nguyen", f.matrix.plans()[0].Name)
	require.Contains(t, f.matrix.textsIn(room)[0], "Carol Nguyen: hello")
}

func TestARoomIsRenamedWhenItsNumberGetsAName(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	await.Until(t, "a look at the conversation", func() bool {
		f.core.conversations.mu.Lock()
		defer f.core.conversations.mu.Unlock()
		return len(f.core.conversations.names) == 1
	})
	f.wazo.AddUser(wazotest.User{Username: "carol", Password: "c", Firstname: "Carol", Lastname: "Nguyen", Mobile: "514-555-0111", Tenant: f.tenant})
	names := f.core.directory.outside
	names.mu.Lock()
	clear(names.known) // an hour has passed
	names.mu.Unlock()
	f.receive("it is me")
	await.Until(t, "the new name", func() bool { return f.matrix.RoomName(f.ctx, room) == "Carol Nguyen" })
}

func TestNobodyIsInvitedWithoutALogIn(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	f.wazo.AddNumber(f.bob, "+15145550102")
	require.NoError(t, f.wazo.SMS().Receive(customerNumber, "+15145550102", "for Bob"))
	f.open()
	require.Len(t, f.matrix.plans(), 1)
}

func TestNoAccidentBecomesATextMessage(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	question := f.eventSaying(room, "hello")
	f.sayIn(room, robinUser, "first")
	f.awaitSent("first")
	first := f.eventSaying(room, "first")
	f.awaitQueueEmpty(room)

	f.matrix.add(room, robinUser, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "* corrected", "m.new_content": map[string]any{"msgtype": "m.text", "body": "corrected"},
		"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": first},
	})
	f.awaitNotice(txt.StaysOnMatrix(words.StaysEdit, false)[:40])
	f.matrix.add(room, robinUser, event.EventReaction, map[string]any{
		"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": question, "key": "👍"},
	})
	f.matrix.add(room, robinUser, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "a reply", "m.relates_to": map[string]any{"m.in_reply_to": map[string]any{"event_id": question}},
	})
	f.awaitNotice("This reply was not sent")
	f.matrix.add(room, robinUser, event.EventMessage, map[string]any{"msgtype": "m.image", "body": "cat.jpg", "url": "mxc://a.example/cat"})
	f.awaitNotice("This file was not sent")
	f.matrix.add(room, robinUser, event.EventRedaction, map[string]any{}, func(evt *event.Event) { evt.Redacts = first })
	for gesture, content := range map[string]map[string]any{
		"m.call.invite":      {"offer": map[string]any{"sdp": "m=video"}},
		"m.rtc.notification": {"notification_type": "ring"},
		"m.poll.response":    {"m.selections": []any{"yes"}, "m.relates_to": map[string]any{"event_id": question}},
		"m.poll.end":         {"m.text": "The poll has ended", "m.relates_to": map[string]any{"event_id": question}},
	} {
		f.matrix.add(room, robinUser, event.Type{Type: gesture, Class: event.MessageEventType}, content)
	}
	f.matrix.add(room, robinUser, event.Type{Type: "m.call.member", Class: event.StateEventType},
		map[string]any{"memberships": []any{"there"}}, func(evt *event.Event) { evt.StateKey = new(string) })
	f.sayIn(room, robinUser, "!wazo help")
	f.sayIn(room, robinUser, "second")
	f.awaitSent("first", "second")
	f.awaitQueueEmpty(room)
	require.Equal(t, 1, f.noticesLike("This stays on Matrix"), "told once")
}

// awaitQueueEmpty waits until nothing waits in the queue to Wazo of a room.
func (f *smsFixture) awaitQueueEmpty(room id.RoomID) {
	f.Helper()
	portal, err := f.core.Portal(f.ctx, room)
	require.NoError(f, err)
	await.Until(f, "an empty queue", func() bool {
		row, err := f.db.Queue.Next(f.ctx, portal.ID, db.ToWazo)
		return err == nil && row == nil
	})
}

func TestSwitchesOfRelationsLeaveTextMessagesAlone(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) {
		f.relations.WithoutEdits, f.relations.WithoutReactions, f.relations.WithoutRedactions = true, true, true
	})
	room := f.open()
	said := f.write(room, "at noon")
	f.editIn(room, said, "at one")
	f.awaitNotice(txt.StaysOnMatrix(words.StaysEdit, false))
	f.matrix.add(room, robinUser, event.EventReaction, map[string]any{
		"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": said, "key": "👍"},
	})
	f.matrix.add(room, robinUser, event.EventRedaction, map[string]any{}, func(evt *event.Event) { evt.Redacts = said })
	f.write(room, "at two")
	f.awaitSent("at noon", "at two")
	require.Equal(t, 1, f.noticesLike("This stays on Matrix"), "told once")
}

func TestABurstOfTextMessagesIsSentFromTheNumber(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	f.write(room, "first")
	slow := f.wazo.Faults().LateAnswer(300*time.Millisecond, wazotest.Times(1))
	want := []string{"first"}
	for i := range 10 { // all but the first wait behind another one, as those that are made ready ahead in other rooms
		want = append(want, fmt.Sprint("burst ", i))
		f.sayIn(room, robinUser, want[i+1])
	}
	f.awaitSent(want...)
	var posted []string
	for _, m := range f.wazo.Messages(f.outsideRoom()) {
		if m.UserUUID == f.alice.UUID {
			posted = append(posted, m.Content)
		}
	}
	require.Equal(t, want, posted)
	require.Equal(t, 1, slow.Fired())
	for _, sms := range f.wazo.SMS().Sent() {
		require.Equal(t, []string{ownNumber, customerNumber}, []string{sms.From, sms.To})
	}
	require.Empty(t, f.matrix.allNotices())
}

func TestCorrectionsAreSentIfThatIsWanted(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.sms.Corrections, f.relations.WithoutEdits = true, true })
	room := f.open()
	f.sayIn(room, robinUser, "at noon")
	f.awaitSent("at noon")
	f.awaitQueueEmpty(room)
	f.matrix.add(room, robinUser, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "* at one", "m.new_content": map[string]any{"msgtype": "m.text", "body": "at one"},
		"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": f.eventSaying(room, "at noon")},
	})
	await.Until(t, "the correction", func() bool { return len(f.sent()) == 2 })
	require.Contains(t, f.sent()[1], "at one")
}

func TestWithoutThePermissionARoomIsReadOnly(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, func(f *smsFixture) { f.wazo.SetACL(f.alice, wazotest.DefaultUserPolicy()) })
	room := f.open()
	f.sayIn(room, robinUser, "one")
	f.sayIn(room, robinUser, "two")
	f.awaitNotice("chatd.users.me.identities.read")
	f.awaitQueueEmpty(room)
	require.Equal(t, 1, f.noticesLike("not answer them here"))
	require.Empty(t, f.sent())
	f.receive("still there?")
	f.awaitTextsIn(room, "hello", "still there?")
}

func TestTheNumberThatWasWrittenToAnswers(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	second := f.wazo.AddNumber(f.alice, otherNumber)
	room := f.open()
	f.sayIn(room, robinUser, "one")
	f.awaitSent("one")
	require.NoError(t, f.wazo.SMS().Receive(customerNumber, otherNumber, "your other number"))
	f.awaitTextsIn(room, "hello", "your other number")
	f.sayIn(room, robinUser, "two")
	f.awaitSent("one", "two")

	answer, err := f.core.Number(f.ctx, room, robinUser, "")
	require.NoError(t, err)
	require.Equal(t, txt.OwnNumber("+1 514-555-0105", []string{"+1 514-555-0101", "+1 514-555-0105"}), answer)
	answer, err = f.core.Number(f.ctx, room, robinUser, "514 555 0101")
	require.NoError(t, err)
	require.Equal(t, txt.NumberChosen("+1 514-555-0101"), answer)
	f.sayIn(room, robinUser, "three")
	f.awaitSent("one", "two", "three")

	// A number that was taken away leaves the only other one.
	f.wazo.RemoveNumber(f.number)
	f.sayIn(room, robinUser, "four")
	await.Until(t, "a notice or a text message", func() bool { return len(f.sent()) == 4 || f.noticesLike("not delivered") > 0 })
	var from []string
	for _, sms := range f.wazo.SMS().Sent()[:3] {
		from = append(from, sms.From)
	}
	require.Equal(t, []string{ownNumber, second.Number, ownNumber}, from)

	for _, wrong := range []string{"+15145550199", "hello"} {
		_, err = f.core.Number(f.ctx, room, robinUser, wrong)
		var refused *UserError
		require.ErrorAs(t, err, &refused, wrong)
	}
	_, err = f.core.Number(f.ctx, room, eveUser, "")
	var refused *UserError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, txt.NotInWazoRoom(), refused.Words)
	_, err = f.core.Number(f.ctx, "!nowhere:a.example", robinUser, "")
	require.ErrorAs(t, err, &refused)
	require.Equal(t, txt.NumberNotHere(), refused.Words)
}

func TestANumberThatWasGivenBackWorks(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	f.sayIn(room, robinUser, "one")
	f.awaitSent("one")
	f.wazo.RemoveNumber(f.number)
	f.number = f.wazo.AddNumber(f.alice, ownNumber) // with another uuid
	f.sayIn(room, robinUser, "two")
	f.awaitSent("one", "two")
	require.Empty(t, f.matrix.allNotices())
}

func TestShortCodesCannotBeAnswered(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	require.NoError(t, f.wazo.SMS().Receive("INFO", ownNumber, "Your code is 0000"))
	f.awaitMade(1)
	room := madeRoom(0)
	f.join(room, robinUser)
	f.awaitTextsIn(room, "INFO: Your code is 0000")
	f.sayIn(room, robinUser, "ok")
	f.awaitNotice(txt.NotDelivered(txt.Why(words.WhyNoNumber)))
	require.Empty(t, f.sent())
}

func TestALostAnswerSendsNothingTwice(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	f.sayIn(room, robinUser, "zero")
	f.awaitSent("zero")
	f.awaitQueueEmpty(room)
	cut := f.wazo.Faults().CutPost(wazotest.Times(1))
	f.sayIn(room, robinUser, "one")
	require.NoError(t, cut.Wait(f.ctx, 1))
	f.awaitQueueEmpty(room)
	failing := f.wazo.Faults().PublishFails(wazotest.Times(1)) // it is sent, and the answer is 500
	f.sayIn(room, robinUser, "two")
	require.NoError(t, failing.Wait(f.ctx, 1))
	f.awaitQueueEmpty(room)
	f.sayIn(room, robinUser, "three")
	f.awaitSent("zero", "one", "two", "three")
}

func TestOnlyTheOwnerOfTheNumberWrites(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	f.matrix.setMember(room, eveUser, robinUser, event.MembershipInvite)
	f.matrix.setMember(room, eveUser, eveUser, event.MembershipJoin)
	f.sayIn(room, eveUser, "me too")
	f.awaitNotice(txt.OnlyTheOwnerSends())
	f.sayIn(room, robinUser, "mine")
	f.awaitSent("mine")
}

func TestALongMessageIsCountedOnce(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	room := f.open()
	long := strings.Repeat("x", 5000)
	f.sayIn(room, robinUser, long)
	f.awaitSent(long)
	f.awaitNotice("about 33 text messages")
	f.sayIn(room, robinUser, long)
	f.awaitSent(long, long)
	f.awaitQueueEmpty(room)
	require.Equal(t, 1, f.noticesLike("text messages, each"))
}

func TestACommandFromOutsideIsAMessage(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	f.receive("!wazo unlink")
	f.awaitMade(1)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "!wazo unlink")
	f.receive("!wazo help")
	f.awaitTextsIn(madeRoom(0), "!wazo unlink", "!wazo help")
	require.False(t, slices.ContainsFunc(f.wazo.Messages(f.outsideRoom()), func(m wazotest.Message) bool { return m.UserUUID != f.wazo.Rooms()[len(f.wazo.Rooms())-1].Outside }))
}
