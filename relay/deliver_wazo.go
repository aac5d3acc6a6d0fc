package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
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

// wazoRequest is what is posted on Wazo for a queue row. It is stored before it is sent and never changes afterwards:
// if the outcome is unknown, this is what is looked for.
type wazoRequest struct {
	Account int64  `json:"account"` // that posts
	Alias   string `json:"alias"`
	Content string `json:"content"`
	After   int64  `json:"after"` // µs, chatd's clock: the message cannot be older than this
}

// deliverToWazo delivers one row to chatd.
func (r *Relay) deliverToWazo(ctx context.Context, portal *db.Portal, row *db.Row) (err error) {
	var request *wazoRequest
	var media *db.Media // that the request links to, if it is a new one
	if row.Parts > 0 {
		if request, err = r.wazoRequest(ctx, row); err != nil {
			return err
		}
	} else if request, media, err = r.toWazo(ctx, portal, row); errors.Is(err, errEncrypted) {
		return r.awaitKey(ctx, portal, row)
	} else if errors.Is(err, convert.ErrEmpty) {
		return r.db.Queue.Delete(ctx, row.ID) // nothing that could be shown
	} else if err != nil {
		return err
	}
	if row.State == db.StateAttempted && !broken("look") {
		found, err := r.findOnWazo(ctx, portal, row, request)
		if err != nil {
			return err
		} else if found != nil {
			return r.recordToWazo(ctx, portal, row, *found, nil)
		}
	}
	if adopted, err := r.adopt(ctx, portal, row, request, media); err != nil || adopted {
		return err
	}
	data, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("failed to store the request of %s: %w", row.Source, err)
	}
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := r.keepMedia(ctx, portal, row, media); err != nil {
			return err
		}
		return r.attempt(ctx, row, string(data))
	})
	if err != nil {
		return err
	}
	message, err := r.account.api.PostMessage(ctx, wazoapi.UUID(portal.WazoRoom), wazoapi.Draft{Content: request.Content, Alias: request.Alias})
	if err != nil {
		return r.notDelivered(ctx, row, err)
	}
	return r.recordToWazo(ctx, portal, row, message, nil)
}

// wazoRequest reads the request of a row that was attempted before.
func (r *Relay) wazoRequest(ctx context.Context, row *db.Row) (*wazoRequest, error) {
	stored, err := r.db.Queue.Request(ctx, row.ID, row.Part)
	if err != nil {
		return nil, err
	}
	request := &wazoRequest{}
	if err = json.Unmarshal([]byte(stored), request); err != nil {
		return nil, &messageError{words.WhyBroken, err}
	}
	return request, nil
}

// toWazo converts a row. It also returns the file that the request links to, nil if there is none.
func (r *Relay) toWazo(ctx context.Context, portal *db.Portal, row *db.Row) (*wazoRequest, *db.Media, error) {
	request := &wazoRequest{Account: r.account.row.ID, After: max(portal.ReadUntil-overlap.Microseconds(), portal.Boundary)}
	if row.Kind == db.KindIntroduction {
		newest, err := r.newestOnWazo(ctx, portal)
		request.Content, request.After = row.Payload, newest
		return request, nil, err
	}
	var evt event.Event
	if err := json.Unmarshal([]byte(row.Payload), &evt); err != nil {
		return nil, nil, &messageError{words.WhyUnreadable, err}
	}
	if evt.Type.Type == event.EventEncrypted.Type {
		return nil, nil, errEncrypted
	}
	media, err := r.convertToWazo(ctx, portal, &evt, request)
	if err == nil && row.Late {
		err = markLate(&evt, request)
	}
	return request, media, err
}

// errEncrypted says that a row was stored encrypted: its key was not there.
var errEncrypted = errors.New("the event is encrypted")

// convertToWazo fills in what people on Wazo will read. It returns the file that this links to, nil if there is none.
func (r *Relay) convertToWazo(ctx context.Context, portal *db.Portal, evt *event.Event, request *wazoRequest) (*db.Media, error) {
	sender := convert.Sender{Name: r.matrix.MemberName(ctx, portal.MatrixRoom, evt.Sender), UserID: evt.Sender}
	name := cmp.Or(convert.CleanName(sender.Name, convert.MaxProfileBytes), evt.Sender.Localpart())
	content, err := messageContent(evt)
	if err != nil {
		return nil, &messageError{words.WhyUnreadable, err}
	}
	opts := convert.WazoOptions{
		SenderName: name,
		Sticker:    evt.Type.Type == event.EventSticker.Type,
		Names:      func(user id.UserID) string { return r.matrix.MemberName(ctx, portal.MatrixRoom, user) },
	}
	media, err := r.attachment(portal, evt, content, opts)
	if err != nil {
		return nil, err
	}
	opts.FileURL = r.mediaURL(media)
	text, err := convert.ToWazo(content, opts)
	if errors.Is(err, convert.ErrTooLarge) {
		return nil, &messageError{words.WhyTooLarge, err}
	} else if err != nil {
		return nil, err
	}
	request.Alias = r.cfg.Alias.Alias(sender)
	request.Content = wazoapi.Clean(r.cfg.Content.Render(convert.ContentData{Content: text, Name: name, UserID: evt.Sender.String()}))
	if convert.CheckSize(request.Content) != nil {
		return nil, &messageError{words.WhyTooLarge, convert.ErrTooLarge}
	}
	return media, nil
}

