package relay

import (
	"context"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// Rooms is what the core needs of the Matrix side to open conversations. All errors of the homeserver and of the way to
// it are of type *MatrixError. The homeserver's rate limits on rooms and invitations are waited out, and nothing else
// waits for them.
type Rooms interface {
	// MakeRoom makes a private room with the bot in it and nobody else. After an error with unknown outcome the room
	// may have been made: then /sync brings it with its marker.
	MakeRoom(ctx context.Context, plan RoomPlan) (id.RoomID, error)
	// Invite invites a person to a room, to a direct chat if direct is true.
	Invite(ctx context.Context, room id.RoomID, user id.UserID, direct bool) error
	// Remove removes a person from a room, or takes an invitation back. The reason is shown to people.
	Remove(ctx context.Context, room id.RoomID, user id.UserID, reason string) error
	// SetRoomName names a room.
	SetRoomName(ctx context.Context, room id.RoomID, name string) error
	// RoomTopic returns a room's topic, "" if there is none.
	RoomTopic(ctx context.Context, room id.RoomID) (string, error)
	// SetRoomTopic sets a room's topic.
	SetRoomTopic(ctx context.Context, room id.RoomID, topic string) error
}

// RoomPlan is a Matrix room that is to be made.
type RoomPlan struct {
	Name, Topic string
	Encrypted   bool
	Marker      RoomMarker
}

// MarkerType is the type of the state event that marks a Matrix room as that of a conversation on Wazo. Its state key
// is the uuid of the Wazo room, and its content is a RoomMarker. The bot sends it when it makes the room, so that a
// room whose making was not recorded is recognized when /sync brings it.
var MarkerType = event.Type{Type: "io.wazo.relay.portal", Class: event.StateEventType}

// RoomMarker says for which Wazo room the bot has made a Matrix room, and what the portal needs to know.
type RoomMarker struct {
	WazoRoom wazoapi.UUID `json:"wazo_room"`
	Title    string       `json:"title"`
	Direct   bool         `json:"direct,omitempty"` // the Wazo room has two members
	From     db.WazoTime  `json:"from"`             // µs: just before the first message that is shown
	Until    db.WazoTime  `json:"until"`            // µs: messages up to this time are history

	Participant wazoapi.UUID `json:"participant,omitempty"` // the member of the Wazo room who is outside Wazo; empty: there is none
	Number      string       `json:"number,omitempty"`      // and their telephone number
}

// MemberChange is that somebody came into a Matrix room, was invited, or left.
type MemberChange struct {
	User       id.UserID
	Membership event.Membership
}
