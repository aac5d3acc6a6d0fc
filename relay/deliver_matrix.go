package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// matrixDelivery is the delivery of one row to Matrix.
type matrixDelivery struct {
	*Relay
	portal *db.Portal
	row    *db.Row
	cast   *cast

	ready   *matrixPart     // what is sent, if the row was marked as attempted when the one before it was recorded; nil: it was not
	request []string        // of which that is a part
	behind  []*db.Row       // rows behind this one, as they were read earlier; empty: none is known
	depth   int             // how many were sent before it in the same step
	next    *matrixDelivery // that was marked when this one was recorded; nil: none
}

func newMatrixDelivery(r *Relay, portal *db.Portal, row *db.Row) *matrixDelivery {
	return &matrixDelivery{Relay: r, portal: portal, row: row, cast: newCast(r, portal)}
}

// matrixPart is one event that is sent for a queue row, as it is stored in the request.
type matrixPart struct {
	Content *event.MessageEventContent `json:"content"`
	// EncryptedFallback: see Outgoing.
	EncryptedFallback *event.MessageEventContent `json:"instead,omitempty"`
	// Also are the messages that a merged event shows besides that of the row, in order.
	Also []wazoapi.UUID `json:"also,omitempty"`
	// As is who wrote the message, see Outgoing.
	As id.UserID `json:"as,omitempty"`
	// IsReply says that the part shows what the message replies to.
	IsReply bool `json:"answers,omitempty"`
}

// run delivers the next part of the row.
func (d *matrixDelivery) run(ctx context.Context) (outcome, error) {
	if d.ready != nil {
		return d.send(ctx, d.ready)
	}
	if result, done, err := d.undoMerge(ctx); err != nil {
		return outcomeStopped, err
	} else if done {
		return result, nil
	}
	part, merged, err := d.merge(ctx)
	if err != nil {
		return outcomeStopped, err
	} else if part != nil {
		if there, err := d.markMerged(ctx, part, merged); err != nil {
			return outcomeStopped, err
		} else if !there {
			return outcomeChanged, nil
		}
		return d.send(ctx, part)
	}
	return d.runAlone(ctx)
}

// runAlone delivers the next part of a row that is not merged now.
func (d *matrixDelivery) runAlone(ctx context.Context) (outcome, error) {
	row := d.row
	part, request, err := d.nextPart(ctx)
	if err != nil {
		return outcomeStopped, err
	} else if part == nil {
		d.uploads.forget(row.PortalID)
		return outcomeChanged, d.db.DoTxn(ctx, func(ctx context.Context) error { return d.recordNothing(ctx, row, OutcomeNothing) })
	}
	if row.State == db.StateAttempted && !sabotaged("reconcile") {
		if arrived, err := d.arrived(ctx); err != nil {
			return outcomeStopped, err
		} else if arrived {
			return outcomeDelivered, nil
		}
	}
	d.matrix.AskAhead(ctx, d.portal.MatrixRoom) // while that is stored
	if there, err := d.markPart(ctx, part, request); err != nil {
		return outcomeStopped, err
	} else if !there {
		return outcomeChanged, nil
	}
	return d.send(ctx, part)
}

// markPart stores that a part of a row that is not merged is sent now. If it shows what the message replies to, that is
// known from now on, however it becomes known that the part arrived.
func (d *matrixDelivery) markPart(ctx context.Context, part *matrixPart, request []string) (there bool, err error) {
	err = d.db.DoTxn(ctx, func(ctx context.Context) error {
		there, err = d.markAttempted(ctx, d.row, request...)
		if err != nil || !there || !part.IsReply {
			return err
		}
		return d.db.ShownReply.Insert(ctx, d.row.PortalID, d.row.SourceID)
	})
	return there, err
}

// send sends a part whose request is stored, and records that it is delivered.
func (d *matrixDelivery) send(ctx context.Context, part *matrixPart) (outcome, error) {
	row := d.row
	d.uploads.forget(row.PortalID)
	defer d.knownEchoes.sending(row.PortalID, d.tag(part))()
	prepared := d.prepareNext(ctx)
	eventID, err := d.matrix.Send(ctx, d.portal.MatrixRoom, Outgoing{
		Type: event.EventMessage, Content: part.Content, EncryptedFallback: part.EncryptedFallback,
		As: part.As, Tag: d.tag(part),
		Check: func(ctx context.Context) error { return d.pauses.checkMaySend(ctx, d.portal) },
	}, transactionID(row, part))
	next := prepared()
	if err != nil {
		if err = d.attemptFailed(ctx, row, err); errors.Is(err, errMayNotSend) {
			return outcomeStopped, nil
		}
		return outcomeStopped, err
	}
	if next != nil {
		d.matrix.AskAhead(ctx, d.portal.MatrixRoom) // while this one is recorded, and not before it is sent
	}
	marked := false
	err = d.recordTxn(row, next != nil)(ctx, func(ctx context.Context) (err error) {
		if len(part.Also) > 0 {
			return d.recordMerged(ctx, row.PortalID, d.tag(part).UUIDs(), eventID)
		} else if err = d.recordToMatrix(ctx, row, row.Part, eventID); err != nil {
			return err
		}
		marked, err = d.markNext(ctx, next)
		return err
	})
	if err != nil {
		return outcomeStopped, fmt.Errorf("failed to record the delivery of %s: %w", row.SourceID, err)
	} else if marked {
		d.next = next
	}
	return outcomeDelivered, nil
}

