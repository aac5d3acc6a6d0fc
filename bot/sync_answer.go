package bot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// syncAnswer is an answer of /sync (client-server API, "Syncing"), parsed only as far as it is sure to succeed: what a
// stranger wrote is parsed event by event.
type syncAnswer struct {
	NextBatch   string              `json:"next_batch"`
	ToDevice    rawEvents           `json:"to_device"`
	DeviceLists mautrix.DeviceLists `json:"device_lists"`
	OTKCount    mautrix.OTKCount    `json:"device_one_time_keys_count"`
	Rooms       struct {
		Join   map[id.RoomID]joinedRoom  `json:"join"`
		Leave  map[id.RoomID]joinedRoom  `json:"leave"`
		Invite map[id.RoomID]invitedRoom `json:"invite"`
	} `json:"rooms"`
}

type rawEvents struct {
	Events []json.RawMessage `json:"events"`
}

type joinedRoom struct {
	State    rawEvents `json:"state"`
	Timeline struct {
		rawEvents
		Limited   bool   `json:"limited"`
		PrevBatch string `json:"prev_batch"`
	} `json:"timeline"`
}

type invitedRoom struct {
	State rawEvents `json:"invite_state"`
}

// parseEvent parses one event. On error it returns what could be understood of it, at least an event that is not nil.
func parseEvent(raw json.RawMessage, roomID id.RoomID) (*event.Event, error) {
	evt := &event.Event{}
	if err := json.Unmarshal(raw, evt); err != nil {
		var known struct {
			ID id.EventID `json:"event_id"`
		}
		_ = json.Unmarshal(raw, &known) // an unusable id is no id
		return &event.Event{ID: known.ID, RoomID: roomID}, fmt.Errorf("failed to parse event: %w", err)
	}
	evt.RoomID = roomID
	if evt.ID == "" || evt.Sender == "" {
		return evt, fmt.Errorf("event without id or sender")
	}
	if evt.Content.Raw == nil {
		return evt, fmt.Errorf("event without content")
	}
	evt.Type.Class = event.MessageEventType
	if evt.StateKey != nil {
		evt.Type.Class = event.StateEventType
	}
	return evt, nil
}

// ownRemoval stands for the bot's leaving a room: the answer need not hold an event for it.
func ownRemoval(roomID id.RoomID, batch string) *event.Event {
	return &event.Event{ID: syntheticID("removal", roomID, batch), RoomID: roomID, Type: event.StateMember}
}

// syntheticID makes up the id of an event that has none. It is the same when the same answer comes again.
func syntheticID(what string, roomID id.RoomID, batch string) id.EventID {
	sum := sha256.Sum256([]byte(what + "\n" + roomID.String() + "\n" + batch))
	return id.EventID(what + ":" + hex.EncodeToString(sum[:16]))
}
