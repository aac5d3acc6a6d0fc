package cases

import (
	"regexp"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Replies to both sides, threads, edits, votes, reactions and redactions become lines on Wazo, in rooms of both kinds: the homeserver
// gives what they refer to, and the bot can read it.
func TestWhatRelatesToOtherMessages(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{})
	inEachKind(t, func(t *testing.T, encrypted bool) {
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
		say := func(kind event.Type, content map[string]any) id.EventID {
			t.Helper()
			sent, err := p.Robin.SendContent(p.ctx, p.Matrix, kind, content)
			require.NoError(t, err)
			return sent
		}
		message := func(text string, relation map[string]any) id.EventID {
			t.Helper()
			content := map[string]any{"msgtype": "m.text", "body": text}
			if relation != nil {
				content["m.relates_to"] = relation
			}
			return say(event.EventMessage, content)
		}
		answer := func(target id.EventID) map[string]any {
			return map[string]any{"m.in_reply_to": map[string]any{"event_id": target}}
		}
		own := message("the meeting of the merry men begins at 14:03 in the forest", nil)
		p.waitOnWazo(t, "begins at 14:03")
		p.post("*who* comes?")
		theirs := p.waitOnMatrix(t, "comes?").ID

		message("to myself", answer(own))
		message("to Alice", answer(theirs))
		message("in a thread", map[string]any{
			"rel_type": "m.thread", "event_id": theirs, "is_falling_back": true, "m.in_reply_to": map[string]any{"event_id": theirs},
		})
		const corrected = "the meeting of the merry men begins at 14:30 in the forest"
		say(event.EventMessage, map[string]any{
			"msgtype": "m.text", "body": "* " + corrected, "m.new_content": map[string]any{"msgtype": "m.text", "body": corrected},
			"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": own},
		})
		p.waitOnWazo(t, "14:30 instead")
		poll := say(event.Type{Type: "org.matrix.msc3381.poll.start", Class: event.MessageEventType}, map[string]any{
			"org.matrix.msc3381.poll.start": map[string]any{
				"kind": "org.matrix.msc3381.poll.disclosed", "question": map[string]any{"org.matrix.msc1767.text": "Lunch?"},
				"answers": []any{map[string]any{"id": "1", "org.matrix.msc1767.text": "Venison"}},
			},
		})
		p.waitOnWazo(t, "poll: Lunch?")
		say(event.Type{Type: "org.matrix.msc3381.poll.response", Class: event.MessageEventType}, map[string]any{
			"org.matrix.msc3381.poll.response": map[string]any{"answers": []any{"1"}},
			"m.relates_to":                     map[string]any{"rel_type": "m.reference", "event_id": poll},
		})
		thumb := say(event.EventReaction, map[string]any{
			"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": theirs, "key": "👍"},
		})
		p.waitOnWazo(t, "👍 to")
		for _, gone := range []id.EventID{thumb, own} {
			_, err := p.Robin.Matrix().RedactEvent(p.ctx, p.Matrix, gone)
			require.NoError(t, err)
		}
		p.waitOnWazo(t, "removed a message")

		clock := regexp.MustCompile(`\d\d:\d\d$`)
		var lines []string
		for _, text := range p.onWazo() {
			lines = append(lines, clock.ReplaceAllString(text, "TIME"))
		}
		require.Equal(t, strings.Join([]string{
			"the meeting of the merry men begins at 14:03 in the forest",
			"to myself\n\n> " + p.Robin.UserID().Localpart() + ": the meeting of the merry men begins at…",
			"to Alice\n\n> Alice Martin: who comes?",
			"in a thread\n\n> 🧵 Alice Martin: who comes?",
			"✏️ 14:30 instead of TIME",
			"📊 poll: Lunch?\n1. Venison",
			`🗳️ voted for Venison in the poll "Lunch?"`,
			`👍 to "who comes?"`,
			`removed 👍 from "who comes?"`,
			"🗑️ removed a message of TIME",
		}, "\n---\n"), strings.Join(lines, "\n---\n"))
	})
}
