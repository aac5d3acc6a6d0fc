package relay

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
)

// RelationsConfig says what is not relayed: edits and redactions of Matrix, and reactions of both sides. What still
// waits is edited or taken back all the same.
type RelationsConfig struct {
	WithoutEdits      bool
	WithoutRedactions bool
	WithoutReactions  bool
}

// relations looks up what the Matrix events of a portal refer to: the message that is replied to, the one that a
// reaction is for, the poll that a vote is for. It belongs to one delivery.
type relations struct {
	db     *db.Database
	matrix Matrix
	portal *db.Portal
	room   id.RoomID // of the event that refers to others

	disposition func(Event) Disposition

	texts words.Texts // in the language of which an event is described
}

func (d *wazoDelivery) relationsOf(evt *event.Event) *relations {
	return &relations{db: d.db, matrix: d.matrix, portal: d.portal, room: d.saidIn(evt), disposition: d.Disposition, texts: d.words()}
}

// relationTimeout is how long a message waits at most for the event or message that it refers to. A message without its
// quote is better than none.
const relationTimeout = 10 * time.Second

// find returns an event that another one refers to, nil if it cannot be had now. It may still be encrypted. What waits
// in the queue is taken from there, everything else is asked for, so that no text has to be kept here. An event that
// was edited says what people on Wazo know of it: what its last edit said that was delivered.
func (r *relations) find(ctx context.Context, target id.EventID) (*Event, error) {
	row, err := r.db.Queue.BySource(ctx, r.portal.ID, db.ToWazo, target.String())
	if err != nil {
		return nil, err
	} else if row != nil {
		evt := &event.Event{}
		if json.Unmarshal([]byte(row.Payload), evt) != nil || evt.Unsigned.RedactedBecause != nil {
			return nil, nil
		}
		return &Event{Event: evt, Tag: TagOf(evt.Content.VeryRaw, evt.Sender), SenderName: storedSenderName(row.Payload)}, nil
	}
	evt := r.ask(ctx, target)
	if evt == nil {
		return nil, nil
	}
	edit, err := r.db.LastEdit.Of(ctx, r.portal.ID, target)
	if err != nil {
		return nil, err
	} else if edit != "" {
		r.apply(ctx, evt, edit)
	}
	if evt.Replaced {
		return nil, nil // people on Wazo may not know the last edit
	}
	return evt, nil
}

// apply gives an event the content that an edit says, if the edit can be had.
func (r *relations) apply(ctx context.Context, evt *Event, edit id.EventID) {
	newest := r.ask(ctx, edit)
	if newest == nil {
		return
	}
	if content, ok := newest.Content.Raw["m.new_content"].(map[string]any); ok {
		evt.Type, evt.Content, evt.Replaced = newest.Type, event.Content{Raw: content}, false
	}
}

// ask asks the homeserver for an event. It returns nil if there is none, if it was redacted, or if the homeserver
// cannot be asked now.
func (r *relations) ask(ctx context.Context, eventID id.EventID) *Event {
	ctx, cancel := lookupContext(ctx, relationTimeout)
	defer cancel()
	evt, err := r.matrix.Event(ctx, r.room, eventID)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Stringer("event_id", eventID).Msg("Failed to look up what a message refers to")
		return nil
	} else if evt == nil || evt.ParseError != nil || evt.Unsigned.RedactedBecause != nil {
		return nil
	}
	return evt
}

// isRedacted reports whether an event is known to be redacted.
func (r *relations) isRedacted(ctx context.Context, eventID id.EventID) bool {
	ctx, cancel := lookupContext(ctx, relationTimeout)
	defer cancel()
	evt, err := r.matrix.Event(ctx, r.room, eventID)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Stringer("event_id", eventID).Msg("Failed to look up what a message refers to")
		return false
	}
	return evt != nil && evt.ParseError == nil && evt.Unsigned.RedactedBecause != nil
}

// describe says what an event says to people on Wazo.
func (r *relations) describe(ctx context.Context, evt *event.Event) (convert.Description, error) {
	describer := convert.Describer{Texts: r.texts}
	said := describer.Describe(evt, nil)
	if said.About == "" {
		return said, nil
	}
	about, err := r.find(ctx, said.About)
	if err != nil || about == nil {
		return said, err
	} else if may, err := r.mayTell(ctx, about); err != nil || !may {
		return said, err
	}
	return describer.Describe(evt, about.Event), nil
}

// mayTell reports whether people on Wazo may read what an event says. What was said before the link, or is not relayed
// for another reason, is not shown to them by what refers to it.
func (r *relations) mayTell(ctx context.Context, evt *Event) (bool, error) {
	if known, err := r.db.Message.KnowsEvent(ctx, r.portal.ID, evt.ID); err != nil || known {
		return known, err
	} else if row, err := r.db.Queue.BySource(ctx, r.portal.ID, db.ToWazo, evt.ID.String()); err != nil || row != nil {
		return row != nil, err
	}
	// The mapping may be forgotten by now.
	return r.disposition(*evt) == Relayed && !time.UnixMilli(evt.Timestamp).Before(r.portal.LinkedAt.Time), nil
}
