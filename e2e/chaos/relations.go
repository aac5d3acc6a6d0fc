package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"wazo-matrix-relay/e2e/harness"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// act is what a person does on Matrix.
type act string

const (
	says    act = "message"
	answers act = "reply"
	threads act = "thread message"
	edits   act = "edit"
	reacts  act = "reaction"
	removes act = "removal of a reaction"
	redacts act = "redaction"
)

const (
	// markKey is a key in the content of people's events. Its value tells identical ones
	// apart. Of a redaction, the reason has it.
	markKey    = "e2e.chaos.mark"
	relatesTo  = "m.relates_to"
	thumb      = "👍" // with a mark behind it, so that each reaction is another one
	revision   = "v" // likewise, in the text of an edit
	lookBack   = 12  // how many of the newest messages people do something with
	markReason = markKey + " "
)

// isMessage says whether the act shows a message of its own on Wazo, whatever happens.
func (a act) isMessage() bool { return a == says || a == answers || a == threads }

// deed is something that a person does on Matrix, before or after it is done.
type deed struct {
	kind act
	who  string // the person's localpart
	// mark tells events apart that are otherwise identical, and says that the event was
	// sent by this package.
	mark string
	// text is what a message says, or an edit; of a reaction it is the emoji.
	text string
	// target is the event that this one is about: empty for messages.
	target id.EventID
	// thread is the event that begins the thread of a message.
	thread id.EventID
}

// markOf returns the mark of an event in clear, "" if it was not sent by this package.
func markOf(evt *event.Event) string {
	if evt.Type.Type == event.EventRedaction.Type {
		reason, _ := evt.Content.Raw["reason"].(string)
		if mark, ok := strings.CutPrefix(reason, markReason); ok {
			return mark
		}
		return ""
	}
	mark, _ := evt.Content.Raw[markKey].(string)
	return mark
}

// send does the deed once.
func (d *deed) send(ctx context.Context, room id.RoomID, client *mautrix.Client) (id.EventID, error) {
	transaction := "chaos-" + strings.ReplaceAll(d.mark, " ", "-")
	var resp *mautrix.RespSendEvent
	var err error
	if d.kind == redacts || d.kind == removes {
		resp, err = client.RedactEvent(ctx, room, d.target, mautrix.ReqRedact{Reason: markReason + d.mark, TxnID: transaction})
	} else {
		kind := event.EventMessage
		if d.kind == reacts {
			kind = event.EventReaction
		}
		resp, err = client.SendMessageEvent(ctx, room, kind, d.content(), mautrix.ReqSendEvent{TransactionID: transaction})
	}
	if err != nil {
		return "", err
	}
	return resp.EventID, nil
}

// content is that of the event, in the form in which clients send it.
func (d *deed) content() map[string]any {
	content := map[string]any{"msgtype": event.MsgText, "body": d.text, markKey: d.mark}
	answered := map[string]any{"event_id": d.target}
	switch d.kind {
	case answers:
		content[relatesTo] = map[string]any{"m.in_reply_to": answered}
	case threads:
		content[relatesTo] = map[string]any{"rel_type": event.RelThread, "event_id": d.thread, "is_falling_back": true, "m.in_reply_to": answered}
	case edits:
		content["body"] = "* " + d.text
		content["m.new_content"] = map[string]any{"msgtype": event.MsgText, "body": d.text}
		content[relatesTo] = map[string]any{"rel_type": event.RelReplace, "event_id": d.target}
	case reacts:
		return map[string]any{markKey: d.mark, relatesTo: map[string]any{"rel_type": event.RelAnnotation, "event_id": d.target, "key": d.text}}
	}
	return content
}

