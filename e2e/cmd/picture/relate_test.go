package main

import (
	"testing"

	"wazo-matrix-relay/e2e/markup"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func TestWhatRelatesToAMessageChangesItsBubble(t *testing.T) {
	edit := &event.MessageEventContent{NewContent: &event.MessageEventContent{MsgType: event.MsgText, Body: "new"}}
	relation := func(kind string, more map[string]any) map[string]any {
		object := map[string]any{"rel_type": kind, "event_id": "$message"}
		for name, value := range more {
			object[name] = value
		}
		return map[string]any{"m.relates_to": object}
	}
	for _, test := range []struct {
		name string
		evt  *event.Event
		want string
	}{
		{"an edit", &event.Event{Type: event.EventMessage, Content: event.Content{Raw: relation("m.replace", nil), Parsed: edit}}, "new|(edited)"},
		{"a reaction", &event.Event{Type: event.EventReaction, Content: event.Content{Raw: relation("m.annotation", map[string]any{"key": "👍"})}}, "old|👍 1"},
		{"a redaction", &event.Event{Type: event.EventRedaction, Redacts: "$message"}, "Message deleted"},
		{"a redaction in a new room", &event.Event{Type: event.EventRedaction, Content: event.Content{Raw: map[string]any{"redacts": "$message"}}}, "Message deleted"},
		{"what is for another message", &event.Event{Type: event.EventRedaction, Redacts: "$other"}, "old"},
	} {
		t.Run(test.name, func(t *testing.T) {
			message := said("Robin", "old")
			shown := &timeline{bubbles: map[id.EventID]*bubble{"$message": message}}
			require.Nil(t, shown.add(test.evt), "it has no bubble of its own")
			require.Equal(t, test.want, textOf(message.blocks))
		})
	}
}

func textOf(blocks []markup.Block) (text string) {
	for i, block := range blocks {
		if i > 0 {
			text += "|"
		}
		for _, span := range block.Spans {
			text += span.Text
		}
	}
	return text
}

func TestThePictureHasNoTimeOfTheRun(t *testing.T) {
	require.Equal(t, "🗑️ removed a message of 09:41", sameTime("🗑️ removed a message of 23:59"))
	require.Equal(t, "✏️ 14:30 instead of 14:03", sameTime("✏️ 14:30 instead of 14:03"))
}
