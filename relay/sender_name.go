package relay

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
)

// SenderName is how the sender of an event was called in the room when they sent it. It is stored with the event,
// because they may be called otherwise, or be gone, when the event is delivered.
type SenderName struct {
	Name   string `json:"name"`             // the display name, "" if there was none
	Shared bool   `json:"shared,omitempty"` // others in the room were called the same
}

// senderNameKey is the key of a SenderName in a stored event. The sender cannot write it: it is no part of the content.
const senderNameKey = "io.wazo.relay.sender"

// storedEvent is the payload of a row for an event. The name is nil if it is not known.
func storedEvent(evt *event.Event, name *SenderName) (string, error) {
	data, err := json.Marshal(evt)
	if err == nil && name != nil {
		data, err = withKey(data, senderNameKey, name)
	}
	if err != nil {
		return "", fmt.Errorf("failed to store event %s: %w", evt.ID, err)
	}
	return string(data), nil
}

// withKey adds a key to a JSON object.
func withKey(object []byte, key string, value any) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	fields[key] = encoded
	return json.Marshal(fields)
}

// storedSenderName returns the name in the payload of a row, nil if there is none: the event was accepted by an earlier
// version, or its sender was not known.
func storedSenderName(payload string) *SenderName {
	var stored struct {
		Name *SenderName `json:"io.wazo.relay.sender"`
	}
	if json.Unmarshal([]byte(payload), &stored) != nil {
		return nil
	}
	return stored.Name
}

// sender returns who is named on Wazo as the sender of the row.
func (d *wazoDelivery) sender(ctx context.Context, evt *event.Event) convert.Sender {
	return d.senderOf(ctx, d.row, evt.Sender)
}

// senderOf returns who is named on Wazo as the sender of a row. If the row does not say how they were called, it is how
// they are called now.
func (d *wazoDelivery) senderOf(ctx context.Context, row *db.Row, user id.UserID) convert.Sender {
	if name := storedSenderName(row.Payload); name != nil {
		return convert.Sender{Name: name.Name, UserID: user, Shared: name.Shared}
	}
	return d.senderNow(ctx, user)
}

// senderNow returns how a person is called in the Matrix room now.
func (d *wazoDelivery) senderNow(ctx context.Context, user id.UserID) convert.Sender {
	sender := convert.Sender{Name: d.matrix.MemberName(ctx, d.portal.MatrixRoom, user), UserID: user}
	members, err := d.matrix.Members(ctx, d.portal.MatrixRoom)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up the members of a room") // a message is worth more
	}
	for other, member := range members {
		sender.Shared = sender.Shared || other != user && matrixName(other, member) == matrixName(user, Member{Name: sender.Name})
	}
	return sender
}
