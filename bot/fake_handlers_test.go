package bot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// The endpoints of fakeHomeserver.

func (f *fakeHomeserver) answer(w http.ResponseWriter, v any) {
	_, _ = w.Write(toJSON(v)) // the bot hung up: nothing to do
}

func (f *fakeHomeserver) empty(w http.ResponseWriter, _ *http.Request) { f.answer(w, map[string]any{}) }

func (f *fakeHomeserver) read(r *http.Request, into any) {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		f.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
}

func (f *fakeHomeserver) sendToDevice(w http.ResponseWriter, r *http.Request) {
	sent := fakeToDevice{Type: r.PathValue("type")}
	f.read(r, &sent)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.toDevice = append(f.toDevice, sent)
	f.signal()
	f.answer(w, map[string]any{})
}

func (f *fakeHomeserver) displayName(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer(w, map[string]any{"displayname": f.name})
}

func (f *fakeHomeserver) setDisplayName(w http.ResponseWriter, r *http.Request) {
	var req struct {
		DisplayName string `json:"displayname"`
	}
	f.read(r, &req)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.name = req.DisplayName
	f.answer(w, map[string]any{})
}

// sync answers at once if there is something new, otherwise as late as the bot allows.
func (f *fakeHomeserver) sync(w http.ResponseWriter, r *http.Request) {
	query, device := r.URL.Query(), f.account.DeviceOf(r)
	since, _ := strconv.Atoi(strings.TrimPrefix(query.Get("since"), "s"))
	wait, _ := strconv.Atoi(query.Get("timeout"))
	f.mu.Lock()
	number := len(f.syncs)
	f.syncs = append(f.syncs, fakeSync{since: query.Get("since"), timeout: query.Get("timeout")})
	f.signal()
	f.mu.Unlock()
	timeout := time.NewTimer(time.Duration(wait) * time.Millisecond)
	defer timeout.Stop()
	for {
		f.mu.Lock()
		changed := f.changed
		if since < len(f.answers) {
			fmt.Fprintf(w, `{"next_batch":"s%d",%s,%s}`, since+1, f.oneTimeCount(device), f.answers[since])
			f.mu.Unlock()
			return
		}
		count := f.oneTimeCount(device)
		f.mu.Unlock()
		select {
		case <-changed:
		case <-timeout.C:
			fmt.Fprintf(w, `{"next_batch":"s%d",%s}`, since, count)
			return
		case <-r.Context().Done():
			f.mu.Lock()
			f.syncs[number].ended = true
			f.signal()
			f.mu.Unlock()
			return
		case <-f.stopped:
			return
		}
	}
}

// oneTimeCount is a member of an answer of /sync: without it the bot would upload new one-time keys again and again,
// and forget those that were claimed.
func (f *fakeHomeserver) oneTimeCount(device string) string {
	return fmt.Sprintf(`"device_one_time_keys_count":{"signed_curve25519":%d}`, f.keys.Count(device))
}

// send stores an event once for each transaction id, and lets it come back with the next answer of /sync.
func (f *fakeHomeserver) send(w http.ResponseWriter, r *http.Request) {
	sent := fakeSent{Room: id.RoomID(r.PathValue("room")), Type: r.PathValue("type"), TxnID: r.PathValue("txn")}
	f.read(r, &sent.Content)
	f.mu.Lock()
	defer f.mu.Unlock()
	eventID := fmt.Sprintf("$sent-%d", len(f.sent))
	if known := slices.IndexFunc(f.sent, func(s fakeSent) bool { return s.TxnID == sent.TxnID }); known >= 0 {
		f.answer(w, map[string]any{"event_id": fmt.Sprintf("$sent-%d", known)})
		return
	}
	f.sent = append(f.sent, sent)
	echo := toJSON(map[string]any{
		"type": sent.Type, "event_id": eventID, "sender": botUser, "origin_server_ts": 1, "content": sent.Content,
	})
	f.answers = append(f.answers, timeline(sent.Room, `"events":[`+string(echo)+`]`))
	f.signal()
	f.answer(w, map[string]any{"event_id": eventID})
}

