package wazotest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// WithPlugin installs the plugin for reactions and replies
// (docs/wazo.md, "The plugin for reactions and replies"), which is not part of
// Wazo. See [Server.SetPlugin].
func WithPlugin() Option {
	return func(s *Server) { s.plugin = true }
}

// SetPlugin installs the plugin or takes it away, as an administrator does who
// then restarts chatd. Connections of websocketd stay open, and what the plugin
// has stored is there again when it comes back.
func (s *Server) SetPlugin(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plugin = on
}

func (s *Server) hasPlugin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plugin
}

// pluginRoutes are the plugin's parts of chatd.
func (s *Server) pluginRoutes() []route {
	const (
		room    = "/1.0/users/me/rooms/{room}"
		message = room + "/messages/{message}"
	)
	return []route{
		{room + "/reactions", map[string]handler{http.MethodGet: s.listRoomReactions}},
		{room + "/replies", map[string]handler{http.MethodGet: s.listRoomReplies}},
		{message + "/reactions", map[string]handler{http.MethodGet: s.listReactions, http.MethodPost: s.postReaction}},
		{message + "/reactions/{emoji:text}", map[string]handler{http.MethodDelete: s.deleteReaction}},
		{message + "/reply", map[string]handler{http.MethodGet: s.readReply, http.MethodPost: s.postReply}},
		{message + "/replies", map[string]handler{http.MethodGet: s.listReplies}},
	}
}

// pluginCall is a request to the plugin whose token has been checked.
type pluginCall struct {
	server  *Server
	who     caller
	room    string
	message string // "" for the routes of a whole room
}

// beginPlugin checks the token of a request. The right is that of its path
// without the emoji, followed by action.
func (s *Server) beginPlugin(r *request, action string) (pluginCall, *answer) {
	c := pluginCall{server: s, room: r.vars["room"], message: r.vars["message"]}
	access := "chatd.users.me.rooms." + c.room
	if c.message != "" {
		access += ".messages." + c.message
	}
	var refusal *answer
	c.who, refusal = s.authorize(r, access+"."+action)
	return c, refusal
}

// pluginJSON returns the body. Unlike chatd, the plugin wants its type to be
// JSON.
func pluginJSON(r *request) (any, *answer) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		bad := badRequest()
		return nil, &bad
	}
	return r.json()
}

// find returns the room of a call, in which its message is. Everybody in the
// tenant may read, and members may write.
func (c pluginCall) find(write bool) (*room, *answer) {
	s := c.server
	r := s.roomInTenant(c.room, c.who.tenant)
	if r == nil {
		refusal := s.unknownRoom(c.room)
		return nil, &refusal
	}
	if write && !r.has(c.who.user) {
		refusal := s.apiError(http.StatusNotFound, "room-not-found", "Room not found: "+c.room,
			object{{"room_uuid", c.room}}, "")
		return nil, &refusal
	}
	if c.message != "" {
		if refusal := s.missingMessage(r, c.message); refusal != nil {
			return nil, refusal
		}
	}
	if s.faults.fires(noPluginTables, faultScope{}) != nil {
		crash := internalError()
		return nil, &crash
	}
	return r, nil
}

// missingMessage answers for messages that the room does not have.
func (s *Server) missingMessage(r *room, uuids ...string) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, uuid := range uuids {
		if r.message(uuid) == nil {
			refusal := s.apiError(http.StatusNotFound, "message-not-found", "Message not found: "+uuid,
				object{{"message_uuid", uuid}}, "")
			return &refusal
		}
	}
	return nil
}

// message returns a readable message, or nil. The caller holds Server.mu.
func (r *room) message(uuid string) *Message {
	for _, m := range slices.Backward(r.sorted) {
		if m.UUID == uuid {
			return m
		}
	}
	return nil
}

// relationEvent is an event of the plugin, of which each member gets a copy.
type relationEvent struct {
	name    string // after "chatd_user_room_message_"
	message string // the message whose right is needed
	more    object // further keys of the envelope
	action  string // the end of the right
	data    object
}

// announceRelation tells the members of a room about a change of a reaction or a
// reply, which is stored, and reports whether there was a bus to do so.
func (s *Server) announceRelation(r *room, user string, e relationEvent) bool {
	scope := faultScope{room: r.uuid, user: user}
	switch {
	case s.faults.busLost(), s.faults.fires(relationNoPublish, scope) != nil:
		return false
	case s.faults.fires(noRelationEvent, scope) != nil:
		return true
	}
	name := "chatd_user_room_message_" + e.name
	for _, u := range r.users() {
		envelope := object{{"tenant_uuid", r.tenant}, {"room_uuid", r.uuid}, {"message_uuid", e.message}}
		envelope = append(envelope, e.more...)
		envelope = append(envelope, field{"name", name}, field{"user_uuid:" + u.uuid, true})
		acl := fmt.Sprintf("events.chatd.users.%s.rooms.%s.messages.%s.%s", u.uuid, r.uuid, e.message, e.action)
		s.publishEnvelope(envelope, event{name: name, tenant: r.tenant, addressee: u.uuid, acl: acl}, e.data)
	}
	return true
}

// answerChange answers a request that stored something. Without a bus the answer
// is 500 (docs/wazo.md, "Unknown outcomes of the plugin").
func (c pluginCall) answerChange(a answer, published bool) answer {
	if !published {
		a = internalError()
	}
	return c.server.faults.spoil(a, lateRelation, cutRelation, faultScope{room: c.room, user: c.who.user})
}

// refused returns the answer of a fault that keeps a change from being made.
func (c pluginCall) refused() *answer {
	fault := c.server.faults.fires(refuseRelation, faultScope{room: c.room, user: c.who.user})
	if fault == nil {
		return nil
	}
	refusal := fault.answer.answer()
	return &refusal
}

// signal wakes those who wait for a change of the room. The caller holds
// Server.mu.
func (r *room) signal() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// waitRelations returns once match accepts what read reads, which is called with
// s.mu held, or the context's error.
func waitRelations[T any](ctx context.Context, s *Server, r *room, read func() []T, match func([]T) bool) error {
	for {
		s.mu.Lock()
		list, changed := read(), r.changed
		s.mu.Unlock()
		if match(list) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
