package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Replies to both sides, threads, edits, votes, reactions and redactions become lines on Wazo, in rooms of both kinds:
// the homeserver gives what they refer to, and the bot can read it.
func TestWhatRelatesToOtherMessages(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{})
	inEachKind(t, func(t *testing.T, encrypted bool) {
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
		own := p.message(t, p.Robin, "the meeting of the merry men begins at 14:03 in the forest", nil)
		p.waitOnWazo(t, "begins at 14:03")
		p.post("*who* comes?")
		theirs := p.waitOnMatrix(t, "comes?").ID

		p.message(t, p.Robin, "to myself", answerTo(own))
		p.message(t, p.Robin, "to Alice", answerTo(theirs))
		p.message(t, p.Robin, "in a thread", inThread(theirs, theirs))
		const corrected = "the meeting of the merry men begins at 14:30 in the forest"
		p.edit(t, p.Robin, own, corrected)
		p.waitOnWazo(t, "14:30 instead")
		poll := p.sendEvent(t, p.Robin, pollStart, map[string]any{
			pollStart.Type: map[string]any{
				"kind": "org.matrix.msc3381.poll.disclosed", "question": text1767("Lunch?"),
				"answers": []any{map[string]any{"id": "1", "org.matrix.msc1767.text": "Venison"}},
			},
		})
		p.waitOnWazo(t, "poll: Lunch?")
		p.sendEvent(t, p.Robin, pollResponse, map[string]any{
			pollResponse.Type: map[string]any{"answers": []any{"1"}}, "m.relates_to": map[string]any{"rel_type": "m.reference", "event_id": poll},
		})
		p.sendEvent(t, p.Robin, pollEnd, map[string]any{
			pollEnd.Type: map[string]any{}, "org.matrix.msc1767.text": "The poll has ended",
			"m.relates_to": map[string]any{"rel_type": "m.reference", "event_id": poll},
		})
		thumb := p.react(t, p.Robin, theirs, "👍")
		p.waitOnWazo(t, "👍 to")
		for _, gone := range []id.EventID{thumb, own} {
			p.redact(t, gone)
		}
		p.waitOnWazo(t, "removed a message")

		p.requireOnWazo(t,
			"the meeting of the merry men begins at 14:03 in the forest",
			"to myself\n\n> "+p.Robin.UserID().Localpart()+": the meeting of the merry men begins at…",
			"to Alice\n\n> Alice Martin: who comes?",
			"in a thread\n\n> 🧵 Alice Martin: who comes?",
			"✏️ 14:30 instead of 14:03",
			"📊 poll: Lunch?\n1. Venison",
			`🗳️ voted for Venison in the poll "Lunch?"`,
			`📊 ended the poll "Lunch?"`,
			`👍 to "who comes?"`,
			`removed 👍 from "who comes?"`,
			"🗑️ removed a message of TIME",
		)
	})
}

// The types of what people do with polls, as clients send them.
var (
	pollStart    = event.Type{Type: "org.matrix.msc3381.poll.start", Class: event.MessageEventType}
	pollResponse = event.Type{Type: "org.matrix.msc3381.poll.response", Class: event.MessageEventType}
	pollEnd      = event.Type{Type: "org.matrix.msc3381.poll.end", Class: event.MessageEventType}
)

func text1767(text string) map[string]any {
	return map[string]any{"org.matrix.msc1767.text": text}
}

// sendEvent has a person send an event of any kind.
func (p *portal) sendEvent(t *testing.T, person *harness.Client, kind event.Type, content map[string]any) id.EventID {
	t.Helper()
	sent, err := person.SendContent(p.ctx, p.Matrix, kind, content)
	require.NoError(t, err)
	return sent
}

// message has a person write a text that relates to something, or (nil) to nothing.
func (p *portal) message(t *testing.T, person *harness.Client, text string, relation map[string]any) id.EventID {
	t.Helper()
	content := map[string]any{"msgtype": "m.text", "body": text}
	if relation != nil {
		content["m.relates_to"] = relation
	}
	return p.sendEvent(t, person, event.EventMessage, content)
}

func answerTo(target id.EventID) map[string]any {
	return map[string]any{"m.in_reply_to": map[string]any{"event_id": target}}
}

// inThread is the relation of a message in a thread, behind the last one there.
func inThread(root, last id.EventID) map[string]any {
	return map[string]any{
		"rel_type": "m.thread", "event_id": root, "is_falling_back": true, "m.in_reply_to": map[string]any{"event_id": last},
	}
}

func (p *portal) edit(t *testing.T, person *harness.Client, target id.EventID, text string) id.EventID {
	t.Helper()
	return p.sendEvent(t, person, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "* " + text, "m.new_content": map[string]any{"msgtype": "m.text", "body": text},
		"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": target},
	})
}

func (p *portal) react(t *testing.T, person *harness.Client, target id.EventID, emoji string) id.EventID {
	t.Helper()
	return p.sendEvent(t, person, event.EventReaction, map[string]any{
		"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": target, "key": emoji},
	})
}

// redact has Robin take an event back.
func (p *portal) redact(t *testing.T, target id.EventID) {
	t.Helper()
	_, err := p.Robin.Matrix().RedactEvent(p.ctx, p.Matrix, target)
	require.NoError(t, err)
}
