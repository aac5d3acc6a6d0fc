package bot

import (
	"encoding/json"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// noteConversation notes what an event of a room's state or timeline says about the room of a conversation: that the
// bot has made it, and who is there.
func (r *receiver) noteConversation(sync *relay.RoomSync, evt *event.Event) {
	if evt.StateKey == nil {
		return
	}
	switch evt.Type.Type {
	case relay.MarkerType.Type:
		var marker relay.RoomMarker
		// Only the bot sends state as the bot: what anybody else marks is not its room.
		if evt.Sender == r.userID && json.Unmarshal(evt.Content.VeryRaw, &marker) == nil && string(marker.WazoRoom) == *evt.StateKey {
			sync.Marker = &marker
		}
	case event.StateMember.Type:
		membership, _ := evt.Content.Raw["membership"].(string)
		sync.Members = append(sync.Members, relay.MemberChange{User: id.UserID(*evt.StateKey), Membership: event.Membership(membership)})
	}
}
