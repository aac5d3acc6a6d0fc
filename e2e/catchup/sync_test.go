package catchup

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"
)

// A token "s17" stands behind the first 17 events of the timeline; "s0i" is that
// of an answer with the invite.
const invitedToken = "s0i"

func tokenAt(position int) string { return "s" + strconv.Itoa(position) }

func positionOf(token string) int {
	position, _ := strconv.Atoi(strings.Trim(token, "si")) // none: from the beginning
	return position
}

// sync answers at once if there is something new, otherwise as late as the bot
// allows.
func (h *homeserver) sync(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	since := query.Get("since")
	wait, _ := strconv.Atoi(query.Get("timeout")) // none: at once
	limited, cancel := context.WithTimeout(r.Context(), time.Duration(wait)*time.Millisecond)
	defer cancel()
	var answer any
	err := h.changes.Until(limited, func() (bool, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		answer = h.news(since, timelineLimit(query.Get("filter")))
		return answer != nil, nil
	})
	switch {
	case err == nil:
		write(w, answer)
	case r.Context().Err() == nil:
		write(w, object{"next_batch": cmp.Or(since, tokenAt(0))})
	}
}

// timelineLimit reads from a filter how many events an answer may hold.
func timelineLimit(filter string) int {
	var parsed struct {
		Room struct {
			Timeline struct {
				Limit int `json:"limit"`
			} `json:"timeline"`
		} `json:"room"`
	}
	if json.Unmarshal([]byte(filter), &parsed) != nil || parsed.Room.Timeline.Limit == 0 {
		return 10 // as homeservers do
	}
	return parsed.Room.Timeline.Limit
}

// news returns what happened since a token, nil if nothing did.
func (h *homeserver) news(since string, limit int) any {
	position := positionOf(since)
	switch {
	case h.joined && position < len(h.events):
		return object{"next_batch": tokenAt(len(h.events)), "rooms": object{"join": map[id.RoomID]any{
			room: h.joinedRoom(position, limit),
		}}}
	case h.invited && !h.joined && since != invitedToken:
		return object{"next_batch": invitedToken, "rooms": object{"invite": map[id.RoomID]any{
			room: object{"invite_state": object{"events": []any{member(botUser, "invite")}}},
		}}}
	}
	return nil
}

// joinedRoom is the room with the newest events after a position. Where these
// are more than may be told at once, the bot has to ask for the others.
func (h *homeserver) joinedRoom(position, limit int) object {
	from := max(position, len(h.events)-limit)
	told := object{"timeline": object{
		"events": h.events[from:], "limited": from > position, "prev_batch": tokenAt(from),
	}}
	if position <= h.joinAt {
		told["state"] = object{"events": h.wholeState()}
	}
	return told
}

func (h *homeserver) wholeState() []any {
	events := []any{member(adminUser, "join")}
	for eventType := range h.state {
		events = append(events, h.stateEvent(eventType))
	}
	return events
}

// messages reads backwards from one token to another.
func (h *homeserver) messages(r *http.Request) any {
	query := r.URL.Query()
	if !h.joined || h.foreign(r) || query.Get("dir") != "b" {
		return refusal{http.StatusForbidden, "M_FORBIDDEN"}
	}
	end, first := len(h.events), positionOf(query.Get("to"))
	if from := query.Get("from"); from != "" {
		end = min(positionOf(from), end)
	}
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil {
		limit = 10 // as homeservers do
	}
	start := max(first, end-limit)
	chunk := slices.Clone(h.events[min(start, end):end])
	slices.Reverse(chunk)
	page := object{"chunk": chunk, "start": tokenAt(end)}
	if start > first {
		page["end"] = tokenAt(start)
	}
	return page
}