func (f *fakeHomeserver) state(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	room := f.rooms[id.RoomID(r.PathValue("room"))]
	if room == nil {
		refuse(w, http.StatusForbidden, "M_FORBIDDEN")
		return
	}
	content, ok := room.state[r.PathValue("type")]
	if user := id.UserID(r.PathValue("key")); r.PathValue("type") == "m.room.member" && slices.Contains(room.members, user) {
		content, ok = toJSON(map[string]any{"membership": room.membershipOf(user)}), true
	}
	if !ok {
		refuse(w, http.StatusNotFound, "M_NOT_FOUND")
	} else if r.URL.Query().Get("format") == "event" {
		f.answer(w, map[string]any{
			"type": r.PathValue("type"), "state_key": "", "event_id": "$state", "sender": "@creator:a.example", "content": content,
		})
	} else {
		f.answer(w, content)
	}
}

func (f *fakeHomeserver) members(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer(w, map[string]any{"chunk": f.memberEvents(id.RoomID(r.PathValue("room")))})
}

// wholeState tells only who is there, which is all that the bot wants to know.
func (f *fakeHomeserver) wholeState(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	room := id.RoomID(r.PathValue("room"))
	if f.rooms[room] == nil {
		refuse(w, http.StatusForbidden, "M_FORBIDDEN")
		return
	}
	f.answer(w, f.memberEvents(room))
}

func (f *fakeHomeserver) memberEvents(room id.RoomID) (chunk []any) {
	for _, user := range f.rooms[room].members {
		chunk = append(chunk, map[string]any{
			"type": "m.room.member", "state_key": user, "sender": user, "event_id": "$member" + user.String(), "room_id": room,
			"content": map[string]any{"membership": f.rooms[room].membershipOf(user)},
		})
	}
	return chunk
}

// pushMembers tells the bot with an answer of /sync who is in a room.
func (f *fakeHomeserver) pushMembers(room id.RoomID) {
	f.mu.Lock()
	events := toJSON(f.memberEvents(room))
	f.mu.Unlock()
	f.push(fmt.Sprintf(`"rooms":{"join":{%q:{"state":{"events":%s}}}}`, room, events))
}

func (f *fakeHomeserver) messages(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	page, ok := f.pages[r.URL.Query().Get("from")]
	if !ok {
		refuse(w, http.StatusNotFound, "M_NOT_FOUND")
		return
	}
	_, _ = w.Write([]byte(page))
}

func (f *fakeHomeserver) join(w http.ResponseWriter, r *http.Request) {
	room := id.RoomID(r.PathValue("room"))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.joined = append(f.joined, room)
	own := toJSON(map[string]any{
		"type": "m.room.member", "state_key": botUser, "sender": botUser, "event_id": "$join-" + room.String(),
		"content": map[string]any{"membership": "join"}, "unsigned": map[string]any{"prev_content": map[string]any{"membership": "invite"}},
	})
	f.answers = append(f.answers, timeline(room, `"events":[`+string(own)+`]`))
	f.signal()
	f.answer(w, map[string]any{"room_id": room})
}

func (f *fakeHomeserver) leave(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Reason string `json:"reason"`
	}
	f.read(r, &req)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = append(f.left, fakeLeave{id.RoomID(r.PathValue("room")), req.Reason})
	f.signal()
	f.answer(w, map[string]any{})
}

func (f *fakeHomeserver) redact(w http.ResponseWriter, r *http.Request) {
	redaction := fakeRedaction{Room: id.RoomID(r.PathValue("room")), Event: id.EventID(r.PathValue("event"))}
	var req struct {
		Reason string `json:"reason"`
	}
	f.read(r, &req)
	redaction.Reason = req.Reason
	f.mu.Lock()
	defer f.mu.Unlock()
	if txn := r.PathValue("txn"); !f.redactions[txn] {
		f.redactions[txn] = true
		f.redacted = append(f.redacted, redaction)
	}
	f.signal()
	f.answer(w, map[string]any{"event_id": "$redaction"})
}

func (f *fakeHomeserver) receipt(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.receipts = append(f.receipts, id.EventID(r.PathValue("event")))
	f.signal()
	f.answer(w, map[string]any{})
}

