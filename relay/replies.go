package relay

import (
	"cmp"
	"context"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// chatd has no replies. If Wazo has the plugin for them, a message that replies to another one is marked as such after
// it is posted (native.go). Otherwise it quotes the beginning of that. This file finds out what is marked or quoted.

// replyForm is how people on Wazo are shown what a message replies to.
type replyForm struct {
	parent wazoapi.UUID   // the message as a reply to which the plugin has to mark it; empty: none
	quote  *convert.Quote // what is quoted, or that a thread begins; nil: nothing
	once   []onceSaid     // the thread, if this is its first message on Wazo

	mayHaveDiffered  bool           // the message may have been posted in another way, when Wazo had the plugin, or when it had not
	ifPluginDiffered *convert.Quote // what was quoted then
}

// replyOf returns what a message replies to. It is empty if that is nothing that people on Wazo may know of.
func (d *wazoDelivery) replyOf(ctx context.Context, evt *event.Event, content *event.MessageEventContent) (r replyForm, err error) {
	target, thread := convert.RepliedTo(content)
	if target == "" {
		return replyForm{}, nil
	}
	if thread != "" {
		threadShown, err := d.db.SaidOnce.Has(ctx, d.portal.ID, db.OnceThread, thread.String())
		if err != nil {
			return replyForm{}, err
		} else if !threadShown {
			r.once = []onceSaid{{db.OnceThread, thread.String()}}
		}
	}
	if r.parent, err = d.parentOf(ctx, evt, target); err != nil {
		return replyForm{}, err
	}
	var quote *convert.Quote
	if r.parent == "" || d.mayBeFound() {
		if quote, err = d.quoteOf(ctx, evt, target); err != nil {
			return replyForm{}, err
		}
	}
	if r.once != nil {
		quote = cmp.Or(quote, &convert.Quote{})
		quote.Thread = true
	}
	r.quote, r.ifPluginDiffered = quote, threadOnly(quote)
	if r.parent != "" {
		r.quote, r.ifPluginDiffered = r.ifPluginDiffered, r.quote
	}
	if d.mayBeFound() {
		uuid, err := d.onWazo(ctx, target)
		r.mayHaveDiffered = uuid != ""
		return r, err
	}
	return r, nil
}

// threadOnly returns what stays of a quote if the plugin shows what is replied to: that a thread begins.
func threadOnly(quote *convert.Quote) *convert.Quote {
	if quote == nil || !quote.Thread {
		return nil
	}
	return &convert.Quote{Thread: true}
}

// parentOf returns the message on Wazo as a reply to which the plugin can mark what refers to an event. It returns ""
// if there is no plugin, or no such message, or if the event was redacted: then the plugin would show again what was
// taken back.
func (d *wazoDelivery) parentOf(ctx context.Context, evt *event.Event, target id.EventID) (wazoapi.UUID, error) {
	uuid, err := d.onWazo(ctx, target)
	if err != nil || uuid == "" {
		return "", err
	} else if !d.usesPlugin(ctx) {
		return "", nil
	} else if d.relationsOf(evt).isRedacted(ctx, target) {
		return "", nil
	}
	return uuid, nil
}

// onWazo returns the message on Wazo that has the content of an event, "" if there is none. If an event shows several
// messages, it is the last of them.
func (d *wazoDelivery) onWazo(ctx context.Context, eventID id.EventID) (wazoapi.UUID, error) {
	known, err := d.db.Message.ByEvent(ctx, d.portal.ID, eventID)
	if err != nil || known == nil || !wazoapi.UUID(known.WazoUUID).Valid() {
		return "", err
	}
	return wazoapi.UUID(known.WazoUUID), nil
}

// quoteOf returns the beginning of an event that another one refers to, and its author, as far as they are known and
// people on Wazo may know them. It returns nil if it is nothing that somebody said.
func (d *wazoDelivery) quoteOf(ctx context.Context, evt *event.Event, target id.EventID) (*convert.Quote, error) {
	relations := d.relationsOf(evt)
	known, err := d.db.Message.ByEvent(ctx, d.portal.ID, target)
	if err != nil {
		return nil, err
	}
	about, err := relations.find(ctx, target)
	if err != nil {
		return nil, err
	}
	if known != nil {
		quote := &convert.Quote{Author: d.authorOnWazo(ctx, known.Author)}
		if about != nil {
			quote.Text, err = d.beginningOf(ctx, evt, about, known)
		}
		return quote, err
	} else if about == nil {
		return nil, nil
	} else if said := relations.disposition(*about); said != Relayed && said != Encrypted {
		return nil, nil // it does not say anything to people, or it is hidden from them
	}
	quote := &convert.Quote{Author: d.authorOnWazo(ctx, about.Sender.String())}
	if may, err := relations.mayTell(ctx, about); err != nil || !may {
		return quote, err
	}
	quote.Text, err = d.beginningOf(ctx, evt, about, nil)
	return quote, err
}

// beginningOf returns the beginning of an event to which another one refers, "" if it cannot be read. known is its
// mapping, if there is one.
func (d *wazoDelivery) beginningOf(ctx context.Context, evt *event.Event, about *Event, known *db.Message) (string, error) {
	if about.Tag != nil && len(about.Tag.Also) > 0 && known != nil {
		return d.wazoBeginning(ctx, known), nil
	}
	said, err := d.relationsOf(evt).describe(ctx, about.Event)
	if err != nil || said.Content == nil {
		return "", err
	}
	return convert.Preview(said.Content, d.wazoOptions(ctx, about.Event)), nil
}

// wazoBeginning returns the beginning of a message of Wazo, "" if it cannot be read. An event that shows several
// messages is no help.
func (d *wazoDelivery) wazoBeginning(ctx context.Context, known *db.Message) string {
	acc := d.readers.of(d.portal)
	if acc == nil || known.CreatedAt.IsZero() {
		return ""
	}
	ctx, cancel := lookupContext(ctx, relationTimeout)
	defer cancel()
	page, err := acc.api.Messages(ctx, d.wazoRoom(), wazoapi.MessageQuery{From: known.CreatedAt.Time, Direction: wazoapi.Ascending, Limit: 10})
	if err != nil {
		return "" // the delivery finds out what is wrong
	}
	for _, m := range page.Items {
		if string(m.UUID) == known.WazoUUID {
			return convert.WazoPreview(d.words(), m.Content)
		}
	}
	return ""
}