// messageContent parses the content of an event that says something to people.
func messageContent(evt *event.Event) (*event.MessageEventContent, error) {
	var content event.MessageEventContent
	if err := json.Unmarshal(evt.Content.VeryRaw, &content); err != nil {
		// A body is enough to be faithful to.
		var plain struct {
			Body string `json:"body"`
		}
		if json.Unmarshal(evt.Content.VeryRaw, &plain) != nil || plain.Body == "" {
			return nil, fmt.Errorf("failed to parse content: %w", err)
		}
		return &event.MessageEventContent{MsgType: event.MsgText, Body: plain.Body}, nil
	}
	return &content, nil
}

// newestOnWazo returns the time of the newest message in a room that was not read yet, 0 if there is none.
func (r *Relay) newestOnWazo(ctx context.Context, portal *db.Portal) (int64, error) {
	page, err := r.account.api.Messages(ctx, wazoapi.UUID(portal.WazoRoom), wazoapi.MessageQuery{Direction: wazoapi.Descending, Limit: 1})
	if err != nil || len(page.Items) == 0 {
		return 0, err
	}
	return page.Items[0].CreatedAt.UnixMicro(), nil
}

// findOnWazo looks for the message of a request with unknown outcome, after the time within which chatd may still store it.
// It returns nil if the message is not there.
func (r *Relay) findOnWazo(ctx context.Context, portal *db.Portal, row *db.Row, request *wazoRequest) (found *wazoapi.Message, err error) {
	if err = r.settle(ctx, row); err != nil {
		return nil, err
	}
	err = r.readHistory(ctx, r.account, wazoapi.UUID(portal.WazoRoom), request.After, func(page []wazoapi.Message) error {
		for _, m := range page {
			if found != nil || m.UserUUID != r.account.uuid() || m.Content != request.Content || m.Alias != request.Alias || m.CreatedAt.UnixMicro() <= request.After {
				continue
			}
			// Identical texts are told apart by count: each that is mapped belongs to another row.
			known, err := r.db.Message.KnowsUUID(ctx, portal.ID, string(m.UUID))
			if err != nil {
				return err
			} else if !known {
				found = &m
			}
		}
		return nil
	})
	zerolog.Ctx(ctx).Info().Str("source", row.Source).Bool("found", found != nil).AnErr("error", err).Msg("Looked for a message with unknown outcome")
	return found, err
}

// recordToWazo stores that a row is delivered as a message, and removes it from the queue. A file that the message links to is
// given if it is not stored yet.
func (r *Relay) recordToWazo(ctx context.Context, portal *db.Portal, row *db.Row, message wazoapi.Message, media *db.Media) error {
	gone := false
	err := r.db.DoTxn(ctx, func(ctx context.Context) error {
		current, err := r.db.Queue.ByID(ctx, row.ID)
		if gone = current == nil; err != nil || gone {
			return err // the link ended meanwhile
		} else if row.Kind == db.KindIntroduction {
			return r.recordIntroduction(ctx, portal, row, message)
		} else if media != nil {
			if err = r.db.Media.Put(ctx, media); err != nil {
				return err
			}
		}
		err = r.db.Message.Insert(ctx, &db.Message{
			PortalID: portal.ID, WazoUUID: string(message.UUID), EventID: id.EventID(row.Source), Author: row.Author,
			CreatedAt: message.CreatedAt.UnixMicro(), RelayedAt: time.Now().UnixMilli(),
		})
		if err != nil {
			return err
		} else if err = r.db.Orphan.Delete(ctx, portal.ID, string(message.UUID)); err != nil {
			return err
		}
		return r.db.Queue.Delete(ctx, row.ID)
	})
	switch {
	case err != nil:
		return fmt.Errorf("failed to record the delivery of %s: %w", row.Source, err)
	case row.Kind == db.KindMessage:
		r.matrix.MarkRead(portal.MatrixRoom, id.EventID(row.Source))
	case gone: // unlinked while people on Wazo were being told of the link
		portal.Boundary = message.CreatedAt.UnixMicro()
		r.sayGoodbye(portal)
	default:
		r.workers.kick(portalTask(jobCatchUp, portal.ID))
		r.workers.kick(portalTask(jobToMatrix, portal.ID))
	}
	return nil
}
