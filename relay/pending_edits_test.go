package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

func (f *fixture) edit(sender id.UserID, target id.EventID, text string) id.EventID {
	return f.matrix.add(roomID, sender, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "* " + text,
		"m.new_content": map[string]any{"msgtype": "m.text", "body": text},
		"m.relates_to":  map[string]any{"rel_type": "m.replace", "event_id": target},
	})
}

func TestEditsAndRedactionsOfWhatWaits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	hello := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	down := f.wazo.Faults().ChatdDown()
	first := f.matrix.say(adminUser, "attempted")
	await.Until(t, "an attempt that has failed", func() bool { // one that has only begun may still succeed
		portal, err := f.core.Portal(f.ctx, roomID)
		return err == nil && portal.LastError != ""
	})
	f.awaitRow(first)
	changed := f.matrix.say(adminUser, "befor")
	taken := f.matrix.say(adminUser, "never said")
	takenV11 := f.matrix.say(adminUser, "never said either")
	others := f.matrix.say(adminUser, "stays")
	spam := f.matrix.say("@other:a.example", "spam")
	f.edit(adminUser, changed, "before")
	f.edit("@other:a.example", others, "forged")
	f.edit(adminUser, hello, "too late")
	f.edit(adminUser, first, "taken back with what it edits")
	f.matrix.redact(adminUser, taken, false)
	f.matrix.redact(adminUser, takenV11, true)
	f.matrix.redact(adminUser, spam, true) // as moderators do
	f.matrix.redact(adminUser, first, true)
	end := f.matrix.say(adminUser, "end")
	await.Until(t, "all messages in the queue", func() bool {
		has, err := f.db.Queue.BySource(f.ctx, 1, "to_wazo", end.String())
		return err == nil && has != nil
	})
	down.Off()
	f.awaitRelayed("hello", "before", "stays", "✏️ forged", "✏️ too late", "end")
}

func TestEditFromAGapOfWhatWasRedactedIsNotPosted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.limit = 2
	f.start()
	f.link()
	f.awaitEmpty()
	down := f.wazo.Faults().ChatdDown()
	f.awaitRow(f.matrix.say(adminUser, "first"))
	waits := f.matrix.say(adminUser, "a secret")
	f.awaitRow(waits)
	f.matrix.setPaused(true)
	f.edit(adminUser, waits, "another secret")
	f.matrix.say(adminUser, "between")
	f.matrix.redact(adminUser, waits, true)
	f.matrix.setPaused(false)
	f.awaitRow(f.matrix.say(adminUser, "end"))
	down.Off()
	f.awaitRelayed("first", "between", "end")
}

// What /sync has left out is read later than what followed it, the newest event first.
func TestOlderEditsFromAGapChangeNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.limit = 2
	f.start()
	f.link()
	f.awaitEmpty()
	down := f.wazo.Faults().ChatdDown()
	f.awaitRow(f.matrix.say(adminUser, "first"))
	waits := f.matrix.say(adminUser, "one")
	f.awaitRow(waits)
	f.matrix.setPaused(true)
	f.edit(adminUser, waits, "two")
	hidden := f.matrix.say(adminUser, "uno")
	f.edit(adminUser, hidden, "due")
	f.matrix.say(adminUser, "between")
	f.edit(adminUser, waits, "three")
	f.matrix.setPaused(false)
	f.awaitRow(hidden)
	f.edit(adminUser, hidden, "tre")
	f.awaitRow(f.matrix.say(adminUser, "end"))
	down.Off()
	f.awaitRelayed("first", "three", "tre", "between", "end")
}

func TestWhatWasTakenBackWhileItWasPostedIsLookedFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.wazo.Faults().CutPost(wazotest.Times(1)) // it is stored, and the relay does not get to know that
	down := f.wazo.Faults().DelayAnswers(50*time.Millisecond, wazotest.Always())
	message := f.matrix.say(adminUser, "posted")
	await.Until(t, "the post", func() bool {
		row, err := f.db.Queue.BySource(f.ctx, 1, "to_wazo", message.String())
		return err == nil && row != nil && row.Attempts > 0
	})
	f.matrix.redact(adminUser, message, true)
	down.Off()
	f.matrix.say(adminUser, "end")
	f.awaitOnWazo("end")
	f.awaitRelayed("posted", f.removed("posted", ""), "end")
	known, err := f.db.Message.KnowsEvent(f.ctx, 1, message)
	require.NoError(t, err)
	require.True(t, known, "it is known as delivered, so that its edits go out as corrections")
}

func TestEditsOfRedactedMessagesAreNotPosted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	before := f.matrix.say("@other:a.example", "before the link")
	f.link()
	taken, stays := f.matrix.say(adminUser, "taken"), f.matrix.say(adminUser, "stays")
	spam := f.matrix.say("@other:a.example", "spam")
	f.awaitRelayed("taken", "stays", "spam")
	f.matrix.setPaused(true)
	down := f.wazo.Faults().ChatdDown()
	f.edit(adminUser, taken, "plain")
	f.matrix.sayEncrypted(adminUser, "S", func(evt *event.Event) {
		evt.Content.Raw["m.relates_to"] = map[string]any{"rel_type": "m.replace", "event_id": taken}
	})
	f.edit(adminUser, stays, "of another message")
	f.edit("@other:a.example", taken, "of another sender")
	f.edit("@other:a.example", spam, "more spam")
	f.edit("@other:a.example", before, "still more spam")
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "answer", "m.relates_to": map[string]any{"m.in_reply_to": map[string]any{"event_id": taken}},
	})
	f.matrix.redact(adminUser, taken, true)
	f.matrix.redact(adminUser, spam, true) // as moderators do
	f.matrix.redact(adminUser, before, true)
	end := f.matrix.say(adminUser, "end")
	f.matrix.setPaused(false)
	f.awaitRow(end)
	down.Off()
	f.awaitOnWazo("end")
	f.awaitRelayed("taken", "stays", "spam", "✏️ of another message", "✏️ of another sender", "answer\n\n> ↩️ Ada",
		f.removed("taken", ""), f.removed("spam", "other"), "end")
}

func TestDroppedWazoMessageDoesNotComeBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.refuse("poison")
	f.wazo.Post(f.room.UUID, f.alice, "poison", "")
	f.matrix.awaitNotice(txt.CannotShow("Alice Martin", txt.Why(words.WhyHomeserverRefused)))
	_, err := f.core.Drop(f.ctx, roomID)
	require.NoError(t, err)
	f.refuse("nothing")
	f.halt()
	f.start()
	f.wazo.Post(f.room.UUID, f.alice, "fine", "")
	f.awaitShown("Alice Martin: fine")
}
