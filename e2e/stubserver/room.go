package stubserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"
)

const memberType = "m.room.member"

// stateKey names a state event of a room.
type stateKey struct{ eventType, key string }

// room is a room with all that was ever said in it.
type room struct {
	id       id.RoomID
	state    map[stateKey]json.RawMessage // whole events
	events   []int                        // where the events of the room stand in the log
	joinedAt int                          // where in the log the bot joined, -1 before
	relayed  []string                     // the texts of what the bot showed of Wazo
	notices  []string                     // the texts of what the bot said itself
}

// MakeRoom makes a private room of a person who invites the bot.
func (s *Server) MakeRoom(by id.UserID) id.RoomID { return s.makeRoom(by, false) }

func (s *Server) makeRoom(by id.UserID, encrypted bool) id.RoomID {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.newRoom(by, object{by.String(): 100})
	if encrypted {
		s.setState(r, by, encryptionType, "", object{"algorithm": id.AlgorithmMegolmV1})
	}
	s.setMember(r, by, s.account.User, "invite")
	return r.id
}

// Say adds a text of a person to a room.
func (s *Server) Say(in id.RoomID, by id.UserID, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(s.rooms[in], "m.room.message", by, object{"content": object{"msgtype": "m.text", "body": text}})
}

// Relayed returns the texts of the messages of Wazo that the bot has shown in a room, in order.
func (s *Server) Relayed(in id.RoomID) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rooms[in].relayed)
}

// Rooms returns all rooms, in no particular order.
func (s *Server) Rooms() []id.RoomID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.rooms))
}

// newRoom makes a room with its creator in it.
func (s *Server) newRoom(creator id.UserID, powers object) *room {
	r := &room{id: id.RoomID(fmt.Sprintf("!room%d:a.example", len(s.rooms))), state: make(map[stateKey]json.RawMessage), joinedAt: -1}
	s.rooms[r.id] = r
	s.setState(r, creator, "m.room.create", "", object{"room_version": "10"})
	s.setMember(r, creator, creator, "join")
	s.setState(r, creator, "m.room.power_levels", "", object{"users": powers})
	s.setState(r, creator, "m.room.join_rules", "", object{"join_rule": "invite"})
	s.setState(r, creator, "m.room.history_visibility", "", object{"history_visibility": "shared"})
	return r
}

// add appends an event to the log: fields are those that not all events have.
func (s *Server) add(r *room, eventType string, sender id.UserID, fields object) id.EventID {
	eventID := id.EventID(fmt.Sprintf("$event-%d", len(s.log)))
	event := object{
		"type": eventType, "event_id": eventID, "sender": sender, "room_id": r.id,
		"origin_server_ts": time.Now().UnixMilli(), "unsigned": object{"age": 0},
	}
	maps.Copy(event, fields)
	data := toJSON(event)
	if key, isState := fields["state_key"]; isState {
		r.state[stateKey{eventType, fmt.Sprint(key)}] = data
	}
	r.events = append(r.events, len(s.log))
	s.log = append(s.log, logged{room: r, data: data})
	s.changes.Announce()
	return eventID
}

func (s *Server) setState(r *room, sender id.UserID, eventType, key string, content any) id.EventID {
	return s.add(r, eventType, sender, object{"state_key": key, "content": content})
}

// setMember changes somebody's membership. Whom the bot invites joins at once, if the homeserver is told so.
func (s *Server) setMember(r *room, sender, user id.UserID, membership string) id.EventID {
	before := r.membership(user)
	if user == s.account.User && membership == "join" && before != "join" {
		r.joinedAt = len(s.log)
	}
	eventID := s.add(r, memberType, sender, object{
		"state_key": user, "content": object{"membership": membership}, "unsigned": object{"prev_content": object{"membership": before}},
	})
	if membership == "invite" && s.joinAll && sender == s.account.User {
		s.setMember(r, user, user, "join")
	}
	return eventID
}

// membership returns somebody's membership, "leave" if they were never there.
func (r *room) membership(user id.UserID) string {
	var event struct {
		Content struct {
			Membership string `json:"membership"`
		} `json:"content"`
	}
	if json.Unmarshal(r.state[stateKey{memberType, user.String()}], &event) != nil {
		return "leave"
	}
	return event.Content.Membership
}

func (r *room) isEncrypted() bool {
	_, ok := r.state[stateKey{encryptionType, ""}]
	return ok
}

func (r *room) joined() (users []string) {
	for key := range r.state {
		if key.eventType == memberType && r.membership(id.UserID(key.key)) == "join" {
			users = append(users, key.key)
		}
	}
	return users
}

// botIn returns the room of a request, nil if the bot is not in it.
func (s *Server) botIn(r *http.Request) *room {
	room := s.rooms[id.RoomID(r.PathValue("room"))]
	if room == nil || room.membership(s.account.User) != "join" {
		return nil
	}
	return room
}

