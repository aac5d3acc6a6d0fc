package wazoapi

import (
	"encoding/json"
	"errors"
	"time"
)

// Message is one message of a chatd room (docs/wazo.md, "Messages"). It does not tell
// what it answers, or who reacted to it: see [Reply] and [Reaction].
type Message struct {
	UUID       UUID
	Content    string
	Alias      string // "" also when Wazo has null
	UserUUID   UUID   // the author, who need not be a member of the room
	TenantUUID UUID
	WazoUUID   UUID
	CreatedAt  time.Time // on chatd's clock, in UTC, in whole microseconds
	Room       UUID
	Delivery   Delivery // zero for a message that stays inside Wazo
}

// Draft is a message that is to be posted. Content may be empty. Together with
// the keys of the request it may have 1 MiB of JSON
// (docs/wazo.md, "Redirects and limits of nginx").
type Draft struct {
	Content string
	Alias   string // the name shown as the author's; at most 256 code points; "" sends none
	// Identity is the number that the message is sent from to somebody outside Wazo:
	// the UUID of one of [Account.Identities]. It must be "" in rooms without
	// [Room.Outside], where it would turn the message into a paid text message.
	Identity UUID
}

// Direction is the order of messages by creation time.
type Direction string

// The two directions; the zero value leaves the choice to chatd, which takes
// Descending.
const (
	Ascending  Direction = "asc"
	Descending Direction = "desc"
)

// MessageQuery selects messages of a room or of all rooms. Its zero value
// selects all messages, newest first (docs/wazo.md, "Read history").
type MessageQuery struct {
	From      time.Time // inclusive; the zero time means from the beginning
	Direction Direction
	Limit     int    // number of messages; 0 means no limit: chatd sends all of them
	Offset    int    // number of messages that are left out at the beginning
	Search    string // words that must occur in this order; % and _ are wildcards
}

// MessagePage is the answer to a MessageQuery.
type MessagePage struct {
	Items    []Message
	Filtered int // number of messages that match From and Search, whatever Limit and Offset
	Total    int // number of all visible messages
}

// UnmarshalJSON reads a message of any version of chatd: unknown and missing
// keys are no error, but its uuid, author, time and room must be there.
func (m *Message) UnmarshalJSON(data []byte) error {
	var raw struct {
		UUID       UUID     `json:"uuid"`
		Content    string   `json:"content"`
		Alias      string   `json:"alias"`
		UserUUID   UUID     `json:"user_uuid"`
		TenantUUID UUID     `json:"tenant_uuid"`
		WazoUUID   UUID     `json:"wazo_uuid"`
		CreatedAt  wazoTime `json:"created_at"`
		Room       struct {
			UUID UUID `json:"uuid"`
		} `json:"room"`
		Delivery Delivery `json:"delivery"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	switch {
	case raw.UUID == "":
		return errors.New("message without uuid")
	case raw.UserUUID == "":
		return errors.New("message without author")
	case raw.CreatedAt.IsZero():
		return errors.New("message without time")
	case raw.Room.UUID == "":
		return errors.New("message without room")
	}
	*m = Message{
		UUID: raw.UUID, Content: raw.Content, Alias: raw.Alias,
		UserUUID: raw.UserUUID, TenantUUID: raw.TenantUUID, WazoUUID: raw.WazoUUID,
		CreatedAt: raw.CreatedAt.Time, Room: raw.Room.UUID, Delivery: raw.Delivery,
	}
	return nil
}

// MarshalJSON writes a message in chatd's form, so that a stored message reads
// like a received one.
func (m Message) MarshalJSON() ([]byte, error) {
	fields := map[string]any{
		"uuid": m.UUID, "content": m.Content, "alias": m.Alias,
		"user_uuid": m.UserUUID, "tenant_uuid": m.TenantUUID, "wazo_uuid": m.WazoUUID,
		"created_at": formatTime(m.CreatedAt), "room": map[string]UUID{"uuid": m.Room},
	}
	if m.Delivery != (Delivery{}) {
		fields["delivery"] = m.Delivery
	}
	return json.Marshal(fields)
}
