package relay

import (
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
)

func TestCorrectionsShowWhatTheyChange(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	const said = "The meeting about the new building begins at 14:03 in the large room on the second floor."
	const now = "The meeting about the new building begins at 14:30 in the large room on the second floor."
	meeting := f.matrix.say(adminUser, said)
	other := f.matrix.say("@bea:b.example", "a message of Bea")
	f.awaitRelayed(said, "a message of Bea")
	f.edit(adminUser, meeting, now)
	f.awaitOnWazo("✏️ 14:30 instead of 14:03")
	f.edit(adminUser, meeting, now) // it changes nothing
	f.edit(adminUser, other, "a message of Ada")
	f.halt()
	f.start()
	f.edit(adminUser, meeting, "The meeting about the new building begins at 14:45 in the large room on the second floor.")
	f.edit(adminUser, "$before", "edit of what Wazo has not seen")
	f.awaitRelayed(said, "a message of Bea", "✏️ 14:30 instead of 14:03", "✏️ a message of Ada", "✏️ 14:45 instead of 14:30", "✏️ edit of what Wazo has not seen")
}

func TestOfSeveralEditsThatWaitOnlyTheLastGoesOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	message := f.matrix.say(adminUser, "one")
	f.awaitRelayed("one")
	down := f.wazo.Faults().ChatdDown()
	attempted := f.matrix.say(adminUser, "attempted")
	f.edit(adminUser, message, "two")
	f.edit("@bea:b.example", message, "two by Bea")
	f.matrix.say(adminUser, "between")
	f.edit(adminUser, message, "three")
	last := f.matrix.sayEncrypted(adminUser, "S", func(evt *event.Event) {
		evt.Content.Raw["m.relates_to"] = map[string]any{"rel_type": "m.replace", "event_id": message}
	})
	f.awaitRow(attempted)
	f.awaitRow(last)
	down.Off()
	f.awaitRelayed("one", "attempted", "✏️ two by Bea", "between", "✏️ three")
}

// Homeservers before MSC3925 gave an event the content of its last edit, whenever one asked for it. What it said before
// is not known then.
func TestHomeserversThatReplaceWhatWasEdited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.replaces = true
	f.start()
	f.link()
	const first, second, third = "We meet in the large room at 14:03 today.", "We meet in the large room at 14:30 today.", "We meet in the large room at 14:45 today."
	meeting := f.matrix.say(adminUser, first)
	f.awaitRelayed(first)
	f.edit(adminUser, meeting, second) // the homeserver says now that it was always so
	f.awaitRelayed(first, "✏️ "+second)
	f.edit(adminUser, meeting, third) // edits are not replaced
	f.awaitRelayed(first, "✏️ "+second, "✏️ 14:45 instead of 14:30")
	f.reply(adminUser, meeting, "fine")
	f.awaitRelayed(first, "✏️ "+second, "✏️ 14:45 instead of 14:30", "fine\n\n> Ada: "+"We meet in the large room at 14:45…")
}

func TestQuotesOfWhatTheHomeserverReplaced(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.replaces, f.relations.WithoutEdits = true, true
	f.start()
	f.link()
	message := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.edit(adminUser, message, "only for Matrix")
	f.reply(adminUser, message, "fine")
	f.awaitRelayed("hello", "fine\n\n> ↩️ Ada")
}

// The key of an edit may come after people on Wazo were told of a newer one.
func TestAnOldEditWhoseKeyComesLateIsNotPosted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	meeting := f.matrix.say(adminUser, "We meet at one")
	f.awaitRelayed("We meet at one")
	older := f.matrix.sayEncrypted(adminUser, "S", func(evt *event.Event) {
		evt.Timestamp = written.UnixMilli()
		evt.Content.Raw["m.relates_to"] = map[string]any{"rel_type": "m.replace", "event_id": meeting}
	})
	f.awaitPassedOver(older)
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "* We meet at three",
		"m.new_content": map[string]any{"msgtype": "m.text", "body": "We meet at three"},
		"m.relates_to":  map[string]any{"rel_type": "m.replace", "event_id": meeting},
	}, func(evt *event.Event) { evt.Timestamp = written.Add(time.Minute).UnixMilli() })
	f.awaitRelayed("We meet at one", "✏️ We meet at three")
	f.bringKey("S", older, "We meet at two")
	f.awaitGone(older)
	f.awaitRelayed("We meet at one", "✏️ We meet at three")
}

// A field of the wrong type must not make a new message of an edit.
func TestAnEditWithAFieldOfTheWrongType(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	meeting := f.matrix.say(adminUser, "We meet at one")
	f.awaitRelayed("We meet at one")
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "* We meet at three", "m.mentions": []any{},
		"m.new_content": map[string]any{"msgtype": "m.text", "body": "We meet at three", "m.mentions": []any{}},
		"m.relates_to":  map[string]any{"rel_type": "m.replace", "event_id": meeting},
	})
	f.awaitRelayed("We meet at one", "✏️ We meet at three")
}