func (f *fakeHomeserver) createRoom(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Invite       []id.UserID `json:"invite"`
		InitialState []struct {
			Type     string          `json:"type"`
			StateKey string          `json:"state_key"`
			Content  json.RawMessage `json:"content"`
		} `json:"initial_state"`
	}
	raw := json.RawMessage{}
	f.read(r, &raw)
	if err := json.Unmarshal(raw, &req); err != nil {
		f.t.Error(err)
	}
	room := id.RoomID(fmt.Sprintf("!made%d:a.example", len(f.created)))
	f.addRoom(room, req.Invite...)
	f.mu.Lock()
	f.created = append(f.created, raw)
	for _, state := range req.InitialState {
		f.rooms[room].state[state.Type] = state.Content
	}
	for _, user := range req.Invite {
		f.rooms[room].membership[user] = "invite"
	}
	shy, loses := f.shy, f.losesRooms
	f.mu.Unlock()
	for i, state := range req.InitialState {
		if state.Type == relay.MarkerType.Type {
			f.pushTimeline(room, string(toJSON(map[string]any{
				"type": state.Type, "state_key": state.StateKey, "event_id": fmt.Sprintf("$%s-%d", room, i), "sender": botUser, "content": state.Content,
			})))
		}
	}
	if loses {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	f.answer(w, map[string]any{"room_id": room})
	f.pushMembers(room)
	if !shy {
		f.answerInvite(room, "join")
	}
}

func (f *fakeHomeserver) inviteUser(w http.ResponseWriter, r *http.Request) {
	var req struct {
		User id.UserID `json:"user_id"`
	}
	f.read(r, &req)
	f.invited(id.RoomID(r.PathValue("room")), req.User, false)
	f.answer(w, map[string]any{})
}

// invited notes that the bot has invited somebody, and tells the bot so.
func (f *fakeHomeserver) invited(room id.RoomID, user id.UserID, direct bool) {
	f.mu.Lock()
	f.invites = append(f.invites, fakeInvite{room, user, direct})
	if !slices.Contains(f.rooms[room].members, user) {
		f.rooms[room].members = append(f.rooms[room].members, user)
	}
	f.rooms[room].membership[user] = "invite"
	f.signal()
	f.mu.Unlock()
	f.pushMembers(room)
}

func (f *fakeHomeserver) kick(w http.ResponseWriter, r *http.Request) {
	var req struct {
		User   id.UserID `json:"user_id"`
		Reason string    `json:"reason"`
	}
	f.read(r, &req)
	room := id.RoomID(r.PathValue("room"))
	f.mu.Lock()
	f.kicked = append(f.kicked, fakeLeave{room, req.Reason})
	f.rooms[room].membership[req.User] = "leave"
	f.mu.Unlock()
	f.pushMembers(room)
	f.answer(w, map[string]any{})
}

func (f *fakeHomeserver) putState(w http.ResponseWriter, r *http.Request) {
	var content struct {
		Membership string `json:"membership"`
		Direct     bool   `json:"is_direct"`
	}
	raw := json.RawMessage{}
	f.read(r, &raw)
	room, evtType := id.RoomID(r.PathValue("room")), r.PathValue("type")
	if evtType == "m.room.member" && json.Unmarshal(raw, &content) == nil && content.Membership == "invite" {
		f.invited(room, id.UserID(r.PathValue("key")), content.Direct)
	} else {
		f.setState(room, evtType, raw)
	}
	f.answer(w, map[string]any{"event_id": "$state"})
}

// answerInvite has the people who are invited to a room join or leave it.
func (f *fakeHomeserver) answerInvite(room id.RoomID, membership string) {
	f.mu.Lock()
	clear(f.rooms[room].membership)
	if membership != "join" {
		for _, user := range f.rooms[room].members[1:] {
			f.rooms[room].membership[user] = membership
		}
	}
	f.mu.Unlock()
	f.pushMembers(room)
}

// asked returns how many requests to a path that contains part were made.
func (f *fakeHomeserver) asked(part string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, request := range f.requests {
		if strings.Contains(request, part) {
			n++
		}
	}
	return n
}
