package bot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// Event implements relay.Matrix.
func (b *Bot) Event(ctx context.Context, roomID id.RoomID, eventID id.EventID) (*relay.Event, error) {
	var raw json.RawMessage
	err := b.ask(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		_, err := b.client.MakeFullRequest(ctx, mautrix.FullRequest{
			Method: http.MethodGet, URL: b.client.BuildClientURL("v3", "rooms", roomID, "event", eventID), ResponseJSON: &raw,
		})
		return translated(err)
	})
	var failure *relay.MatrixError
	if errors.As(err, &failure) && (failure.Status == http.StatusNotFound || failure.Status == http.StatusForbidden) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	evt := b.receiver.receiveEvent(ctx, raw, roomID, false)
	evt.Replaced = isReplaced(raw)
	if evt.ParseError == nil && evt.Type.Type == event.EventEncrypted.Type && evt.Sender == b.UserID() {
		// What the bot itself has sent is not decrypted when it comes with /sync.
		if decrypted, err := b.decryption.decrypt(ctx, evt.Event); err == nil {
			evt.Event = decrypted
		}
	}
	return &evt, nil
}

// isReplaced reports whether the homeserver has put an edit in the place of an event's content (docs/matrix.md, "Edited
// events").
func isReplaced(raw json.RawMessage) bool {
	var evt struct {
		Type     string `json:"type"`
		Unsigned struct {
			Relations struct {
				Edit map[string]json.RawMessage `json:"m.replace"`
			} `json:"m.relations"`
		} `json:"unsigned"`
	}
	if json.Unmarshal(raw, &evt) != nil || evt.Unsigned.Relations.Edit == nil || evt.Type == event.EventEncrypted.Type {
		return false
	}
	return evt.Unsigned.Relations.Edit["content"] == nil
}
