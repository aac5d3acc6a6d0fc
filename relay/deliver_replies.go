package relay

import (
	"context"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// A message of Wazo that is a reply (wazo_replies.go) becomes a reply on Matrix, if an event shows what it replies to.
// Otherwise it begins with a quote.

// addReply lets the parts of a message show what it replies to.
func (d *matrixDelivery) addReply(ctx context.Context, message wazoapi.Message, parts []*matrixPart) error {
	if len(parts) == 0 {
		return nil
	}
	reply, ok := d.wazoRelations.replies.replyOf(ctx, d.portal, d.cast.reader, message)
	if !ok {
		return nil
	}
	first := parts[0]
	first.IsReply = true
	target, err := d.replyTarget(ctx, reply.Parent)
	if err != nil {
		return err
	} else if target == "" {
		quote, err := d.wazoRelations.replies.quote(ctx, d.portal, d.cast, reply)
		if err != nil {
			return err
		} else if quoted, ok := convert.WithQuote(d.texts, first.Content, quote); ok {
			first.Content = quoted
		}
		return nil
	}
	for _, content := range []*event.MessageEventContent{first.Content, first.EncryptedFallback} {
		if content != nil {
			content.RelatesTo = (&event.RelatesTo{}).SetReplyTo(target)
		}
	}
	return nil
}

// replyTarget returns the event to which an event is a reply if it shows a reply to a message. It returns "" if no
// event shows that message, or one that shows what was said before the conversation opened: then it is quoted instead.
func (d *matrixDelivery) replyTarget(ctx context.Context, parent wazoapi.UUID) (id.EventID, error) {
	if parent == "" {
		return "", nil
	}
	targets, err := d.db.Message.Targets(ctx, d.portal.ID, string(parent))
	if err != nil || len(targets) == 0 {
		return "", err
	} else if at := targets[0].CreatedAt; !at.IsZero() && isPast(d.portal, at.UnixMicro()) {
		return "", nil
	}
	return targets[0].EventID, nil
}

// quote returns the quote with which a reply begins. Wazo keeps the text of what was taken back on Matrix: that is not
// shown again.
func (r *wazoReplies) quote(ctx context.Context, portal *db.Portal, c *cast, reply wazoapi.Reply) (convert.Quote, error) {
	preview := reply.Preview
	targets, err := r.db.Message.Targets(ctx, portal.ID, string(reply.Parent))
	if err != nil {
		return convert.Quote{}, err
	}
	for _, target := range targets {
		if !r.isReadable(ctx, portal, target.EventID) {
			preview.Content = ""
		}
	}
	return c.quoteOf(ctx, preview), nil
}

// isReadable reports whether it is certain that people on Matrix can still read an event.
func (r *wazoReplies) isReadable(ctx context.Context, portal *db.Portal, eventID id.EventID) bool {
	ctx, cancel := lookupContext(ctx, relationTimeout)
	defer cancel()
	evt, err := r.matrix.Event(ctx, portal.MatrixRoom, eventID)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Stringer("event_id", eventID).Msg("Failed to look up what a message replies to")
		return false
	}
	return evt != nil && evt.ParseError == nil && evt.Unsigned.RedactedBecause == nil && evt.Type.Type != event.EventEncrypted.Type
}