// deedOf returns what an event of a person does, as the homeserver has it. It returns
// false if this package has not sent the event, or if it was redacted.
func deedOf(evt *event.Event) (d deed, ok bool) {
	mark := markOf(evt)
	if mark == "" || evt.Unsigned.RedactedBecause != nil {
		return d, false
	}
	d = deed{kind: says, who: evt.Sender.Localpart(), mark: mark}
	d.text, _ = evt.Content.Raw["body"].(string)
	relation, _ := evt.Content.Raw[relatesTo].(map[string]any)
	about, _ := relation["event_id"].(string)
	answered, _ := relation["m.in_reply_to"].(map[string]any)
	parent, _ := answered["event_id"].(string)
	switch {
	case evt.Type.Type == event.EventRedaction.Type:
		d.kind, d.target = redacts, evt.Redacts
		if inContent, _ := evt.Content.Raw["redacts"].(string); d.target == "" {
			d.target = id.EventID(inContent)
		}
	case evt.Type.Type == event.EventReaction.Type:
		d.kind, d.target = reacts, id.EventID(about)
		d.text, _ = relation["key"].(string)
	case relation["rel_type"] == string(event.RelReplace):
		d.kind, d.target = edits, id.EventID(about)
		content, _ := evt.Content.Raw["m.new_content"].(map[string]any)
		d.text, _ = content["body"].(string)
	case relation["rel_type"] == string(event.RelThread):
		d.kind, d.thread, d.target = threads, id.EventID(about), id.EventID(parent)
	case parent != "":
		d.kind, d.target = answers, id.EventID(parent)
	}
	return d, true
}

// manners says how often people do what, in a hundred.
var manners = []struct {
	kind  act
	often int
}{{answers, 12}, {threads, 6}, {edits, 16}, {redacts, 10}, {reacts, 14}, {removes, 8}}

// choose returns what a person does next.
func choose(rng *rand.Rand) act {
	drawn := rng.IntN(100)
	for _, manner := range manners {
		if drawn -= manner.often; drawn < 0 {
			return manner.kind
		}
	}
	return says
}

// decide decides what a person does next in a place. If there is nothing that it could be
// about, they just say something.
func (s *fixture) decide(p *place, person *harness.Client, script *script, mark string) *deed {
	d := &deed{kind: says, who: person.UserID().Localpart(), mark: mark, text: script.next()}
	if d.text == script.same {
		return d
	}
	kind := choose(script.rng)
	if s.cfg.Plain {
		kind = says
	}
	switch kind {
	case answers, threads, reacts:
		targets := p.ledger.messages(lookBack)
		if fromWazo := s.shownOnMatrix(p, person, lookBack); kind != threads && len(fromWazo) > 0 && (script.rng.IntN(2) == 0 || len(targets) == 0) {
			targets = fromWazo
		}
		if len(targets) == 0 {
			return d
		}
		d.target = targets[script.rng.IntN(len(targets))]
	case edits, redacts, removes:
		of := p.ledger.own(d.who, kind == removes, lookBack)
		if len(of) == 0 {
			return d
		}
		d.target = of[0] // the newest one may still wait
		if script.rng.IntN(2) == 0 {
			d.target = of[script.rng.IntN(len(of))]
		}
	}
	d.kind = kind
	switch kind {
	case threads:
		d.thread, d.target = p.ledger.threadOf(d.target)
	case edits:
		if before := p.ledger.textOf(d.target); script.rng.IntN(2) == 0 {
			d.text = fmt.Sprintf("%s%s is what %s has meant in the end", revision, mark, d.who)
		} else {
			d.text = fmt.Sprintf("%s %s%s", before, revision, mark)
		}
	case reacts:
		d.text = thumb + mark
	}
	return d
}

// shownOnMatrix returns the newest events of the bot that show messages of Wazo, as a
// person's client has seen them, the newest first.
func (s *fixture) shownOnMatrix(p *place, person *harness.Client, n int) (shown []id.EventID) {
	timeline := person.Timeline(p.Matrix)
	for i := len(timeline) - 1; i >= 0 && len(shown) < n; i-- {
		if entry := timeline[i]; entry.Type == event.EventMessage && isFromWazo(s, entry) {
			shown = append(shown, entry.ID)
		}
	}
	return shown
}
