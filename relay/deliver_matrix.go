package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// linkedSource is the source of the row that carries a portal's "Linked" notice.
const linkedSource = "linked"

// matrixPart is one event that is sent for a queue row.
type matrixPart struct {
	Content json.RawMessage `json:"content"`           // of m.room.message
	Instead json.RawMessage `json:"instead,omitempty"` // see Outgoing.Instead
}

// deliverToMatrix delivers the next part of one row.
func (r *Relay) deliverToMatrix(ctx context.Context, portal *db.Portal, row *db.Row) (err error) {
	var request []string
	parts := row.Parts
	if parts == 0 {
		if request, err = r.toMatrix(ctx, portal, row); err != nil {
			return err
		}
		parts = len(request)
	}
	if row.Part >= parts {
		r.uploads.forget(portal.ID)
		return r.db.DoTxn(ctx, func(ctx context.Context) error { return r.recordNothing(ctx, row) })
	}
	if row.State == db.StateAttempted && !broken("look") {
		if arrived, err := r.arrivedOnMatrix(ctx, row); err != nil || arrived {
			return err
		}
	}
	if err = r.attempt(ctx, row, request...); err != nil {
		return err
	}
	r.uploads.forget(portal.ID)
	part, err := r.matrixPart(ctx, row, request)
	if err != nil {
		return err
	}
	out := Outgoing{Type: event.EventMessage, Content: part.Content, Instead: part.Instead, Tag: r.tag(portal, row)}
	eventID, err := r.matrix.Send(ctx, portal.MatrixRoom, out, transactionID(row))
	if err != nil {
		return r.notDelivered(ctx, row, err)
	}
	err = r.db.DoTxn(ctx, func(ctx context.Context) error { return r.recordToMatrix(ctx, row, row.Part, eventID) })
	if err != nil {
		return fmt.Errorf("failed to record the delivery of %s: %w", row.Source, err)
	}
	return nil
}

// matrixPart returns the part of a row that is sent next: of the request that was just made, or (nil) of the stored one.
func (r *Relay) matrixPart(ctx context.Context, row *db.Row, request []string) (part matrixPart, err error) {
	data := ""
	if request != nil {
		data = request[row.Part]
	} else if data, err = r.db.Queue.Request(ctx, row.ID, row.Part); err != nil {
		return part, err
	}
	if err = json.Unmarshal([]byte(data), &part); err != nil {
		return part, &messageError{words.WhyBroken, err}
	}
	return part, nil
}

// transactionID is the same for each attempt to send a part (docs/matrix.md, "Transaction ids").
func transactionID(row *db.Row) string {
	return fmt.Sprintf("wazo-%d-%s-%d", row.PortalID, row.Source, row.Part)
}

func (r *Relay) tag(portal *db.Portal, row *db.Row) Tag {
	if row.Kind == db.KindLinked {
		return Tag{Kind: TagLinked, Portal: portal.ID}
	}
	return Tag{Kind: TagMessage, UUID: wazoapi.UUID(row.Source), Part: row.Part}
}

// toMatrix converts a row to encoded parts. What has to be uploaded for it is uploaded here, so that it is not again with each
// attempt.
func (r *Relay) toMatrix(ctx context.Context, portal *db.Portal, row *db.Row) ([]string, error) {
	parts, err := r.matrixParts(ctx, portal, row)
	if err != nil {
		return nil, err
	}
	request := make([]string, len(parts))
	for i, part := range parts {
		data, err := json.Marshal(part)
		if err != nil {
			return nil, &messageError{words.WhyUnreadable, err}
		}
		request[i] = string(data)
	}
	return request, nil
}

func (r *Relay) matrixParts(ctx context.Context, portal *db.Portal, row *db.Row) (parts []matrixPart, err error) {
	if row.Kind == db.KindLinked {
		content := convert.ToMatrix(row.Payload)
		content.MsgType = event.MsgNotice
		data, err := json.Marshal(content)
		return []matrixPart{{Content: data}}, err
	}
	var message wazoapi.Message
	if err = json.Unmarshal([]byte(row.Payload), &message); err != nil {
		return nil, &messageError{words.WhyUnreadable, err}
	}
	name := r.senderName(ctx, message)
	pictures := convert.Pictures(message.Content)
	uploaded, err := r.uploadPictures(ctx, portal.MatrixRoom, row, pictures)
	if err != nil {
		return nil, err
	}
	text := convert.WithoutPictures(message.Content, pictures, func(i int) bool { return uploaded[i] != nil })
	if text != "" || len(pictures) == 0 {
		for _, part := range convert.Split(text) {
			data, err := profiled(convert.ToMatrix(part), message, name)
			if err != nil {
				return nil, &messageError{words.WhyUnreadable, err}
			}
			parts = append(parts, matrixPart{Content: data})
		}
	}
	shown, err := pictureParts(message, name, pictures, uploaded)
	if err != nil {
		return nil, &messageError{words.WhyUnreadable, err}
	}
	return append(parts, shown...), nil
}

