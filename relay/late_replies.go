package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// A message on Wazo that is marked as a reply after it was shown on Matrix is edited there, once: an edit cannot make a
// reply of its event, so it gets a quote.

// lateReply is how long after a message was shown it is edited because of a mark.
const lateReply = 15 * time.Minute

// showLate edits the events of those replies that were shown before they were marked.
func (w *wazoRelations) showLate(ctx context.Context, portal *db.Portal, replies map[wazoapi.UUID]wazoapi.Reply) error {
	if len(replies) == 0 {
		return nil
	}
	messages, err := w.db.ShownReply.Unshown(ctx, portal.ID, jsontime.UM(time.Now().Add(-lateReply)))
	if err != nil {
		return err
	}
	var failed []error
	for _, m := range messages {
		reply, isReply := replies[wazoapi.UUID(m.WazoUUID)]
		if !isReply || isPast(portal, m.CreatedAt.UnixMicro()) {
			continue
		} else if isTurn, err := w.turns.take(ctx, portal); err != nil || !isTurn {
			return err
		}
		err := w.showLateReply(ctx, portal, m, reply)
		if errors.Is(err, errMayNotSend) {
			break
		} else if err != nil {
			failed = append(failed, fmt.Errorf("failed to show that %s is a reply: %w", m.WazoUUID, err))
			if !isOfOneEvent(err) {
				break
			}
		} else if err = w.db.ShownReply.Insert(context.WithoutCancel(ctx), portal.ID, m.WazoUUID); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// showLateReply edits the event of a message, if that is possible, unless it shows already what it replies to. To do it
// twice does no harm.
func (w *wazoRelations) showLateReply(ctx context.Context, portal *db.Portal, m *db.Message, reply wazoapi.Reply) error {
	if !makesSense(reply, m.CreatedAt.Time) {
		return nil
	}
	lookup, cancel := lookupContext(ctx, relationTimeout)
	defer cancel()
	evt, err := w.matrix.Event(lookup, portal.MatrixRoom, m.EventID)
	if err != nil {
		return err
	}
	edit, err := w.lateEdit(ctx, portal, evt, reply)
	if err != nil || edit == nil {
		return err
	}
	edit.SetEdit(m.EventID)
	_, err = w.matrix.Send(ctx, portal.MatrixRoom, Outgoing{
		Type: event.EventMessage, Content: edit, Tag: Tag{Kind: TagEdit},
		Check: func(ctx context.Context) error { return w.pauses.checkMaySend(ctx, portal) },
	}, fmt.Sprintf("wazo-%d-%s-quote", portal.ID, m.WazoUUID))
	if err != nil && classify(err).Class == ClassPortal {
		return errMayNotSend
	} else if err != nil && !MayPass(err) {
		zerolog.Ctx(ctx).Warn().Err(err).Stringer("event_id", m.EventID).Msg("The homeserver refused to show what a message replies to")
		return nil
	}
	return err
}

// lateEdit returns the content of an event with a quote of what it replies to. It returns nil if the event shows that
// already, was edited, cannot be read, shows several messages, or is no text.
func (w *wazoRelations) lateEdit(ctx context.Context, portal *db.Portal, evt *Event, reply wazoapi.Reply) (*event.MessageEventContent, error) {
	if evt == nil || evt.ParseError != nil || evt.Replaced || evt.Tag == nil || len(evt.Tag.Also) > 0 || evt.Type.Type != event.EventMessage.Type {
		return nil, nil
	}
	content := &event.MessageEventContent{}
	if json.Unmarshal(evt.Content.VeryRaw, content) != nil || content.RelatesTo.GetReplyTo() != "" {
		return nil, nil
	}
	quote, err := w.replies.quote(ctx, portal, newCast(w.Relay, portal), reply)
	if err != nil {
		return nil, err
	}
	edit, ok := convert.WithQuote(w.texts, content, quote)
	if !ok {
		return nil, nil
	}
	edit.RelatesTo = nil
	return edit, nil
}