// nextPart returns what is sent next for the row, nil if nothing is left to send. Before the first attempt it also
// returns the encoded request, part by part.
func (d *matrixDelivery) nextPart(ctx context.Context) (part *matrixPart, request []string, err error) {
	if d.row.HasRequest() {
		part, err = d.storedPart(ctx)
		return part, nil, err
	}
	parts, err := d.convert(ctx)
	if err != nil || d.row.Part >= len(parts) {
		return nil, nil, err
	}
	request = make([]string, len(parts))
	for i, part := range parts {
		data, err := json.Marshal(part)
		if err != nil {
			return nil, nil, &messageError{words.WhyUnreadable, err}
		}
		request[i] = string(data)
	}
	return parts[d.row.Part], request, nil
}

// storedPart reads a part of the request of a row that was attempted before.
func (d *matrixDelivery) storedPart(ctx context.Context) (*matrixPart, error) {
	if d.row.Part >= d.row.Parts {
		return nil, nil
	}
	data, err := d.db.Queue.Request(ctx, d.row.ID, d.row.Part)
	if err != nil {
		return nil, err
	}
	var part matrixPart
	if err = json.Unmarshal([]byte(data), &part); err != nil {
		return nil, &messageError{words.WhyBroken, err}
	}
	return &part, nil
}

func (d *matrixDelivery) tag(part *matrixPart) Tag {
	if d.row.Kind == db.KindLinked {
		return Tag{Kind: TagLinked, Portal: d.portal.ID}
	}
	return Tag{Kind: TagMessage, UUID: wazoapi.UUID(d.row.SourceID), Part: d.row.Part, Also: part.Also}
}

// transactionID identifies the sending of a part. It is the same for each attempt, also after a restart
// (docs/matrix.md, "Transaction ids"). A merged event has another one than the first of its messages alone. A "Linked"
// notice has another one than an earlier notice of the portal, because it is only queued again if the earlier one was
// not seen.
func transactionID(row *db.Row, part *matrixPart) string {
	if row.Kind == db.KindLinked {
		return fmt.Sprintf("wazo-%d-%s-%d-%d", row.PortalID, row.SourceID, row.AcceptedAt.UnixMilli(), row.ID)
	} else if len(part.Also) > 0 {
		return fmt.Sprintf("wazo-%d-%s-and-%d", row.PortalID, row.SourceID, len(part.Also))
	}
	return fmt.Sprintf("wazo-%d-%s-%d", row.PortalID, row.SourceID, row.Part)
}

// typed returns how the text of Wazo messages is read.
func (d *matrixDelivery) typed() convert.Typed {
	return convert.Typed{AsIs: d.cfg.PlainText, Texts: d.texts}
}

// convert makes the events that show the row. What has to be uploaded for them is uploaded here, so that a later
// attempt does not upload it again.
func (d *matrixDelivery) convert(ctx context.Context) (parts []*matrixPart, err error) {
	if d.row.Kind == db.KindLinked {
		return []*matrixPart{{Content: NoticeContent(d.row.Payload)}}, nil
	}
	var message wazoapi.Message
	if err = json.Unmarshal([]byte(d.row.Payload), &message); err != nil {
		return nil, &messageError{words.WhyUnreadable, err}
	}
	if d.isHistory(d.row) {
		if convert.IsEmpty(message.Content) {
			return nil, nil
		}
		return d.pastParts(ctx, message), nil
	}
	author := d.cast.author(ctx, message)
	pictures := d.typed().Pictures(message.Content)
	uploaded, err := d.uploadPictures(ctx, pictures)
	if err != nil {
		return nil, err
	}
	text := convert.WithoutPictures(d.texts, message.Content, pictures, func(i int) bool { return uploaded[i] != nil })
	if !convert.IsEmpty(text) {
		if parts, err = d.textParts(ctx, text, author, message); err != nil {
			return nil, err
		}
	}
	parts = append(parts, d.pictureParts(message, author, pictures, uploaded)...)
	if err = d.addReply(ctx, message, parts); err != nil {
		return nil, err
	}
	for _, part := range parts {
		part.As = author.user
	}
	return parts, nil
}
