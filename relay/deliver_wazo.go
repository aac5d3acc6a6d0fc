package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// wazoDelivery is the delivery of one row to Wazo.
type wazoDelivery struct {
	*Relay
	portal *db.Portal
	row    *db.Row
}

// wazoRequest is what is posted on Wazo for a queue row. It is stored before it is sent and never changes afterwards: if the
// outcome is unknown, this is what the history is searched for.
type wazoRequest struct {
	Account int64       `json:"account"` // that posts
	Alias   string      `json:"alias"`
	Content string      `json:"content"`
	After   db.WazoTime `json:"after"` // the message cannot be older than this

	media   *db.Media // the file that a new request links to, nil if there is none
	forms   []string  // what Content of a new request would be if the message were late, and if it were not
	written time.Time // when the message of a new request was written
}

// run delivers the row.
func (d *wazoDelivery) run(ctx context.Context) (outcome, error) {
	row := d.row
	request, encrypted, err := d.request(ctx)
	switch {
	case errors.Is(err, convert.ErrEmpty):
		_, err = d.db.Queue.Delete(ctx, row.ID) // there is nothing that could be shown
		return outcomeChanged, err
	case err != nil:
		return outcomeStopped, err
	case encrypted != nil:
		return d.awaitKey(ctx, encrypted)
	}
	if row.State == db.StateAttempted && !sabotaged("reconcile") {
		if found, err := d.findOnWazo(ctx, request); err != nil {
			return outcomeStopped, err
		} else if found != nil {
			return outcomeDelivered, d.recordFound(ctx, *found, nil)
		}
	}
	if orphan, err := d.findOrphan(ctx, request); err != nil {
		return outcomeStopped, err
	} else if orphan != nil {
		return outcomeDelivered, d.recordFound(ctx, *orphan, request.media)
	} else if err = d.markOvertaken(ctx, request); err != nil {
		return outcomeStopped, err
	}
	if there, err := d.attempt(ctx, request); err != nil {
		return outcomeStopped, err
	} else if !there {
		return outcomeChanged, nil
	}
	message, err := d.account.api.PostMessage(ctx, wazoapi.UUID(d.portal.WazoRoom), wazoapi.Draft{Content: request.Content, Alias: request.Alias})
	if err != nil {
		return outcomeStopped, d.attemptFailed(ctx, row, err)
	}
	return outcomeDelivered, d.recordToWazo(ctx, message)
}

// request returns what is posted for the row: the stored request if there is one, else a new one. If the row cannot be read
// because its key is missing, it returns the encrypted event instead.
func (d *wazoDelivery) request(ctx context.Context) (request *wazoRequest, encrypted *event.Event, err error) {
	if d.row.HasRequest() {
		request, err = d.storedRequest(ctx)
		return request, nil, err
	} else if d.row.Kind == db.KindIntroduction {
		request, err = d.introduction(ctx)
		return request, nil, err
	}
	evt := &event.Event{}
	if err = json.Unmarshal([]byte(d.row.Payload), evt); err != nil {
		return nil, nil, &messageError{words.WhyUnreadable, err}
	} else if evt.Type.Type == event.EventEncrypted.Type {
		return nil, evt, nil
	}
	if edits, err := d.editsCommand(ctx, evt); err != nil {
		return nil, nil, err
	} else if edits {
		return nil, nil, convert.ErrEmpty
	}
	request, err = d.convert(ctx, evt)
	return request, nil, err
}

// storedRequest reads the request of a row that was attempted before.
func (d *wazoDelivery) storedRequest(ctx context.Context) (*wazoRequest, error) {
	stored, err := d.db.Queue.Request(ctx, d.row.ID, d.row.Part)
	if err != nil {
		return nil, err
	}
	request := &wazoRequest{}
	if err = json.Unmarshal([]byte(stored), request); err != nil {
		return nil, &messageError{words.WhyBroken, err}
	}
	return request, nil
}

// introduction is the request of the message that starts a link on Wazo.
func (d *wazoDelivery) introduction(ctx context.Context) (*wazoRequest, error) {
	newest, err := d.newestOnWazo(ctx)
	return &wazoRequest{Account: d.account.row.ID, Content: d.row.Payload, After: newest}, err
}

// attempt stores the request, with the file that it links to, before it is sent: a link must not be posted before it leads
// somewhere. It reports false if the row has changed.
func (d *wazoDelivery) attempt(ctx context.Context, request *wazoRequest) (there bool, err error) {
	data, err := json.Marshal(request)
	if err != nil {
		return false, fmt.Errorf("failed to store the request of %s: %w", d.row.SourceID, err)
	}
	isNew := !d.row.HasRequest()
	err = d.db.DoTxn(ctx, func(ctx context.Context) error {
		there, err = d.markAttempted(ctx, d.row, string(data))
		if err != nil || !there {
			return err
		} else if isNew && request.media != nil {
			return d.db.Media.Put(ctx, request.media)
		} else if !isNew {
			return d.extendMedia(ctx)
		}
		return nil
	})
	return there, err
}

// convert makes the request for an event: what people on Wazo will read.
func (d *wazoDelivery) convert(ctx context.Context, evt *event.Event) (*wazoRequest, error) {
	memberName := func(user id.UserID) string { return d.matrix.MemberName(ctx, d.portal.MatrixRoom, user) }
	sender := d.sender(ctx, evt)
	name := cmp.Or(convert.CleanName(sender.Name, convert.MaxProfileBytes), evt.Sender.Localpart())
	content, err := messageContent(evt)
	if err != nil {
		return nil, &messageError{words.WhyUnreadable, err}
	}
	opts := convert.WazoOptions{SenderName: name, Sticker: evt.Type.Type == event.EventSticker.Type, Names: memberName}
	media, err := d.attachment(evt, content, opts)
	if err != nil {
		return nil, err
	}
	opts.FileURL = d.mediaURL(media)
	text, err := convert.ToWazo(content, opts)
	if errors.Is(err, convert.ErrTooLarge) {
		return nil, &messageError{words.WhyTooLarge, err}
	} else if err != nil {
		return nil, err
	}
	text = wazoapi.Clean(d.cfg.Content.Render(convert.ContentData{Content: text, Name: sender.DisplayName(), UserID: evt.Sender.String()}))
	late := d.texts.Late(time.UnixMilli(evt.Timestamp)) + "\n\n" + text // what follows may begin with a block that must stand on its own
	forms := []string{late, text}
	if d.row.Late {
		text = late
	}
	if convert.CheckSize(text) != nil {
		return nil, &messageError{words.WhyTooLarge, convert.ErrTooLarge}
	}
	return &wazoRequest{
		Account: d.account.row.ID, Alias: d.cfg.Alias.Alias(sender), Content: text, After: readFrom(d.portal), media: media,
		forms: forms, written: time.UnixMilli(evt.Timestamp),
	}, nil
}

// messageContent parses the content of an event that says something to people.
func messageContent(evt *event.Event) (*event.MessageEventContent, error) {
	if isPoll(evt) {
		if poll := convert.Poll(evt.Content.Raw); poll != nil {
			return poll, nil
		}
	}
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
