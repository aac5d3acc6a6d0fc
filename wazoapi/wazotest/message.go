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

// messageView is the message as chatd shows it (docs/wazo.md, "Messages").
// The caller holds Server.mu.
func (s *Server) messageView(m *Message) object {
	way := object{{"type", "internal"}, {"backend", nil}, {"recipients", []string{}}}
	if d := s.connectors.deliveries[m.UUID]; d != nil {
		way = d.view()
	}
	return object{
		{"uuid", m.UUID}, {"content", m.Content}, {"alias", m.Alias}, {"delivery", way},
		{"user_uuid", m.UserUUID}, {"tenant_uuid", m.TenantUUID}, {"wazo_uuid", s.wazoUUID},
		{"created_at", isoformatUTC(m.CreatedAt)}, {"room", object{{"uuid", m.RoomUUID}}},
	}
}

// view is messageView for callers that do not hold Server.mu.
func (s *Server) view(m *Message) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messageView(m)
}

// posting is what becomes of one message.
type posting struct {
	message   *Message
	view      object        // as it was at first
	leaves    bool          // the answer is 202
	failed    bool          // the answer is 500
	committed chan struct{} // closed when the message is readable; nil if never
}

// post takes a message the way of chatd: stamp, publish, commit. The event is
// therefore out before anybody can read the message
// (docs/wazo.md, "Event before commit"). The scope names room and author, and d,
// which may be nil, is how it leaves Wazo.
func (s *Server) post(r *room, scope faultScope, content string, alias *string, d *delivery) posting {
	m := &Message{
		UUID: newUUID(), RoomUUID: r.uuid, UserUUID: scope.user, TenantUUID: r.tenant,
		Content: content, Alias: alias, CreatedAt: s.now(),
	}
	if d != nil {
		d.message, d.updated, scope.text = m, m.CreatedAt, content
	}
	return s.store(r, scope, m, d)
}

// store is post for a message that has its stamp.
func (s *Server) store(r *room, scope faultScope, m *Message, d *delivery) posting {
	s.mu.Lock()
	if d != nil {
		s.connectors.deliveries[m.UUID] = d
	}
	p := posting{message: m, view: s.messageView(m), committed: make(chan struct{})}
	s.mu.Unlock()
	goesOut := d != nil && d.from != ""
	p.leaves = goesOut
	isLost := s.faults.fires(neverCommit, scope) != nil // then there is nothing to send either
	if goesOut && !isLost && s.faults.fires(earlyStatus, scope) != nil {
		s.attempt(d)
	}
	switch {
	case s.faults.fires(publishFails, scope) != nil, s.faults.busLost():
		p.failed = true
	case s.faults.fires(noEvent, scope) != nil:
	default:
		s.announceMessage(r, m, p.view, audience(r, m, d))
	}
	switch late := s.faults.fires(lateCommit, scope); {
	case isLost:
		p.failed, p.committed = true, nil
	case late != nil:
		s.clock.AfterFunc(late.delay, func() { s.commit(r, p) })
	case d != nil && !goesOut && s.faults.busLost():
		s.clock.AfterFunc(s.connectors.delay, func() { s.commit(r, p) })
	default:
		s.commit(r, p)
	}
	if goesOut && p.committed != nil {
		s.clock.AfterFunc(smsPause, func() { s.attempt(d) })
	}
	return p
}

// audience returns who gets the event of a message: each member, the author too if
// it is one. A message that leaves Wazo is the author's own affair until it is
// delivered, and of one that came in the author gets the first copy.
func audience(r *room, m *Message, d *delivery) []string {
	var uuids []string
	if d != nil {
		uuids = append(uuids, m.UserUUID)
	}
	if d != nil && d.from != "" {
		return uuids
	}
	for _, u := range r.users() {
		if d == nil || u.uuid != m.UserUUID {
			uuids = append(uuids, u.uuid)
		}
	}
	return uuids
}

// announceMessage sends the event to each of some users.
func (s *Server) announceMessage(r *room, m *Message, view object, users []string) {
	for _, user := range users {
		s.publishTo(user, r.tenant, r.uuid, "chatd_user_room_message_created",
			"events.chatd.users."+user+".rooms."+r.uuid+".messages.created", view)
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
	return *s.post(s.room(roomUUID), scope, content, optional(alias), nil).message
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
