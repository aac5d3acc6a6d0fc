package relay

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// pendingRow returns the row of a message of the same sender that still waits and was certainly not posted, nil if
// there is none. Only such a message can be changed, since nobody on Wazo can have seen it.
func (r *Relay) pendingRow(ctx context.Context, portalID int64, target id.EventID, sender id.UserID) (*db.Row, error) {
	row, err := r.db.Queue.BySource(ctx, portalID, db.ToWazo, target.String())
	if err != nil || row == nil || row.Author != sender.String() || !isCertainlyWaiting(row) {
		return nil, err
	}
	return row, nil
}

// isCertainlyWaiting reports whether a row was not posted and is not being posted now: it was never attempted, or all
// attempts were certainly in vain.
func isCertainlyWaiting(row *db.Row) bool {
	return row.MergedInto == 0 && (!row.HasRequest() || row.State == db.StateNew && row.Part == 0)
}

// redacted returns the event that a redaction takes back.
func redacted(evt *event.Event) id.EventID {
	if evt.Redacts != "" {
		return evt.Redacts // in older rooms it alone counts, and the content is what the sender likes
	}
	// Since room version 11 the target stands in the content (client-server API, "m.room.redaction").
	redacts, _ := evt.Content.Raw["redacts"].(string)
	return id.EventID(redacts)
}

// redactPending takes a message or a reaction back that still waits, and the edits of a message and the reactions to it
// that still wait: they would say on Wazo what was taken back. What is on Wazo already stays there: chatd cannot delete
// messages. Who redacts does not matter: homeservers pass a redaction on only if its sender may redact the event (room
// version 3, "Handling redactions").
func (a *matrixAccept) redactPending(ctx context.Context, evt *event.Event) error {
	target := redacted(evt)
	author, err := a.authorOf(ctx, target)
	if err != nil {
		return err
	}
	reactions, err := a.db.Queue.PendingReactions(ctx, a.portal.ID, target.String())
	if err != nil {
		return err
	}
	for _, row := range reactions {
		if _, err = a.db.Queue.Delete(ctx, row.ID); err != nil {
			return err
		}
		a.counts.finished(ctx, row, OutcomeTakenBack)
	}
	if err = a.markTakenBack(ctx, a.portal.ID, "", event.RelAnnotation, target, math.MaxInt64); err != nil {
		return err
	}
	return a.takeBack(ctx, a.portal.ID, target, author, math.MaxInt64)
}

// authorOf returns who wrote an event that waits in the portal's queue or was relayed, "" if that is not known.
func (a *matrixAccept) authorOf(ctx context.Context, eventID id.EventID) (id.UserID, error) {
	if row, err := a.db.Queue.BySource(ctx, a.portal.ID, db.ToWazo, eventID.String()); err != nil {
		return "", err
	} else if row != nil {
		return id.UserID(row.Author), nil
	}
	message, err := a.db.Message.ByEvent(ctx, a.portal.ID, eventID)
	if err != nil || message == nil {
		return "", err
	}
	return id.UserID(message.Author), nil
}

// takeBack removes a message of a sender that still waits from a portal's queue, and the edits of it that still wait,
// within a transaction. If the sender is "", it removes the edits of all senders. It leaves edits that were written
// after a time (Unix milliseconds): they may have been accepted before. A message that is being posted, or may have
// been, is marked instead: it leaves the queue when it is known that it was not posted.
func (r *Relay) takeBack(ctx context.Context, portalID int64, target id.EventID, sender id.UserID, until int64) error {
	message, err := r.db.Queue.BySource(ctx, portalID, db.ToWazo, target.String())
	if err != nil || message != nil && message.Author != sender.String() {
		return err
	}
	rows, err := r.db.Queue.PendingEdits(ctx, portalID, sender.String(), target.String())
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(row *db.Row) bool { return writtenAt(row) > until })
	if err = r.markTakenBack(ctx, portalID, sender, event.RelReplace, target, until); err != nil {
		return err
	}
	var carries bool // others are merged into its row, which they need
	if message != nil {
		if carries, err = r.db.Queue.IsMerged(ctx, message.ID); err != nil {
			return err
		}
	}
	switch {
	case message == nil:
	case isCertainlyWaiting(message) && !carries:
		rows = append(rows, message)
	default:
		if err = r.db.Queue.MarkTakenBack(ctx, message.ID); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if _, err = r.db.Queue.Delete(ctx, row.ID); err != nil {
			return err
		}
		r.counts.finished(ctx, row, OutcomeTakenBack)
	}
	return nil
}

// markTakenBack marks what relates to an event that was redacted, and is being posted or was attempted before. It
// leaves what was written after a time.
func (r *Relay) markTakenBack(ctx context.Context, portalID int64, sender id.UserID, relation event.RelationType, target id.EventID, until int64) error {
	rows, err := r.db.Queue.AttemptedRelations(ctx, portalID, sender.String(), relation, target.String())
	if err != nil {
		return err
	}
	for _, row := range rows {
		if writtenAt(row) > until {
			continue
		} else if err = r.db.Queue.MarkTakenBack(ctx, row.ID); err != nil {
			return err
		}
	}
	return nil
}

// isTakenBack reports whether the event of a row was redacted while it was being posted, see db.Queue.MarkTakenBack.
func isTakenBack(row *db.Row) bool {
	var evt struct {
		Unsigned struct {
			RedactedBecause json.RawMessage `json:"redacted_because"`
		} `json:"unsigned"`
	}
	return json.Unmarshal([]byte(row.Payload), &evt) == nil && evt.Unsigned.RedactedBecause != nil
}

