package relay

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func TestPollsAreRelayedAndVerificationIsNot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	poll := func(question string) map[string]any {
		return map[string]any{
			"question": map[string]any{"org.matrix.msc1767.text": question},
			"answers":  []any{map[string]any{"id": "1", "org.matrix.msc1767.text": "Pizza"}, map[string]any{"id": "2", "org.matrix.msc1767.text": "Soup"}},
		}
	}
	message := func(name string) event.Type { return event.Type{Type: name, Class: event.MessageEventType} }
	f.matrix.add(roomID, adminUser, message("m.key.verification.start"), map[string]any{"body": "x", "method": "m.sas.v1"})
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{
		"msgtype": "m.key.verification.request", "body": "Alice wants to verify you", "from_device": "D", "methods": []any{"m.sas.v1"}, "to": "@bob:a.example",
	})
	f.matrix.add(roomID, adminUser, event.EventUnstablePollStart, map[string]any{"org.matrix.msc3381.poll.start": poll("Lunch?")})
	f.matrix.add(roomID, adminUser, message("m.poll.start"), map[string]any{"m.poll": map[string]any{
		"question": map[string]any{"m.text": []any{map[string]any{"body": "Dinner?"}}},
		"answers":  []any{map[string]any{"m.id": "1", "m.text": []any{map[string]any{"body": "Yes"}}}},
	}})
	f.matrix.say(adminUser, "end")
	f.awaitRelayed("📊 poll: Lunch?\n1. Pizza\n2. Soup", "📊 poll: Dinner?\n1. Yes", "end")
	f.awaitEmpty()
	rows, err := f.db.Queue.Blocked(f.ctx, 1)
	require.NoError(t, err)
	require.Empty(t, rows, "nothing is parked")
}

// vote lets a person vote in a poll, or end it.
func (f *fixture) vote(eventType string, poll id.EventID, content map[string]any) {
	content["m.relates_to"] = map[string]any{"rel_type": "m.reference", "event_id": poll}
	f.matrix.add(roomID, adminUser, event.Type{Type: eventType, Class: event.MessageEventType}, content)
}

func TestVotesNameTheirPoll(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	before := f.matrix.add(roomID, adminUser, event.EventUnstablePollStart, lunch("Before?"))
	f.link()
	poll := f.matrix.add(roomID, adminUser, event.EventUnstablePollStart, lunch("Lunch?"))
	f.awaitRelayed("📊 poll: Lunch?\n1. Pizza\n2. Soup")
	answer := func(id string) map[string]any {
		return map[string]any{"org.matrix.msc3381.poll.response": map[string]any{"answers": []any{id}}}
	}
	f.vote("org.matrix.msc3381.poll.response", poll, answer("2"))
	f.awaitOnWazo("🗳️ voted for Soup in the poll \"Lunch?\"")
	f.halt()
	f.matrix.say(adminUser, "the relay is down")
	f.vote("org.matrix.msc3381.poll.response", poll, answer("1"))
	f.vote("org.matrix.msc3381.poll.response", before, answer("1"))
	f.vote("org.matrix.msc3381.poll.response", "$nowhere", answer("1"))
	f.vote("org.matrix.msc3381.poll.end", poll, map[string]any{"org.matrix.msc3381.poll.end": map[string]any{}})
	down := f.wazo.Faults().ChatdDown()
	f.start()
	waits := f.matrix.add(roomID, adminUser, event.EventUnstablePollStart, lunch("Waits?"))
	f.vote("org.matrix.msc3381.poll.response", waits, answer("1"))
	f.awaitRow(waits)
	down.Off()
	f.awaitRelayed("📊 poll: Lunch?\n1. Pizza\n2. Soup", "🗳️ voted for Soup in the poll \"Lunch?\"", "the relay is down",
		"🗳️ voted for Pizza in the poll \"Lunch?\"", "🗳️ voted in a poll", "🗳️ voted in a poll", "📊 ended the poll \"Lunch?\"",
		"📊 poll: Waits?\n1. Pizza\n2. Soup", "🗳️ voted for Pizza in the poll \"Waits?\"")
}

func lunch(question string) map[string]any {
	text := func(text string) map[string]any { return map[string]any{"org.matrix.msc1767.text": text} }
	return map[string]any{"org.matrix.msc3381.poll.start": map[string]any{
		"kind": "org.matrix.msc3381.poll.disclosed", "question": text(question),
		"answers": []any{
			map[string]any{"id": "1", "org.matrix.msc1767.text": "Pizza"}, map[string]any{"id": "2", "org.matrix.msc1767.text": "Soup"},
		},
	}}
}

func TestWhatHasNoTextIsNamedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	send := func(eventType string, content map[string]any) {
		f.matrix.add(roomID, adminUser, event.Type{Type: eventType, Class: event.MessageEventType}, content)
	}
	send("org.example.thing", map[string]any{"x": 1})
	send("org.example.thing", map[string]any{"x": 2})
	send("org.example.other", map[string]any{"x": 3})
	send("org.example.text", map[string]any{"m.text": []any{map[string]any{"body": "a text"}}})
	first := []string{
		"❔ sent something that cannot be shown on Wazo (org.example.thing)", "❔ sent something that cannot be shown on Wazo (org.example.other)", "a text",
	}
	f.awaitRelayed(first...)
	f.halt()
	f.start()
	send("org.example.thing", map[string]any{"x": 4})
	f.matrix.say(adminUser, "end")
	f.awaitRelayed(append(first, "end")...)
}

func TestWhatStatesSayToPeople(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	state := func(sender id.UserID, eventType string, content map[string]any) {
		f.matrix.add(roomID, sender, event.Type{Type: eventType, Class: event.StateEventType}, content, func(evt *event.Event) {
			key := sender.String()
			evt.StateKey = &key
		})
	}
	state(adminUser, "org.matrix.msc3672.beacon_info", map[string]any{"live": true, "timeout": 900000})
	state("@ignored:a.example", "org.matrix.msc3672.beacon_info", map[string]any{"live": true, "timeout": 900000})
	state(adminUser, "m.room.topic", map[string]any{"topic": "t"})
	state(adminUser, "org.example.settings", map[string]any{"body": "b"})
	state(adminUser, "org.matrix.msc3672.beacon_info", map[string]any{"live": false})
	f.awaitRelayed("📍 shares their live location for 15 minutes", "📍 no longer shares their live location")
}
