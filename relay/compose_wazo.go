package relay

import (
	"cmp"
	"context"
	"errors"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// This file makes the requests for Matrix events: what people on Wazo will read.

// onceSaid is something that is said only once in a portal.
type onceSaid struct {
	Kind db.OnceKind `json:"kind"`
	Name string      `json:"name"`
}

// saying is what an event says to people on Wazo.
type saying struct {
	text             string
	ifPluginDiffered string     // what it would say if Wazo had the plugin for reactions and replies, or had not; empty: the same, or not known
	media            *db.Media  // the file that it links to, nil if there is none
	once             []onceSaid // what is not said again after this
	edits            id.EventID // the event that this one edits; empty: none

	reactions []reactionNote // that it shows or removes
	silent    bool           // nothing has to be said: the plugin shows the reactions
	parent    wazoapi.UUID   // the message as a reply to which the plugin has to mark it; empty: none
	also      []*db.Row      // the rows that it shows besides that of the event
}

// convert makes the request for an event.
func (d *wazoDelivery) convert(ctx context.Context, evt *event.Event) (*wazoRequest, error) {
	said, err := d.say(ctx, evt)
	if errors.Is(err, convert.ErrTooLarge) {
		return nil, &messageError{words.WhyTooLarge, err}
	} else if err != nil {
		return nil, err
	}
	if said.silent {
		return &wazoRequest{Reactions: said.reactions, silent: true}, nil
	}
	return d.requestFor(ctx, evt, said)
}

// say returns what an event says. It returns convert.ErrEmpty if that is nothing.
func (d *wazoDelivery) say(ctx context.Context, evt *event.Event) (said saying, err error) {
	kind := convert.Describe(evt, nil).Kind
	if kind != convert.KindReacted && kind != convert.KindRedacted {
		return d.sayMessage(ctx, evt)
	}
	reaction, err := d.reactionIn(ctx, d.row, evt)
	switch {
	case err != nil:
		return said, err
	case reaction != nil:
		return d.sayReaction(ctx, evt, reaction)
	case kind == convert.KindReacted:
		return said, convert.ErrEmpty
	}
	return d.removal(ctx, evt)
}

// sayMessage returns what a message or an edit says.
func (d *wazoDelivery) sayMessage(ctx context.Context, evt *event.Event) (said saying, err error) {
	content, once, err := d.contentOf(ctx, evt)
	if err != nil {
		return said, err
	}
	opts := d.wazoOptions(ctx, evt)
	var reply replyForm
	if d.outside == nil { // who is outside Wazo knows no names, and reads no quotes
		opts.SenderName = cmp.Or(convert.CleanName(d.sender(ctx, evt).Name, convert.MaxProfileBytes), evt.Sender.Localpart())
		if reply, err = d.replyOf(ctx, evt, content); err != nil {
			return said, err
		}
	}
	opts.RepliesTo, said.once, said.parent = reply.quote, append(once, reply.once...), reply.parent
	if content.NewContent != nil {
		said.edits = content.RelatesTo.GetReplaceID()
	}
	if said.edits != "" {
		if outdated, err := d.isOutdated(ctx, said.edits); err != nil {
			return said, err
		} else if outdated {
			return said, convert.ErrEmpty
		} else if revived, err := d.reviveEdited(ctx, evt, said.edits); err != nil {
			return said, err
		} else if revived {
			return said, errWaits
		} else if d.cfg.Relations.WithoutEdits && d.outside == nil {
			return said, convert.ErrEmpty
		}
		var isOld bool
		if opts.Before, isOld, err = d.before(ctx, evt, content, opts); err != nil {
			return said, err
		} else if isOld {
			return said, convert.ErrEmpty
		} else if d.outside != nil {
			said.parent = ""
		} else if said.parent, err = d.parentOf(ctx, evt, said.edits); err != nil {
			return said, err
		}
	}
	if said.media, err = d.attachment(evt, content, opts); err != nil {
		return said, err
	}
	opts.FileURL = d.mediaURL(said.media)
	said.text, err = convert.ToWazo(content, opts)
	if errors.Is(err, convert.ErrTooLarge) && opts.RepliesTo != nil {
		opts.RepliesTo = nil
		said.text, err = convert.ToWazo(content, opts)
	}
	if err == nil && reply.mayHaveDiffered {
		opts.RepliesTo = reply.ifPluginDiffered
		said.ifPluginDiffered, _ = convert.ToWazo(content, opts) // what is too large was not posted
	}
	return said, err
}

// requestFor makes the request that says something for the sender of an event.
func (d *wazoDelivery) requestFor(ctx context.Context, evt *event.Event, said saying) (*wazoRequest, error) {
	poster, failure := d.postedBy(ctx)
	sender, written := d.sender(ctx, evt), time.UnixMilli(evt.Timestamp)
	own := d.lateAndInTime(written, wazoapi.Clean(said.text))
	var forms []form
	texts, err := d.mayHaveSaid(ctx, evt, said)
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		relayed := wazoapi.Clean(d.render(convert.ContentData{Content: text, Name: sender.DisplayName(), UserID: evt.Sender.String()}))
		forms = append(forms, form{alias: d.cfg.Alias.Alias(sender), texts: d.lateAndInTime(written, relayed)})
		for _, author := range d.authorship.of(evt.Sender) {
			since := jsontime.UMicro(written.Add(-clockSkew))
			forms = append(forms, form{author: author, since: since, texts: d.lateAndInTime(written, wazoapi.Clean(text))})
		}
	}
	posted := forms[0]
	if poster.own {
		posted = form{author: poster.uuid(), texts: own}
	}
	text := posted.texts[len(posted.texts)-1]
	if d.row.Late {
		text = posted.texts[0]
	}
	if failure == nil && convert.CheckSize(text) != nil {
		return nil, &messageError{words.WhyTooLarge, convert.ErrTooLarge}
	}
	var posterID int64
	if poster.account != nil {
		posterID = poster.row.ID
	}
	return &wazoRequest{
		Account: posterID, Author: posted.author, Instead: poster.instead, Alias: posted.alias, Content: text,
		After: d.mayBeSince(written), Once: said.once, Edits: said.edits, Reactions: said.reactions, Parent: said.parent,

		also: said.also, account: poster.account, failure: failure, media: said.media,
		forms: forms, posted: posted, written: written,
	}, nil
}

