package relay

import (
	"context"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
)

// chatd cannot change a message, so an edit of a message that is on Wazo becomes a new message there. This file finds
// out what it changes. Edits of messages that still wait are in pending_edits.go.

// isOutdated reports whether the row is an edit behind which a newer edit of the same message waits: that one says all
// there is to say.
func (d *wazoDelivery) isOutdated(ctx context.Context, edited id.EventID) (bool, error) {
	rows, err := d.db.Queue.PendingEdits(ctx, d.portal.ID, d.row.Author, edited.String())
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		isNewer := row.Position > d.row.Position || row.Position == d.row.Position && row.ID > d.row.ID
		if isNewer && row.Session == "" && row.State == db.StateNew {
			return true, nil
		}
	}
	return false, nil
}

// before returns what a message said before it was edited, as people on Wazo know it. It returns nil if that is not
// known, if they have never seen the message, or if the edit replaces its file. It reports isOld if they know a newer
// edit already, because the key of this one came late.
func (d *wazoDelivery) before(ctx context.Context, evt *event.Event, content *event.MessageEventContent, opts convert.WazoOptions) (before *event.MessageEventContent, isOld bool, err error) {
	target := content.RelatesTo.GetReplaceID()
	if known, err := d.db.Message.KnowsEvent(ctx, d.portal.ID, target); err != nil || !known {
		return nil, false, err
	}
	earlier, err := d.db.LastEdit.Of(ctx, d.portal.ID, target)
	if err != nil {
		return nil, false, err
	} else if earlier == "" {
		earlier = target
	}
	relations := d.relationsOf(evt)
	about := relations.ask(ctx, earlier)
	if about == nil || about.Replaced || about.Sender != evt.Sender {
		return nil, false, nil
	} else if earlier != target && about.Timestamp > evt.Timestamp {
		return nil, true, nil
	}
	said, err := relations.describe(ctx, about.Event)
	if err != nil || said.Kind != convert.KindSaid || !isSameFile(said.Content, content, opts) {
		return nil, false, err
	}
	return said.Content, false, nil
}

// isSameFile reports whether two contents have the same file, or none.
func isSameFile(before, now *event.MessageEventContent, opts convert.WazoOptions) bool {
	old, current := convert.AttachmentOf(before, opts), convert.AttachmentOf(now, opts)
	if old == nil || current == nil {
		return old == nil && current == nil
	}
	return old.URI == current.URI
}
