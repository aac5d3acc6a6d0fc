package relay

import (
	"context"

	"maunium.net/go/mautrix/id"
)

// maxRoomLinks is how many rooms of one message are looked up: each takes a few requests.
const maxRoomLinks = 5

// roomNames returns what names the rooms to which a message links. A room is only named if the sender of the message
// has joined it, so that nobody learns from the bot what a room is called that they are not in. The bot speaks for
// everybody on Wazo, so that it names none for them.
func (d *wazoDelivery) roomNames(ctx context.Context, sender id.UserID) func(string) string {
	if sender == d.matrix.UserID() {
		return nil
	}
	known := make(map[string]string)
	return func(room string) string {
		name, ok := known[room]
		if !ok && len(known) < maxRoomLinks {
			lookup, cancel := lookupContext(ctx, relationTimeout)
			defer cancel()
			name = d.matrix.SharedRoomName(lookup, room, sender)
			known[room] = name
		}
		return name
	}
}