// contentOf returns what an event says to people on Wazo, and what of it is not said again. It returns convert.ErrEmpty
// if there is nothing to say.
func (d *wazoDelivery) contentOf(ctx context.Context, evt *event.Event) (*event.MessageEventContent, []onceSaid, error) {
	description, err := d.relationsOf(evt).describe(ctx, evt)
	if err != nil {
		return nil, nil, err
	}
	switch description.Kind {
	case convert.KindSaid:
		return description.Content, nil, nil
	case convert.KindUnreadable:
		return nil, nil, &messageError{why: words.WhyUnreadable}
	case convert.KindWordless:
		named, err := d.db.SaidOnce.Has(ctx, d.portal.ID, db.OnceWordless, description.Type)
		if err != nil {
			return nil, nil, err
		} else if !named {
			return description.Content, []onceSaid{{db.OnceWordless, description.Type}}, nil
		}
	}
	return nil, nil, convert.ErrEmpty
}

// render puts what the relay account posts into CONTENT_FORMAT.
func (d *wazoDelivery) render(data convert.ContentData) string {
	if d.cfg.PlainText {
		return d.cfg.Content.RenderPlain(data)
	}
	return d.cfg.Content.Render(data)
}

// wazoOptions returns how an event is written for people on Wazo, whatever it relates to.
func (d *wazoDelivery) wazoOptions(ctx context.Context, evt *event.Event) convert.WazoOptions {
	return convert.WazoOptions{
		Texts:   d.words(),
		Plain:   d.cfg.PlainText || d.outside != nil,
		Sticker: evt.Type.Type == event.EventSticker.Type,
		Names:   func(user id.UserID) string { return d.mentioned(ctx, user) },
		Rooms:   d.roomNames(ctx, evt.Sender),
	}
}

// mentioned returns how a person is called who is mentioned on Matrix: as on Wazo, if the person is known there.
func (d *wazoDelivery) mentioned(ctx context.Context, user id.UserID) string {
	if _, name := d.knownOnWazo(ctx, user); name != "" {
		return name
	}
	return d.matrix.MemberName(ctx, d.portal.MatrixRoom, user)
}

// lateAndInTime returns a text as it is posted if the key of the message came late, as it was posted then in other
// languages, and at last as it is posted if the key did not come late.
func (d *wazoDelivery) lateAndInTime(written time.Time, text string) (all []string) {
	if d.outside != nil {
		return []string{text} // nothing is added to a text message
	}
	for _, texts := range d.texts.InEach() {
		all = append(all, texts.Late(written)+"\n\n"+text) // what follows the first line may begin with a block that must stand on its own
	}
	return append(all, text)
}
