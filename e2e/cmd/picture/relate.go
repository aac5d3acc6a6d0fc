package main

import (
	"context"
	"fmt"
	"regexp"

	"wazo-matrix-relay/e2e/markup"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// pollStart is how clients send polls at present.
var pollStart = event.Type{Type: "org.matrix.msc3381.poll.start", Class: event.MessageEventType}

// relate plays what people do with messages, and what is neither text nor file.
func (p *player) relate(ctx context.Context) error {
	robin, cast, room := p.Stage.Robin, p.Stage.Cast, p.Portal.Matrix
	last := func() id.EventID { return p.deliveries[len(p.deliveries)-1].Matrix.ID }
	send := func(kind event.Type, content map[string]any) error {
		return p.OnMatrix(ctx, func(ctx context.Context) (id.EventID, error) { return robin.SendContent(ctx, room, kind, content) })
	}
	text := func(body string) error {
		return send(event.EventMessage, map[string]any{"msgtype": "m.text", "body": body})
	}
	var meeting, question, key id.EventID
	for _, step := range []func() error{
		func() error { return text("We meet at 14:03 in room B12, beside the stairs.") },
		func() error {
			meeting = last()
			return p.OnWazo(ctx, cast.Alice, "Who brings the headsets? :headphones:")
		},
		func() error {
			question = last()
			return send(event.EventMessage, map[string]any{
				"msgtype": "m.text", "body": "I do.", "m.relates_to": map[string]any{"m.in_reply_to": map[string]any{"event_id": question}},
			})
		},
		func() error {
			const now = "We meet at 14:30 in room B12, beside the stairs."
			return send(event.EventMessage, map[string]any{
				"msgtype": "m.text", "body": "* " + now, "m.new_content": map[string]any{"msgtype": "m.text", "body": now},
				"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": meeting},
			})
		},
		func() error {
			return send(event.EventReaction, map[string]any{
				"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": question, "key": "👍"},
			})
		},
		func() error { return text("Has anybody seen my key?") },
		func() error {
			key = last()
			return p.OnMatrix(ctx, func(ctx context.Context) (id.EventID, error) {
				redacted, err := robin.Matrix().RedactEvent(ctx, room, key)
				if err != nil {
					return "", err
				}
				return redacted.EventID, nil
			})
		},
		func() error {
			return send(pollStart, map[string]any{
				"org.matrix.msc1767.text": "Lunch after that?\n1. Pizza\n2. Soup",
				pollStart.Type: map[string]any{
					"kind": "org.matrix.msc3381.poll.disclosed", "max_selections": 1, "question": map[string]any{"org.matrix.msc1767.text": "Lunch after that?"},
					"answers": []any{
						map[string]any{"id": "1", "org.matrix.msc1767.text": "Pizza"}, map[string]any{"id": "2", "org.matrix.msc1767.text": "Soup"},
					},
				},
			})
		},
		func() error {
			return send(event.EventMessage, map[string]any{"msgtype": "m.location", "body": "The pizzeria", "geo_uri": "geo:45.5019,-73.5674"})
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// timeline is what Robin's client shows in the end: what relates to a message changes the message.
type timeline struct {
	*player
	bubbles map[id.EventID]*bubble
}

// add shows one event more. It returns the event's own bubble, nil if it only changes others.
func (t *timeline) add(evt *event.Event) *bubble {
	relation := relationOf(evt)
	switch {
	case evt.Type.Type == event.EventRedaction.Type:
		if b := t.bubbles[redactedBy(evt)]; b != nil {
			b.notice, b.blocks = true, paragraph(markup.Span{Text: "Message deleted", Style: markup.Italic})
		}
		return nil
	case evt.Type.Type == event.EventReaction.Type:
		if b := t.bubbles[relation.EventID]; b != nil {
			b.blocks = append(b.blocks, paragraph(markup.Span{Text: relation.Key + " 1", Style: markup.Muted})...)
		}
		return nil
	case relation.Type == event.RelReplace:
		if b, content := t.bubbles[relation.EventID], evt.Content.AsMessage().NewContent; b != nil && content != nil {
			b.blocks = append(markup.Content(content), paragraph(markup.Span{Text: "(edited)", Style: markup.Muted})...)
		}
		return nil
	}
	b := t.onMatrix(evt)
	switch {
	case evt.Type.Type == pollStart.Type:
		b.blocks = pollBlocks(evt)
	case evt.Content.AsMessage().MsgType == event.MsgLocation:
		b.blocks = []markup.Block{{Kind: markup.File, Spans: []markup.Span{{Text: evt.Content.AsMessage().Body, Style: markup.Bold}, {Text: "  on a map", Style: markup.Muted}}}}
	}
	t.bubbles[evt.ID] = b
	return b
}

func paragraph(spans ...markup.Span) []markup.Block { return []markup.Block{{Spans: spans}} }

// relationOf reads what an event of any type relates to.
func relationOf(evt *event.Event) (relation event.RelatesTo) {
	raw, _ := evt.Content.Raw["m.relates_to"].(map[string]any)
	kind, _ := raw["rel_type"].(string)
	target, _ := raw["event_id"].(string)
	relation.Key, _ = raw["key"].(string)
	relation.Type, relation.EventID = event.RelationType(kind), id.EventID(target)
	return relation
}

// redactedBy returns what a redaction takes back, in rooms of all versions.
func redactedBy(evt *event.Event) id.EventID {
	if evt.Redacts != "" {
		return evt.Redacts
	}
	redacts, _ := evt.Content.Raw["redacts"].(string)
	return id.EventID(redacts)
}

// pollBlocks is a poll as clients show it.
func pollBlocks(evt *event.Event) []markup.Block {
	poll, _ := evt.Content.Raw[pollStart.Type].(map[string]any)
	textOf := func(value any) string {
		object, _ := value.(map[string]any)
		return fmt.Sprint(object["org.matrix.msc1767.text"])
	}
	blocks := paragraph(markup.Span{Text: textOf(poll["question"]), Style: markup.Bold})
	answers, _ := poll["answers"].([]any)
	for _, answer := range answers {
		blocks = append(blocks, markup.Block{Kind: markup.Item, Spans: []markup.Span{{Text: "○ " + textOf(answer)}}})
	}
	return blocks
}

var timeAtEnd = regexp.MustCompile(`(removed a message of )\d\d:\d\d$`)

// sameTime writes the same time into the only line that has that of the run.
func sameTime(text string) string { return timeAtEnd.ReplaceAllString(text, "${1}09:41") }
