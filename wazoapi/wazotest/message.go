package wazotest

import (
	"context"
	"iter"
	"slices"
	"time"
)

// Message is a message of chatd.
type Message struct {
	UUID       string
	RoomUUID   string
	UserUUID   string // the author
	TenantUUID string
	Content    string
	Alias      *string // nil is null
	CreatedAt  time.Time
}

// view is the message as chatd shows it (docs/wazo.md, "Messages").
func (s *Server) messageView(m *Message) object {
	return object{
		{"uuid", m.UUID}, {"content", m.Content}, {"alias", m.Alias},
		{"delivery", object{{"type", "internal"}, {"backend", nil}, {"recipients", []string{}}}},
		{"user_uuid", m.UserUUID}, {"tenant_uuid", m.TenantUUID}, {"wazo_uuid", s.wazoUUID},
		{"created_at", isoformatUTC(m.CreatedAt)}, {"room", object{{"uuid", m.RoomUUID}}},
	}
}

// posting is what becomes of one message.
type posting struct {
	message   *Message
	failed    bool          // the answer is 500
	committed chan struct{} // closed when the message is readable; nil if never
}

// post takes a message the way of chatd: stamp, publish, commit. The event is
// therefore out before anybody can read the message
// (docs/wazo.md, "Event before commit"). The scope names room and author.
func (s *Server) post(r *room, scope faultScope, content string, alias *string) posting {
	m := &Message{
		UUID: newUUID(), RoomUUID: r.uuid, UserUUID: scope.user, TenantUUID: r.tenant,
		Content: content, Alias: alias, CreatedAt: s.now(),
	}
	p := posting{message: m, committed: make(chan struct{})}
	switch {
	case s.faults.fires(publishFails, scope) != nil, s.faults.busLost():
		p.failed = true
	case s.faults.fires(noEvent, scope) != nil:
	default:
		s.announceMessage(r, m)
	}
	switch late := s.faults.fires(lateCommit, scope); {
	case s.faults.fires(neverCommit, scope) != nil:
		p.failed, p.committed = true, nil
	case late != nil:
		s.clock.AfterFunc(late.delay, func() { s.commit(r, p) })
	default:
		s.commit(r, p)
	}
	return p
}

// announceMessage sends the event to each member, the author too if it is one.
func (s *Server) announceMessage(r *room, m *Message) {
	view := s.messageView(m)
	for _, u := range r.users() {
		s.publishTo(u.uuid, r.tenant, r.uuid, "chatd_user_room_message_created",
			"events.chatd.users."+u.uuid+".rooms."+r.uuid+".messages.created", view)
	}
}

func (s *Server) commit(r *room, p posting) {
	s.mu.Lock()
	r.commit(p.message)
	s.mu.Unlock()
	close(p.committed)
}

// commit makes a message readable. Nearly always it is the newest.
func (r *room) commit(m *Message) {
	r.committed = append(r.committed, m)
	at := len(r.sorted)
	for at > 0 && r.sorted[at-1].CreatedAt.After(m.CreatedAt) {
		at--
	}
	r.sorted = slices.Insert(r.sorted, at, m)
	r.signal()
}

// since returns the sorted messages that are not older than t.
func (r *room) since(t time.Time) []*Message {
	at, _ := slices.BinarySearchFunc(r.sorted, t, func(m *Message, t time.Time) int { return m.CreatedAt.Compare(t) })
	return r.sorted[at:]
}

// Post writes a message as a native client of the author would, member or not,
// with its events. An empty alias is null. It returns the message even when
// a fault keeps it from being stored. It panics for an unknown room.
func (s *Server) Post(roomUUID string, author User, content, alias string) Message {
	scope := faultScope{room: roomUUID, user: author.UUID}
	return *s.post(s.room(roomUUID), scope, content, optional(alias)).message
}

func (s *Server) room(uuid string) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[uuid]
	if r == nil {
		panic("wazotest: no room " + uuid)
	}
	return r
}

// Messages returns the readable messages of a room by created_at.
func (s *Server) Messages(roomUUID string) []Message {
	r := s.room(roomUUID)
	s.mu.Lock()
	defer s.mu.Unlock()
	messages := make([]Message, len(r.sorted))
	for i, m := range r.sorted {
		messages[i] = *m
	}
	return messages
}

// Subscribe yields the messages of a room in the order in which they became
// readable, those of the past first, and ends with the context.
func (s *Server) Subscribe(ctx context.Context, roomUUID string) iter.Seq[Message] {
	r := s.room(roomUUID)
	return func(yield func(Message) bool) {
		for next := 0; ; {
			s.mu.Lock()
			fresh, changed := r.committed[next:], r.changed
			s.mu.Unlock()
			for _, m := range fresh {
				if !yield(*m) {
					return
				}
			}
			next += len(fresh)
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// WaitMessage returns the first message of a room, present or future, that
// match accepts, or the context's error.
func (s *Server) WaitMessage(ctx context.Context, roomUUID string, match func(Message) bool) (Message, error) {
	for m := range s.Subscribe(ctx, roomUUID) {
		if match(m) {
			return m, nil
		}
	}
	return Message{}, ctx.Err()
}
