package wazoapi

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Names of the events that are subscribed to (docs/wazo.md, "Chat events").
const (
	eventMessageCreated = "chatd_user_room_message_created"
	eventRoomCreated    = "chatd_user_room_created"
	eventExpireSoon     = "auth_session_expire_soon"
)

// Names of the events of the plugin (docs/wazo.md, "Events of the plugin").
const (
	eventReactionCreated = "chatd_user_room_message_reaction_created"
	eventReactionDeleted = "chatd_user_room_message_reaction_deleted"
	eventReplyCreated    = "chatd_user_room_message_reply_created"
)

// frame is what wazo-websocketd sends in protocol version 2
// (docs/wazo.md, "Frames").
type frame struct {
	Op   string          `json:"op"`
	Data json.RawMessage `json:"data"`
}

// envelope is the data of an event frame (docs/wazo.md, "Event envelope").
type envelope struct {
	Name string          `json:"name"`
	ACL  string          `json:"required_acl"` // the right that an account needs to hear of it
	Data json.RawMessage `json:"data"`
}

// command is what the client sends. Values in Data must be strings.
type command struct {
	Op   string            `json:"op"`
	Data map[string]string `json:"data,omitempty"`
}

// event is the content of a frame, as far as this package uses it: at most one
// field is set. Many of them may wait in a queue, so it is small.
type event struct {
	started    bool
	subscribed bool
	message    *Message
	room       *Room
	expires    *UUID // a session that ends soon
	plugin     *pluginEvent
	presence   *UUID // whose presence was updated
	outside    *outsideEvent
}

// pluginEvent is an event of the plugin: a reaction, a reply, or the name of one
// that has an unknown form.
type pluginEvent struct {
	reaction   *Reaction
	removed    bool // the reaction is no more
	reply      *Reply
	unreadable string
}

// parseFrame reads a frame. Frames and events of other kinds give the zero
// event; an error means that the frame, or an event that is needed, has a form
// that this program doesn't understand. Errors don't quote contents.
func parseFrame(data []byte) (event, error) {
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		return event{}, errors.New("unreadable frame: not a JSON object with op and data")
	}
	switch f.Op {
	case "start":
		return event{started: true}, nil
	case "subscribe":
		return event{subscribed: true}, nil
	case "event":
		return parseEvent(f.Data)
	default: // init, token, pong and what may come
		return event{}, nil
	}
}

func parseEvent(data json.RawMessage) (event, error) {
	var env envelope
	if err := json.Unmarshal(data, &env); err != nil {
		return event{}, errors.New("unreadable event: not a JSON object with name and data")
	}
	var ev event
	var err error
	switch env.Name {
	case eventMessageCreated:
		ev.message = new(Message)
		err = json.Unmarshal(env.Data, ev.message)
	case eventRoomCreated:
		ev.room, err = parseRoom(env.Data)
	case eventExpireSoon:
		var session struct {
			UUID UUID `json:"uuid"`
		}
		if err = json.Unmarshal(env.Data, &session); session.UUID != "" {
			ev.expires = &session.UUID
		}
	case eventPresenceUpdated:
		ev.presence = parsePresenceEvent(env.Data)
	case eventDeliveryStatus, eventIdentityCreated, eventIdentityUpdated, eventIdentityDeleted:
		ev.outside = parseOutsideEvent(env)
	case eventReactionCreated, eventReactionDeleted, eventReplyCreated:
		ev.plugin = parsePluginEvent(env)
	}
	if err != nil {
		return event{}, fmt.Errorf("unreadable event %s: %w", env.Name, err)
	}
	return ev, nil
}

// parsePluginEvent never fails: a message must not be lost because the plugin has
// another version.
func parsePluginEvent(env envelope) *pluginEvent {
	var ev pluginEvent
	var err error
	if env.Name == eventReplyCreated {
		ev.reply = new(Reply)
		err = json.Unmarshal(env.Data, ev.reply)
	} else {
		ev.reaction, ev.removed = new(Reaction), env.Name == eventReactionDeleted
		err = json.Unmarshal(env.Data, ev.reaction)
	}
	if err != nil {
		return &pluginEvent{unreadable: env.Name}
	}
	return &ev
}

func parseRoom(data json.RawMessage) (*Room, error) {
	room := new(Room)
	if err := json.Unmarshal(data, room); err != nil {
		return nil, err
	}
	if room.UUID == "" {
		return nil, errors.New("room without uuid")
	}
	return room, nil
}
