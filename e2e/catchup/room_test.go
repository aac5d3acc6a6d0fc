package catchup

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"maunium.net/go/mautrix/id"
)

// inviteBot lets the admin, who made the room, invite the bot.
func (h *homeserver) inviteBot() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.invited = true
	h.changes.Announce()
}

// adminSays adds a text of the admin to the room.
func (h *homeserver) adminSays(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.add("m.room.message", adminUser, object{"content": object{"msgtype": "m.text", "body": text}})
}

// add appends an event to the timeline: fields are those that not all events
// have. The lock is held.
func (h *homeserver) add(eventType string, sender id.UserID, fields object) id.EventID {
	eventID := id.EventID(fmt.Sprintf("$event-%d", len(h.events)))
	event := object{
		"type": eventType, "event_id": eventID, "sender": sender, "room_id": room,
		"origin_server_ts": time.Now().UnixMilli(), "unsigned": object{"age": 0},
	}
	for name, value := range fields {
		event[name] = value
	}
	h.events = append(h.events, toJSON(event))
	h.changes.Announce()
	return eventID
}

// member is a membership as an event; that of the bot's join is in the timeline.
func member(user id.UserID, membership string) object {
	return object{
		"type": "m.room.member", "state_key": user, "sender": adminUser, "event_id": "$member-" + user.String(),
		"content": object{"membership": membership},
	}
}

func (h *homeserver) join(r *http.Request) any {
	if !h.invited || h.foreign(r) {
		return refusal{http.StatusForbidden, "M_FORBIDDEN"}
	}
	if !h.joined {
		h.joined, h.joinAt = true, len(h.events)
		h.add("m.room.member", botUser, object{
			"state_key": botUser, "content": object{"membership": "join"},
			"unsigned": object{"prev_content": object{"membership": "invite"}},
		})
	}
	return object{"room_id": room}
}

// foreign reports whether a request is about another room than the only one.
func (h *homeserver) foreign(r *http.Request) bool { return id.RoomID(r.PathValue("room")) != room }

// send stores an event once for each transaction id, and lets it come back with
// /sync.
func (h *homeserver) send(r *http.Request) any {
	if !h.joined || h.foreign(r) {
		return refusal{http.StatusForbidden, "M_FORBIDDEN"}
	}
	txn := r.PathValue("txn")
	if known, ok := h.sent[txn]; ok {
		return object{"event_id": known}
	}
	var content json.RawMessage
	h.read(r, &content)
	h.note(content)
	eventID := h.add(r.PathValue("type"), botUser, object{
		"content": content, "unsigned": object{"age": 0, "transaction_id": txn},
	})
	h.sent[txn] = eventID
	return object{"event_id": eventID}
}

// note tells what the bot says itself from what it relays.
func (h *homeserver) note(content json.RawMessage) {
	var text struct {
		Type string `json:"msgtype"`
		Body string `json:"body"`
	}
	if err := json.Unmarshal(content, &text); err != nil {
		h.t.Errorf("the bot sent %s: %v", content, err)
	}
	if text.Type == "m.notice" {
		h.notices = append(h.notices, text.Body)
	} else {
		h.relayed = append(h.relayed, text.Body)
	}
}

func (h *homeserver) receipt(*http.Request) any { return object{} }

func (h *homeserver) readState(r *http.Request) any {
	content, ok := h.state[r.PathValue("type")]
	switch {
	case !h.joined || h.foreign(r):
		return refusal{http.StatusForbidden, "M_FORBIDDEN"}
	case !ok:
		return refusal{http.StatusNotFound, "M_NOT_FOUND"}
	case r.URL.Query().Get("format") == "event":
		return h.stateEvent(r.PathValue("type"))
	}
	return content
}

func (h *homeserver) stateEvent(eventType string) object {
	return object{
		"type": eventType, "state_key": "", "event_id": "$state-" + eventType, "sender": adminUser,
		"room_id": room, "content": h.state[eventType],
	}
}
