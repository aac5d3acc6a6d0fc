package wazotest

import "slices"

// What nobody can do over HTTP, but an administrator can in chatd's database.
// There is no event for any of it. chatd reads the tables for each request, so
// the next list of rooms shows the change.

// RenameRoom gives a room another name; an empty one is null.
func (s *Server) RenameRoom(roomUUID, name string) {
	s.changeRoom(roomUUID, func(facts *roomFacts) { facts.name = optional(name) })
}

// AddMember puts a user into a room. It does nothing if the user is in it.
func (s *Server) AddMember(roomUUID string, u User) {
	s.changeRoom(roomUUID, func(facts *roomFacts) {
		if !slices.ContainsFunc(facts.users, func(member roomUser) bool { return member.uuid == u.UUID }) {
			facts.users = append(facts.users, roomUser{uuid: u.UUID, tenant: u.Tenant.UUID, wazo: s.wazoUUID})
		}
	})
}

// RemoveMember takes a user out of a room, which stays for the others.
func (s *Server) RemoveMember(roomUUID string, u User) {
	s.changeRoom(roomUUID, func(facts *roomFacts) {
		facts.users = slices.DeleteFunc(facts.users, func(member roomUser) bool { return member.uuid == u.UUID })
	})
}

// AddOutsideParticipant puts somebody outside Wazo into a room and returns the
// uuid that chatd makes of the identity, such as a telephone number
// (docs/wazo.md, "Outside participants"). A real room like this has one other
// member.
func (s *Server) AddOutsideParticipant(roomUUID, identity string) string {
	member := s.outsideUser(s.room(roomUUID).tenant, identity)
	s.changeRoom(roomUUID, func(facts *roomFacts) { facts.users = append(facts.users, member) })
	return member.uuid
}

// CreateOutsideRoom makes the room of a user and somebody outside Wazo, as
// chatd does before the first message from there, with its event. It has no
// name. [Room.Outside] is who may be given to [Server.Post] as the author.
func (s *Server) CreateOutsideRoom(u User, identity string) Room {
	member := roomUser{uuid: u.UUID, tenant: u.Tenant.UUID, wazo: s.wazoUUID}
	r, _ := s.createRoom(u.Tenant.UUID, nil, []roomUser{s.outsideUser(u.Tenant.UUID, identity), member})
	return r.export()
}

func (s *Server) outsideUser(tenant, identity string) roomUser {
	return roomUser{uuid: uuidOfURL(tenant + ":" + identity), tenant: tenant, wazo: s.wazoUUID, identity: identity}
}

// changeRoom replaces the facts of a room by changed ones, and the entry of its
// participants, by which the next creation finds it.
func (s *Server) changeRoom(uuid string, change func(*roomFacts)) {
	r := s.room(uuid)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := r.facts.Load()
	facts := &roomFacts{name: old.name, users: slices.Clone(old.users)}
	change(facts)
	if set := setOf(r.tenant, old.users); s.roomsOfSet[set] == r {
		delete(s.roomsOfSet, set)
	}
	s.roomsOfSet[setOf(r.tenant, facts.users)] = r
	r.facts.Store(facts)
	s.indexMembers(r)
}

// DeleteMessage takes a message out of a room. Its reactions go with it, and what
// it answers is forgotten. Answers to it stay, without what they answered
// (docs/wazo.md, "Replies"). [Server.Subscribe] still yields the message.
func (s *Server) DeleteMessage(roomUUID, messageUUID string) {
	r := s.room(roomUUID)
	s.mu.Lock()
	defer s.mu.Unlock()
	r.sorted = slices.DeleteFunc(slices.Clone(r.sorted), func(m *Message) bool { return m.UUID == messageUUID })
	r.reactions = slices.DeleteFunc(slices.Clone(r.reactions), func(x Reaction) bool { return x.MessageUUID == messageUUID })
	r.replies = slices.DeleteFunc(slices.Clone(r.replies), func(y Reply) bool { return y.ChildUUID == messageUUID })
	for i := range r.replies {
		if r.replies[i].ParentUUID == messageUUID {
			r.replies[i].ParentUUID = ""
		}
	}
	r.signal()
}