// awaitsEdit reports whether an edit of the event of a row may wait by itself, see editPending.
func awaitsEdit(row *db.Row) bool {
	var stored struct {
		Unsigned struct {
			EditWaits bool `json:"io.wazo.relay.edit_waits"`
		} `json:"unsigned"`
	}
	return json.Unmarshal([]byte(row.Payload), &stored) == nil && stored.Unsigned.EditWaits
}

// writtenAt returns when the event of a row was written, in Unix milliseconds of its homeserver's clock.
func writtenAt(row *db.Row) int64 {
	var evt struct {
		Timestamp int64 `json:"origin_server_ts"`
	}
	_ = json.Unmarshal([]byte(row.Payload), &evt) // what cannot be read stays 0: the delivery says what is wrong with it
	return evt.Timestamp
}

// editedBy returns the event that an event edits, encrypted or not. It returns "" if the event is no edit.
func editedBy(evt *event.Event) id.EventID {
	relation, _ := evt.Content.Raw["m.relates_to"].(map[string]any)
	target, _ := relation["event_id"].(string)
	if relation["rel_type"] != string(event.RelReplace) {
		return ""
	}
	return id.EventID(target)
}

// editPositionKey is the key in a stored event of the position of the last edit that has changed it. The sender cannot
// write it: it is no part of the content.
const editPositionKey = "io.wazo.relay.edit_position"

// editPending changes a message that still waits, by an edit at a position in the queue. It reports edited if that is
// done. It reports waits if the edit has to wait behind the message: the database may be an older copy, so that the
// message is first compared with what is on Wazo, as it was written (see takeEdit).
func (a *matrixAccept) editPending(ctx context.Context, evt *event.Event, position int64) (edited, waits bool, err error) {
	target := editedBy(evt)
	if target == "" {
		return false, false, nil
	}
	row, err := a.pendingRow(ctx, a.portal.ID, target, evt.Sender)
	if err != nil || row == nil {
		return false, false, err
	} else if row.State == db.StateNew && row.Session == "" && a.startup.mayBeOlder(row.Queue(), time.UnixMilli(writtenAt(row))) {
		return false, true, a.db.Queue.MarkEdited(ctx, row.ID)
	}
	edited, err = a.applyEdit(ctx, row, evt, position)
	return edited, false, err
}

// applyEdit changes the message of a row that was certainly not posted, within a transaction, by an edit at a position
// in the queue. A message that cannot be decrypted becomes what the edit says: its key is not needed any more. Edits
// may come in any order, because what /sync has left out is read later than what followed it: an older one changes
// nothing, and those that wait by themselves leave. It reports false if the edit does not fit.
func (r *Relay) applyEdit(ctx context.Context, row *db.Row, evt *event.Event, position int64) (bool, error) {
	original := &event.Event{}
	if err := json.Unmarshal([]byte(row.Payload), original); err != nil || !fitsEdit(row, original, evt) {
		return false, nil // the edit goes its own way
	} else if editPosition(row) > position {
		return true, nil
	}
	newContent, _ := evt.Content.Raw["m.new_content"].(map[string]any)
	original.Type, original.Content = evt.Type, event.Content{Raw: edited(original, newContent)}
	payload, err := editedPayload(original, row, position)
	if err != nil {
		return false, err
	}
	there, err := r.db.Queue.SetPayload(ctx, row, payload)
	if err != nil || !there {
		return there, err
	} else if err = r.dropEdits(ctx, row, position); err != nil {
		return false, err
	}
	return true, r.db.LastEdit.Set(ctx, row.PortalID, id.EventID(row.SourceID), evt.ID)
}

// fitsEdit reports whether an edit can take the place of the event of a row.
func fitsEdit(row *db.Row, original, edit *event.Event) bool {
	_, ok := edit.Content.Raw["m.new_content"].(map[string]any)
	return ok && (row.Session != "" || original.Type.Type == edit.Type.Type)
}

// editedPayload is the payload of a row after an edit.
func editedPayload(evt *event.Event, row *db.Row, position int64) (string, error) {
	payload, err := storedEvent(evt, storedSenderName(row.Payload))
	if err != nil {
		return "", err
	}
	marked, err := withKey([]byte(payload), editPositionKey, position)
	return string(marked), err
}

// editPosition returns the position of the last edit that has changed a row, 0 if there was none.
func editPosition(row *db.Row) int64 {
	var stored struct {
		Position int64 `json:"io.wazo.relay.edit_position"`
	}
	_ = json.Unmarshal([]byte(row.Payload), &stored) // the caller has read the payload
	return stored.Position
}

// dropEdits removes the edits of a message that wait before a position: the message says something newer already.
func (r *Relay) dropEdits(ctx context.Context, message *db.Row, position int64) error {
	rows, err := r.db.Queue.PendingEdits(ctx, message.PortalID, message.Author, message.SourceID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Position >= position {
			continue
		} else if _, err = r.db.Queue.Delete(ctx, row.ID); err != nil {
			return err
		}
		r.counts.finished(ctx, row, OutcomeTakenBack)
	}
	return nil
}

// edited returns the content of an event after an edit. What the event itself relates to stays as it is, whatever the
// new content says (client-server API, "Applying m.new_content"): a reply stays a reply.
func edited(original *event.Event, newContent map[string]any) map[string]any {
	content := maps.Clone(newContent)
	delete(content, "m.relates_to")
	if relation := original.Content.Raw["m.relates_to"]; relation != nil && editedBy(original) == "" {
		content["m.relates_to"] = relation
	}
	return content
}
