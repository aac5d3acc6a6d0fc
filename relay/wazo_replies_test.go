package relay

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

func TestRepliesOnWazoBecomeReplies(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Minute))
	question := f.postAtOnce(f.alice, "who comes?")
	f.replyOnWazo(f.bob, "*me*", question.UUID)
	content := f.awaitContent("*me*")
	require.Equal(t, f.eventOf("who comes?"), content.RelatesTo.GetReplyTo())
	require.Empty(t, content.RelatesTo.GetThreadParent())
	require.Equal(t, "Bob Stone: *me*", content.Body)
	require.Equal(t, "Bob Stone", content.BeeperPerMessageProfile.Displayname)
	require.Equal(t, &event.Mentions{}, content.Mentions, "nobody is pinged")

	said := f.matrix.say(adminUser, "from Matrix")
	posted := f.awaitMessage("from Matrix")
	f.awaitEmpty()
	f.replyOnWazo(f.bob, "to Ada", posted.UUID)
	require.Equal(t, said, f.awaitContent("to Ada").RelatesTo.GetReplyTo())
}

func TestReplyOnWazoToAMessageOfSeveralParts(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Minute))
	long := f.wazo.Post(f.room.UUID, f.alice, "first "+strings.Repeat("x ", 20000)+"last", "")
	f.wazo.MarkReply(f.room.UUID, long.UUID, long.UUID, f.alice)
	f.replyOnWazo(f.bob, "too long", long.UUID)
	reply := f.awaitContent("too long").RelatesTo.GetReplyTo()
	require.Contains(t, bodyOf(f.matrix.event(reply).Content.VeryRaw), "first")

	f.replyOnWazo(f.bob, "begin "+strings.Repeat("y ", 20000)+"end", long.UUID)
	require.Nil(t, f.awaitContent("end").RelatesTo, "only the first part is a reply")
}

func TestReplyOnWazoToAnEdit(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Minute))
	said := f.matrix.say(adminUser, "we meet at noon")
	f.awaitMessage("we meet at noon")
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "* we meet at one", "m.new_content": map[string]any{"msgtype": "m.text", "body": "we meet at one"},
		"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": said},
	})
	edit := f.awaitMessage("✏️")
	f.awaitEmpty()
	f.replyOnWazo(f.bob, "fine", edit.UUID)
	require.Equal(t, said, f.awaitContent("fine").RelatesTo.GetReplyTo(), "the message that was edited")
}

func TestRepliesToWhatWasSaidBeforeTheLinkNameItsAuthor(t *testing.T) {
	t.Parallel()
	f := newFixture(t, wazotest.WithPlugin())
	f.replyWait = time.Minute
	before := f.wazo.Post(f.room.UUID, f.alice, "only for us", "")
	f.start()
	f.link()
	f.replyOnWazo(f.bob, "yes", before.UUID)
	content := f.awaitContent("yes")
	require.Empty(t, content.RelatesTo.GetReplyTo())
	require.Equal(t, "Bob Stone: > ↩️ Alice Martin\n\nyes", content.Body)
}

func TestRepliesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Minute))
	f.postAtOnce(f.alice, "to itself")
	require.Nil(t, f.awaitContent("to itself").RelatesTo)
	first := f.wazo.Post(f.room.UUID, f.alice, "first", "")
	second := f.wazo.Post(f.room.UUID, f.bob, "second", "")
	f.wazo.MarkReply(f.room.UUID, second.UUID, first.UUID, f.bob)
	f.wazo.MarkReply(f.room.UUID, first.UUID, second.UUID, f.bob)
	require.Equal(t, "Alice Martin: first", f.awaitContent("first").Body, "it cannot reply to what was said later")
	require.Equal(t, f.eventOf("first"), f.awaitContent("second").RelatesTo.GetReplyTo())
}

func TestMessageDoesNotWaitForEverForItsMark(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(100*time.Millisecond))
	f.postShown(f.alice, "no reply")
	require.Nil(t, f.awaitContent("no reply").RelatesTo)
}

func TestMessageDoesNotWaitWithoutThePlugin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.replyWait = time.Hour
	f.start()
	f.link()
	f.postShown(f.alice, "no reply")
}