func (s *Server) createRoom(r *http.Request) any {
	var request struct {
		Name, Topic  string
		InitialState []struct {
			Type     string          `json:"type"`
			StateKey string          `json:"state_key"`
			Content  json.RawMessage `json:"content"`
		} `json:"initial_state"`
		Invite []id.UserID `json:"invite"`
	}
	s.read(r, &request)
	bot := s.account.User
	room := s.newRoom(bot, object{bot.String(): 100})
	for _, event := range request.InitialState {
		s.setState(room, bot, event.Type, event.StateKey, event.Content)
	}
	if request.Name != "" {
		s.setState(room, bot, "m.room.name", "", object{"name": request.Name})
	}
	if request.Topic != "" {
		s.setState(room, bot, "m.room.topic", "", object{"topic": request.Topic})
	}
	for _, user := range request.Invite {
		s.setMember(room, bot, user, "invite")
	}
	return object{"room_id": room.id}
}

func (s *Server) join(r *http.Request) any {
	room := s.rooms[id.RoomID(r.PathValue("room"))]
	if room == nil || room.membership(s.account.User) == "leave" {
		return errForbidden
	} else if room.membership(s.account.User) != "join" {
		s.setMember(room, s.account.User, s.account.User, "join")
	}
	return object{"room_id": room.id}
}

func (s *Server) leave(r *http.Request) any {
	if room := s.botIn(r); room != nil {
		s.setMember(room, s.account.User, s.account.User, "leave")
	}
	return object{}
}

func (s *Server) invite(r *http.Request) any {
	var request struct {
		User id.UserID `json:"user_id"`
	}
	s.read(r, &request)
	room := s.botIn(r)
	if room == nil {
		return errForbidden
	}
	s.setMember(room, s.account.User, request.User, "invite")
	return object{}
}

// send stores an event once for each transaction id, and lets it come back with
// /sync.
func (s *Server) send(r *http.Request) any {
	room := s.botIn(r)
	if room == nil {
		return errForbidden
	}
	txn := s.account.DeviceOf(r) + " " + r.PathValue("txn")
	if known, ok := s.sent[txn]; ok {
		return object{"event_id": known}
	}
	var content json.RawMessage
	s.read(r, &content)
	eventType := r.PathValue("type")
	s.sent[txn] = s.add(room, eventType, s.account.User, object{
		"content": content, "unsigned": object{"age": 0, "transaction_id": r.PathValue("txn")},
	})
	if eventType == encryptedType {
		s.unread = append(s.unread, s.log[len(s.log)-1])
	} else {
		s.note(room, content, false)
	}
	return object{"event_id": s.sent[txn]}
}

// note tells what the bot says itself from what it relays. What it says in clear in an encrypted room relays nothing.
func (s *Server) note(room *room, content json.RawMessage, wasEncrypted bool) {
	var text struct {
		Type string `json:"msgtype"`
		Body string `json:"body"`
	}
	if err := json.Unmarshal(content, &text); err != nil {
		s.fault(fmt.Errorf("the bot sent %s: %w", content, err))
	}
	leaked := room.isEncrypted() && !wasEncrypted
	if leaked {
		s.fault(fmt.Errorf("the bot sent %s in clear to %s, which is encrypted", content, room.id))
	}
	if leaked || text.Type == "m.notice" {
		room.notices = append(room.notices, text.Body)
	} else {
		room.relayed = append(room.relayed, text.Body)
		s.relayed++
	}
}

func (s *Server) getState(r *http.Request) any {
	room := s.botIn(r)
	if room == nil {
		return errForbidden
	}
	data, ok := room.state[stateKey{r.PathValue("type"), r.PathValue("key")}]
	if !ok {
		return errNotFound
	} else if r.URL.Query().Get("format") == "event" {
		return data
	}
	var event struct {
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(data, &event); err != nil {
		s.fault(err)
	}
	return event.Content
}

func (s *Server) putState(r *http.Request) any {
	room := s.botIn(r)
	if room == nil {
		return errForbidden
	}
	eventType, key := r.PathValue("type"), r.PathValue("key")
	if eventType == memberType {
		var content struct {
			Membership string `json:"membership"`
		}
		s.read(r, &content)
		return object{"event_id": s.setMember(room, s.account.User, id.UserID(key), content.Membership)}
	}
	var content json.RawMessage
	s.read(r, &content)
	return object{"event_id": s.setState(room, s.account.User, eventType, key, content)}
}

func (s *Server) wholeState(r *http.Request) any {
	room := s.botIn(r)
	if room == nil {
		return errForbidden
	}
	return slices.Collect(maps.Values(room.state))
}

func (s *Server) joinedMembers(r *http.Request) any {
	room := s.botIn(r)
	if room == nil {
		return errForbidden
	}
	joined := object{}
	for _, user := range room.joined() {
		joined[user] = object{}
	}
	return object{"joined": joined}
}

func (s *Server) members(r *http.Request) any {
	room := s.botIn(r)
	if room == nil {
		return errForbidden
	}
	var chunk []json.RawMessage
	for key, data := range room.state {
		if key.eventType == memberType {
			chunk = append(chunk, data)
		}
	}
	return object{"chunk": chunk}
}
