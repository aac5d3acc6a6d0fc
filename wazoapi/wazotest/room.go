package wazotest

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Room is a room of chatd.
type Room struct {
	UUID       string
	TenantUUID string
	Name       *string  // nil is null
	Members    []string // uuids of the participants, in the order of chatd
	Outside    string   // uuid of the participant outside Wazo, "" if there is none
	Number     string   // address of that participant
}

// room is a room with its messages.
type room struct {
	uuid      string
	tenant    string
	facts     atomic.Pointer[roomFacts]
	committed []*Message // in the order of the commits
	sorted    []*Message // by created_at; messages of the same instant by commit
	reactions []Reaction // by created_at
	replies   []Reply    // by created_at
	created   time.Time
	changed   chan struct{}
}

// roomFacts are what chatd shows of a room. They are replaced as a whole, with
// s.mu held, so that reading them needs no lock.
type roomFacts struct {
	name  *string
	users []roomUser
}

// roomUser is a participant; identity is "" for those inside Wazo.
type roomUser struct{ uuid, tenant, wazo, identity string }

// view is the room as chatd shows it (docs/wazo.md, "Rooms").
func (r *room) view() object {
	facts := r.facts.Load()
	users := make([]object, len(facts.users))
	for i, u := range facts.users {
		users[i] = object{{"uuid", u.uuid}, {"tenant_uuid", u.tenant}, {"wazo_uuid", u.wazo}, {"identity", nullable(u.identity)}}
	}
	return object{{"uuid", r.uuid}, {"tenant_uuid", r.tenant}, {"name", facts.name}, {"users", users}}
}

func (r *room) export() Room {
	facts := r.facts.Load()
	room := Room{UUID: r.uuid, TenantUUID: r.tenant, Name: facts.name, Members: make([]string, len(facts.users))}
	for i, u := range facts.users {
		room.Members[i] = u.uuid
		if u.identity != "" {
			room.Outside, room.Number = u.uuid, u.identity
		}
	}
	return room
}

func (r *room) users() []roomUser { return r.facts.Load().users }

func (r *room) has(user string) bool {
	return slices.ContainsFunc(r.users(), func(u roomUser) bool { return u.uuid == user })
}

// reachesOutside tells whether somebody outside Wazo takes part
// (docs/wazo.md, "Outside participants").
func (r *room) reachesOutside() bool { return reachesOutside(r.users()) }

func reachesOutside(users []roomUser) bool {
	return slices.ContainsFunc(users, func(u roomUser) bool { return u.identity != "" })
}

// setOf names a set of participants in a tenant.
func setOf(tenant string, users []roomUser) string {
	uuids := make([]string, len(users))
	for i, u := range users {
		uuids[i] = u.uuid
	}
	slices.Sort(uuids)
	return tenant + " " + strings.Join(uuids, " ")
}

// createRoom returns the tenant's room of these participants; if there is none
// yet, it is stored and announced to each of them
// (docs/wazo.md, "Create rooms"). published is false when the announcement
// failed.
func (s *Server) createRoom(tenant string, name *string, users []roomUser) (r *room, published bool) {
	s.mu.Lock()
	existing := s.roomsOfSet[setOf(tenant, users)]
	if existing != nil {
		s.mu.Unlock()
		return existing, true
	}
	r = s.addRoom(tenant, name, users)
	s.mu.Unlock()
	return r, s.announceRoom(r)
}

// makeRoom stores and announces a room, whether or not there is one of these
// participants. published is false when the announcement failed.
func (s *Server) makeRoom(tenant string, name *string, users []roomUser) (r *room, published bool) {
	s.mu.Lock()
	r = s.addRoom(tenant, name, users)
	s.mu.Unlock()
	return r, s.announceRoom(r)
}

// addRoom stores a room. The caller holds s.mu.
func (s *Server) addRoom(tenant string, name *string, users []roomUser) *room {
	r := &room{uuid: newUUID(), tenant: tenant, created: s.now(), changed: make(chan struct{})}
	r.facts.Store(&roomFacts{name: name, users: users})
	s.rooms[r.uuid] = r
	s.roomOrder = append(s.roomOrder, r)
	s.indexMembers(r)
	s.roomsOfSet[setOf(tenant, users)] = r
	close(s.roomsChanged)
	s.roomsChanged = make(chan struct{})
	return r
}

// indexMembers makes sure that the members of a room find it. The caller holds
// s.mu.
func (s *Server) indexMembers(r *room) {
	for _, u := range r.users() {
		if !slices.Contains(s.roomsOfUser[u.uuid], r) {
			s.roomsOfUser[u.uuid] = append(s.roomsOfUser[u.uuid], r)
		}
	}
}

// announceRoom sends chatd_user_room_created to each member
// (docs/wazo.md, "Chat events") and tells whether there was a bus to send it
// on. Its creator is the last one.
func (s *Server) announceRoom(r *room) bool {
	users := r.users()
	if s.faults.busLost() || s.faults.fires(roomNoPublish, faultScope{user: users[len(users)-1].uuid}) != nil {
		return false
	}
	for _, u := range users {
		s.publishTo(u.uuid, r.tenant, "", "chatd_user_room_created", "events.chatd.users."+u.uuid+".rooms.created", r.view())
	}
	return true
}

// participants makes room users of accounts as POST users/me/rooms does: the
// creator last.
func (s *Server) participants(members []User) (tenant string, users []roomUser) {
	if len(members) < 2 {
		panic("wazotest: a room has at least two members")
	}
	creator := members[0]
	for _, u := range append(slices.Clone(members[1:]), creator) {
		users = append(users, roomUser{uuid: u.UUID, tenant: creator.Tenant.UUID, wazo: s.wazoUUID})
	}
	return creator.Tenant.UUID, users
}

// CreateRoom does what POST users/me/rooms by the first member does: the same
// participants get their existing room, others a new one, with its events. An
// empty name is null.
func (s *Server) CreateRoom(name string, members ...User) Room {
	tenant, users := s.participants(members)
	r, _ := s.createRoom(tenant, optional(name), users)
	return r.export()
}

// CreateDuplicateRoom makes a second room of the same participants, as two
// creations at the same moment do (docs/wazo.md, "Create rooms").
func (s *Server) CreateDuplicateRoom(name string, members ...User) Room {
	tenant, users := s.participants(members)
	s.mu.Lock()
	r := s.addRoom(tenant, optional(name), users)
	s.mu.Unlock()
	s.announceRoom(r)
	return r.export()
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Rooms returns all rooms in the order of their creation.
func (s *Server) Rooms() []Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	rooms := make([]Room, len(s.roomOrder))
	for i, r := range s.roomOrder {
		rooms[i] = r.export()
	}
	return rooms
}

// WaitRoom returns the first room, present or future, that match accepts, or
// the context's error.
func (s *Server) WaitRoom(ctx context.Context, match func(Room) bool) (Room, error) {
	for next := 0; ; {
		s.mu.Lock()
		fresh, changed := s.roomOrder[next:], s.roomsChanged
		s.mu.Unlock()
		for _, r := range fresh {
			if match(r.export()) {
				return r.export(), nil
			}
		}
		next += len(fresh)
		select {
		case <-changed:
		case <-ctx.Done():
			return Room{}, ctx.Err()
		}
	}
}
