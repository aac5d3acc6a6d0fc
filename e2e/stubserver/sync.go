package stubserver

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// A token "s17" stands behind the first 17 events of the log.

func tokenAt(position int) string { return "s" + strconv.Itoa(position) }

func positionOf(token string) int {
	position, _ := strconv.Atoi(strings.TrimPrefix(token, "s")) // none: from the beginning
	return position
}

// sync answers at once if there is something new, otherwise as late as the bot
// allows.
func (s *Server) sync(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	since := query.Get("since")
	wait, _ := strconv.Atoi(query.Get("timeout")) // none: at once
	limited, cancel := context.WithTimeout(r.Context(), time.Duration(wait)*time.Millisecond)
	defer cancel()
	var answer any
	err := s.changes.Until(limited, func() (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		answer = s.news(since, s.account.DeviceOf(r), timelineLimit(query.Get("filter")))
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

// news returns what happened since a token, as a device of the bot is told of it, nil if nothing did.
func (s *Server) news(since, device string, limit int) any {
	position := positionOf(since)
	if position >= len(s.log) {
		return nil
	}
	join, invite, leave := object{}, object{}, object{}
	changed := make(map[*room]bool)
	var toDevice []json.RawMessage
	for _, event := range s.log[position:] {
		if event.room != nil {
			changed[event.room] = true
		} else if event.reaches(device) {
			toDevice = append(toDevice, event.data)
		}
	}
	for room := range changed {
		switch membership := room.membership(s.account.User); {
		case membership == "join":
			join[room.id.String()] = s.joinedRoom(room, position, limit)
		case membership == "invite":
			member := room.state[stateKey{memberType, s.account.User.String()}]
			invite[room.id.String()] = object{"invite_state": object{"events": []any{member}}}
		case room.joinedAt >= 0:
			leave[room.id.String()] = s.joinedRoom(room, position, limit)
		}
	}
	answer := object{"next_batch": tokenAt(len(s.log)), "rooms": object{"join": join, "invite": invite, "leave": leave}}
	if toDevice != nil {
		answer["to_device"] = object{"events": toDevice}
	}
	if left := s.oneTimeKeys(device); left != nil {
		answer["device_one_time_keys_count"] = left
	}
	return answer
}

// after returns the events of a room that stand at a place of the log or behind it.
func (r *room) after(position int) []int { return r.events[sort.SearchInts(r.events, position):] }

func (s *Server) dataOf(events []int) []json.RawMessage {
	data := make([]json.RawMessage, len(events))
	for i, at := range events {
		data[i] = s.log[at].data
	}
	return data
}

// joinedRoom is a room with its newest events after a position. Where these
// are more than may be told at once, the bot has to ask for the others. The state
// is that of now, which comes to the same for whoever reads the timeline after it.
func (s *Server) joinedRoom(r *room, position, limit int) object {
	events := r.after(position)
	told := object{}
	if position <= r.joinedAt {
		var state []json.RawMessage
		for _, data := range r.state {
			state = append(state, data)
		}
		told["state"] = object{"events": state}
	}
	cut := max(0, len(events)-limit)
	timeline := object{"events": s.dataOf(events[cut:]), "limited": cut > 0, "prev_batch": tokenAt(position)}
	if len(events) > 0 {
		timeline["prev_batch"] = tokenAt(events[cut])
	}
	told["timeline"] = timeline
	return told
}

// messages reads backwards from one token to another.
func (s *Server) messages(r *http.Request) any {
	query := r.URL.Query()
	room := s.botIn(r)
	if room == nil || query.Get("dir") != "b" {
		return errForbidden
	}
	events := room.after(positionOf(query.Get("to")))
	if from := query.Get("from"); from != "" {
		events = events[:sort.SearchInts(events, positionOf(from))]
	}
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil {
		limit = 10 // as homeservers do
	}
	page := object{"start": query.Get("from")}
	if cut := len(events) - limit; cut > 0 {
		events = events[cut:]
		page["end"] = tokenAt(events[0])
	}
	chunk := s.dataOf(events)
	slices.Reverse(chunk)
	page["chunk"] = chunk
	return page
}