func TestRepliesOfTheTimeWithoutConnection(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Minute))
	question := f.postAtOnce(f.alice, "who comes?")
	f.awaitEmpty()
	f.halt()
	f.replyOnWazo(f.bob, "while the relay is down", question.UUID)
	f.replyWait = 50 * time.Millisecond
	f.start()
	require.Equal(t, f.eventOf("who comes?"), f.awaitContent("while the relay is down").RelatesTo.GetReplyTo())
}

func TestRepliesAreNotMerged(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Minute))
	question := f.postAtOnce(f.alice, "who comes?")
	f.matrix.setLimited(true)
	turn := make(chan struct{}, 100)
	f.matrix.mu.Lock()
	f.matrix.awaitTurn = func() { <-turn }
	f.matrix.mu.Unlock()
	for _, text := range []string{"one", "two", "three"} {
		posted := f.wazo.Post(f.room.UUID, f.alice, text, "")
		f.wazo.MarkReply(f.room.UUID, posted.UUID, posted.UUID, f.alice)
	}
	f.replyOnWazo(f.bob, "me", question.UUID)
	await.Until(t, "all of them to wait", func() bool {
		var waiting int
		err := f.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM queue`).Scan(&waiting)
		return err == nil && waiting == 4
	})
	for range 100 {
		turn <- struct{}{}
	}
	require.Equal(t, f.eventOf("who comes?"), f.awaitContent("me").RelatesTo.GetReplyTo())
}

func TestMarkThatComesAfterItsMessage(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Millisecond))
	question := f.postShown(f.alice, "who comes?")
	reply := f.postShown(f.bob, "me")
	f.awaitEmpty()
	f.wazo.MarkReply(f.room.UUID, reply.UUID, question.UUID, f.bob)
	const want = "* Bob Stone: > Alice Martin: who comes?\n\nme"
	await.Until(t, "the quote", func() bool { return slices.Equal(f.matrix.corrected(), []string{want}) })
	var content event.MessageEventContent
	f.matrix.mu.Lock()
	require.NoError(t, json.Unmarshal(f.matrix.rooms[roomID][len(f.matrix.rooms[roomID])-1].Content.VeryRaw, &content))
	f.matrix.mu.Unlock()
	require.Equal(t, f.eventOf(": me"), content.RelatesTo.GetReplaceID())
	require.Equal(t, &event.Mentions{}, content.Mentions)
	require.Equal(t, "Bob Stone: > Alice Martin: who comes?\n\nme", content.NewContent.Body)
	require.Equal(t, "Bob Stone", content.NewContent.BeeperPerMessageProfile.Displayname)

	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
	f.halt()
	f.start()
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "🎉")
	f.awaitReacted("🎉 Alice Martin: who comes?", "👍 Alice Martin: who comes?")
	require.Equal(t, []string{want}, f.matrix.corrected(), "once")
}

func TestMarkThatComesWhileTheRelayIsDown(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Millisecond))
	question := f.postShown(f.alice, "who comes?")
	reply := f.postShown(f.bob, "me")
	old := f.postShown(f.bob, "me, too")
	f.awaitEmpty()
	_, err := f.db.Exec(t.Context(), `UPDATE message SET relayed_at = relayed_at - $1 WHERE wazo_uuid = $2`, (lateReply + time.Second).Milliseconds(), old.UUID)
	require.NoError(t, err)
	f.halt()
	f.wazo.MarkReply(f.room.UUID, old.UUID, question.UUID, f.bob)
	f.wazo.MarkReply(f.room.UUID, reply.UUID, question.UUID, f.bob)
	f.start()
	await.Until(t, "the quote", func() bool { return len(f.matrix.corrected()) > 0 })
	f.settled()
	require.Equal(t, []string{"* Bob Stone: > Alice Martin: who comes?\n\nme"}, f.matrix.corrected(), "what is old is not changed any more")
}

func TestLateMarkWhileTheBotMayNotSpeak(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Millisecond))
	question := f.postShown(f.alice, "who comes?")
	reply := f.postShown(f.bob, "me")
	f.awaitEmpty()
	refused := make(chan bool, 100)
	f.matrix.mu.Lock()
	f.matrix.beforeSend = func(string) error {
		refused <- true
		return errRefused
	}
	f.matrix.mu.Unlock()
	f.wazo.MarkReply(f.room.UUID, reply.UUID, question.UUID, f.bob)
	<-refused
	f.settled()
	f.matrix.mu.Lock()
	f.matrix.beforeSend = nil
	f.matrix.mu.Unlock()
	f.matrix.add(roomID, adminUser, event.StatePowerLevels, map[string]any{"events_default": 0}, func(evt *event.Event) { evt.StateKey = new(string) })
	await.Until(t, "the quote", func() bool { return len(f.matrix.corrected()) > 0 })
}

// Wazo keeps what was taken back on Matrix.
func TestLateMarkDoesNotShowWhatWasRedacted(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Millisecond))
	question := f.postShown(f.alice, "a secret")
	reply := f.postShown(f.bob, "me")
	f.awaitEmpty()
	f.matrix.redact(adminUser, f.eventOf("a secret"), true)
	f.wazo.MarkReply(f.room.UUID, reply.UUID, question.UUID, f.bob)
	await.Until(t, "the quote", func() bool { return len(f.matrix.corrected()) > 0 })
	require.Equal(t, []string{"* Bob Stone: > ↩️ Alice Martin\n\nme"}, f.matrix.corrected())
}

// The quote of a reply is not added again when its echo tells that it arrived.
func TestReplyWhoseSendingGetsNoAnswerIsQuotedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, wazotest.WithPlugin())
	f.replyWait = time.Minute
	before := f.wazo.Post(f.room.UUID, f.alice, "only for us", "")
	f.start()
	f.link()
	f.matrix.mu.Lock()
	f.matrix.afterSend = func(string) error { return &MatrixError{Err: errLost} }
	f.matrix.mu.Unlock()
	reply := f.replyOnWazo(f.bob, "yes", before.UUID)
	f.awaitContent("yes")
	f.awaitEmpty()
	f.matrix.mu.Lock()
	f.matrix.afterSend = nil
	f.matrix.mu.Unlock()
	f.wazo.React(f.room.UUID, reply.UUID, f.alice, "👍")
	await.Until(t, "the reaction", func() bool { return len(f.matrix.reacted()) > 0 })
	require.Empty(t, f.matrix.corrected())
}

func TestRelaysOwnMarksChangeNothing(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Millisecond))
	question := f.postShown(f.alice, "who comes?")
	f.matrix.say(adminUser, "me")
	posted := f.awaitMessage("me")
	f.awaitEmpty()
	f.wazo.MarkReply(f.room.UUID, posted.UUID, question.UUID, f.relay)
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
	require.Empty(t, f.matrix.corrected())
}

// Of messages that were delivered, the database that was restored knows only what /sync has brought again.
func TestRepliesOnWazoAfterTheDatabaseWasRestored(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Minute))
	question := f.postAtOnce(f.alice, "who comes?")
	f.awaitEmpty()
	f.halt()
	restore := f.snapshot()
	f.start()
	f.replyOnWazo(f.bob, "me", question.UUID)
	f.awaitContent("me")
	f.awaitEmpty()
	f.halt()
	restore()
	f.start()
	f.postAtOnce(f.alice, "after")
	f.settled()
	require.Len(t, f.matrix.shown(), 3)
	require.Empty(t, f.matrix.corrected())
}

func TestMessagesGoOnWhileTheRepliesCannotBeRead(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Millisecond))
	f.wazo.Faults().NoPluginTables() // the connection has not noticed yet
	f.core.wazoRelations.replies.missed()
	f.postShown(f.alice, "hello")
	require.False(t, makesSense(wazoapi.Reply{Child: "a", Parent: "a"}, time.Now()))
}

func TestRepliesInAPortalThatEndedAreForgotten(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Minute))
	question := f.postAtOnce(f.alice, "who comes?")
	f.replyOnWazo(f.bob, "me", question.UUID)
	f.awaitContent("me")
	known := func() bool {
		replies, relations := f.core.wazoRelations.replies, f.core.wazoRelations
		relations.mu.Lock()
		defer relations.mu.Unlock()
		replies.mu.Lock()
		defer replies.mu.Unlock()
		return len(replies.known)+len(relations.awaiting)+len(relations.readAt) > 0
	}
	require.True(t, known())
	require.NoError(t, f.core.Unlink(f.ctx, roomID))
	await.Until(t, "what is known of the portal to be forgotten", func() bool { return !known() })
}

// marksKept returns of how many messages it is kept what they reply to.
func (f *fixture) marksKept() int {
	replies := f.core.wazoRelations.replies
	replies.mu.Lock()
	defer replies.mu.Unlock()
	kept := 0
	for _, known := range replies.known {
		kept += len(known.of)
	}
	return kept
}

func TestOnlyMarksOfMessagesThatWaitAreKept(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Minute))
	question := f.postAtOnce(f.alice, "who comes?")
	for i := range 5 {
		f.replyOnWazo(f.bob, fmt.Sprint("reply ", i), question.UUID)
	}
	f.awaitContent("reply 4")
	f.awaitEmpty()
	await.Until(t, "the marks to be forgotten", func() bool { return f.marksKept() == 0 })
	f.halt()
	f.start()
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	all, err := f.core.wazoRelations.replies.read(f.ctx, portal, f.core.account)
	require.NoError(t, err)
	require.Len(t, all, 6)
	require.Zero(t, f.marksKept())
	relations := f.core.wazoRelations
	relations.mu.Lock()
	defer relations.mu.Unlock()
	require.Empty(t, relations.awaiting[portal.ID])
}

// If very much waits, the marks of what comes last are read when its turn comes.
func TestMarkIsReadWhenItsMessageHasItsTurn(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(100*time.Millisecond))
	question := f.postShown(f.alice, "who comes?")
	f.awaitEmpty()
	f.settled()
	replies := f.core.wazoRelations.replies
	replies.mu.Lock()
	replies.in(1).until = 1
	replies.mu.Unlock()
	f.wazo.Faults().NoRelationEvent(wazotest.When{})
	f.replyOnWazo(f.bob, "me", question.UUID)
	require.Equal(t, f.eventOf("who comes?"), f.awaitContent("me").RelatesTo.GetReplyTo())
}

func TestMarksOfWhatIsNotThereDoNotPileUp(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	for i := range 3 * maxWaitingReplies {
		f.core.wazoRelations.replies.heard(1, wazoapi.Reply{Child: wazoapi.UUID(fmt.Sprint(i))})
	}
	require.LessOrEqual(t, f.marksKept(), 2*maxWaitingReplies)
}

func TestEditedEventGetsNoQuote(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Minute))
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	evt := &Event{Event: &event.Event{Type: event.EventMessage}, Tag: &Tag{Kind: TagMessage}}
	evt.Content.VeryRaw = []byte(`{"msgtype":"m.text","body":"me"}`)
	reply := wazoapi.Reply{Preview: wazoapi.Preview{Alias: "Ann", Content: "who comes?"}}
	edit, err := f.core.wazoRelations.lateEdit(f.ctx, portal, evt, reply)
	require.NoError(t, err)
	require.NotNil(t, edit)
	evt.Replaced = true // by the quote: that it was sent is not stored
	edit, err = f.core.wazoRelations.lateEdit(f.ctx, portal, evt, reply)
	require.NoError(t, err)
	require.Nil(t, edit)
}

func TestEventsOfRepliesAreStored(t *testing.T) {
	t.Parallel()
	part := &matrixPart{Content: &event.MessageEventContent{MsgType: event.MsgText, Body: "a", RelatesTo: (&event.RelatesTo{}).SetReplyTo("$a")}, IsReply: true}
	data, err := json.Marshal(part)
	require.NoError(t, err)
	var stored matrixPart
	require.NoError(t, json.Unmarshal(data, &stored))
	require.Equal(t, id.EventID("$a"), stored.Content.RelatesTo.GetReplyTo())
	require.True(t, stored.IsReply)
}