// nameTimeout is how long a message waits for its sender's name: a message without the right name is better than none.
const nameTimeout = 5 * time.Second

// senderName is how a Wazo author is called: as in the directory, else by alias, else by a short form of the uuid.
func (r *Relay) senderName(ctx context.Context, message wazoapi.Message) string {
	lookup, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	names, err := r.names.Names(lookup, message.UserUUID)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up a name in the directory")
	}
	if name := convert.CleanName(names[message.UserUUID], convert.MaxProfileBytes); name != "" {
		return name
	}
	if name := convert.CleanName(message.Alias, convert.MaxProfileBytes); name != "" {
		return name
	}
	return convert.ShortUUID(string(message.UserUUID))
}

// parkedName names the author of a row that could perhaps not even be parsed.
func (r *Relay) parkedName(ctx context.Context, row *db.Row) string {
	var message wazoapi.Message
	if json.Unmarshal([]byte(row.Payload), &message) != nil {
		message.UserUUID = wazoapi.UUID(row.Author)
	}
	return r.senderName(ctx, message)
}

// arrivedOnMatrix finds out whether an attempt with unknown outcome arrived: its echo comes with /sync, or with the gap that
// /sync leaves, and is recorded there.
func (r *Relay) arrivedOnMatrix(ctx context.Context, row *db.Row) (bool, error) {
	if err := r.settle(ctx, row); err != nil {
		return false, err
	}
	ctx, cancel := r.workers.untilStop(ctx)
	defer cancel()
	if err := r.matrix.Resync(ctx); err != nil {
		return false, fmt.Errorf("failed to wait for the next sync: %w", err)
	} else if err = r.fillGaps(ctx, row.PortalID); err != nil {
		return false, err
	}
	current, err := r.db.Queue.ByID(ctx, row.ID)
	arrived := current == nil || current.Part != row.Part
	zerolog.Ctx(ctx).Info().Str("source", row.Source).Bool("found", arrived).AnErr("error", err).Msg("Looked for an event with unknown outcome")
	return arrived, err
}

// recordToMatrix stores, within a transaction, that a part is delivered as an event. The row leaves with its last part.
// A part that is recorded already is left alone.
func (r *Relay) recordToMatrix(ctx context.Context, row *db.Row, part int, eventID id.EventID) error {
	current, err := r.db.Queue.ByID(ctx, row.ID)
	if err != nil || current == nil || current.Part != part {
		return err
	}
	if current.Kind == db.KindLinked {
		return r.db.Queue.Delete(ctx, row.ID)
	}
	err = r.db.Message.Insert(ctx, &db.Message{
		PortalID: current.PortalID, WazoUUID: current.Source, Part: part, EventID: eventID, Author: current.Author, CreatedAt: current.Position, RelayedAt: time.Now().UnixMilli(),
	})
	if err != nil {
		return err
	}
	// Without a request it was sent by a later state of this database: how many parts there are is found when the row's turn
	// comes.
	if current.Parts == 0 || part+1 < current.Parts {
		return r.db.Queue.SetPart(ctx, row.ID, part+1)
	}
	return r.db.Queue.Delete(ctx, row.ID)
}

// recordNothing stores that there was nothing to show of a message, so that history does not bring it again.
func (r *Relay) recordNothing(ctx context.Context, row *db.Row) error {
	err := r.db.Message.Insert(ctx, &db.Message{PortalID: row.PortalID, WazoUUID: row.Source, Author: row.Author, CreatedAt: row.Position, RelayedAt: time.Now().UnixMilli()})
	if err != nil {
		return err
	}
	return r.db.Queue.Delete(ctx, row.ID)
}
