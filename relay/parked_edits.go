package relay

import (
	"context"
	"encoding/json"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// An edit of a message that was set aside must not go out alone, as if people on Wazo knew the message. It lets the
// message have another try instead, and takes the place of its text as soon as it is certain that the text was not
// posted. If it turns out that it was, the edit goes out as any other.

// reviveEdited puts the message that an event edits back into the queue, where it comes first, if it was set aside. It
// reports false if that is not the case, or if the edit cannot take its place.
func (d *wazoDelivery) reviveEdited(ctx context.Context, evt *event.Event, target id.EventID) (bool, error) {
	message, err := d.parkedMessage(ctx, d.portal.ID, target, evt.Sender)
	if err != nil || message == nil {
		return false, err
	}
	original := &event.Event{}
	if json.Unmarshal([]byte(message.Payload), original) != nil || !fitsEdit(message, original, evt) {
		return false, nil
	}
	d.tasks.Wake(portalJob(jobToWazo, d.portal.ID))
	if !isCertainlyWaiting(message) {
		return true, d.db.Queue.Unpark(ctx, message.ID, jsontime.UM(time.Now()))
	}
	return true, d.replaceText(ctx, message, evt, d.row)
}

// parkedMessage returns the row of a message of a sender that was set aside, nil if there is none.
func (r *Relay) parkedMessage(ctx context.Context, portalID int64, target id.EventID, sender id.UserID) (*db.Row, error) {
	row, err := r.db.Queue.BySource(ctx, portalID, db.ToWazo, target.String())
	if err != nil || row == nil || row.Author != sender.String() || row.State != db.StateParked || row.MergedInto != 0 {
		return nil, err
	}
	return row, nil
}

// replaceText gives a message that was certainly not posted the text of an edit, whose row leaves.
func (d *wazoDelivery) replaceText(ctx context.Context, message *db.Row, evt *event.Event, edit *db.Row) error {
	return d.db.DoTxn(ctx, func(ctx context.Context) error {
		if applied, err := d.applyEdit(ctx, message, evt, edit.Position); err != nil || !applied {
			return err
		}
		there, err := d.db.Queue.Delete(ctx, edit.ID)
		if there {
			d.counts.finished(ctx, edit, OutcomeTakenBack)
		}
		return err
	})
}

// takeEdit gives the message of the row the text of an edit that waits behind it. It must be certain that the message was
// not posted as it is. That is so if it was set aside before and has another try: then the last edit counts. It is also
// so if it was compared with what is on Wazo, because the database may be an older copy: then the first one counts, and
// the message is compared again. takeEdit reports false if there is no such edit.
func (d *wazoDelivery) takeEdit(ctx context.Context) (bool, error) {
	isRevived := d.row.State == db.StateAttempted && d.row.Attempts == 0
	// The second edit follows the first one.
	isCompared := d.row.State == db.StateNew && (awaitsEdit(d.row) || editPosition(d.row) > 0)
	if !isRevived && !isCompared {
		return false, nil
	} else if merged, err := d.db.Queue.IsMerged(ctx, d.row.ID); err != nil || merged {
		return false, err
	}
	edits, err := d.db.Queue.PendingEdits(ctx, d.portal.ID, d.row.Author, d.row.SourceID)
	if err != nil {
		return false, err
	}
	original := &event.Event{}
	if json.Unmarshal([]byte(d.row.Payload), original) != nil {
		return false, nil
	}
	var taken *db.Row
	var edit *event.Event
	for _, row := range edits {
		evt := &event.Event{}
		if row.Session == "" && row.State == db.StateNew && json.Unmarshal([]byte(row.Payload), evt) == nil && fitsEdit(d.row, original, evt) {
			taken, edit = row, evt
			if isCompared {
				break
			}
		}
	}
	if taken == nil {
		return false, nil
	}
	return true, d.replaceText(ctx, d.row, edit, taken)
}
