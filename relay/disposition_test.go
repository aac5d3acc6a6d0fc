package relay

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
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
	f.matrix.add(roomID, adminUser, event.EventUnstablePollResponse, map[string]any{"org.matrix.msc3381.poll.response": map[string]any{"answers": []any{"1"}}})
	f.matrix.say(adminUser, "end")
	f.awaitRelayed("📊 poll: Lunch?\n1. Pizza\n2. Soup", "📊 poll: Dinner?\n1. Yes", "end")
	f.awaitEmpty()
	rows, err := f.db.Queue.Blocked(f.ctx, 1)
	require.NoError(t, err)
	require.Empty(t, rows, "nothing is parked")
}
