package wazotest

import (
	"net/http"
	"slices"
)

// identity reads the address of a participant of a new room.
func (s *schema) identity(fields map[string]any) string {
	given := s.str(fields, "identity", stringRule{nullable: true})
	if given != nil && *given == "" {
		s.fail("identity", valueError("length", object{{"min", 1}, {"max", nil}}, "Shorter than minimum length 1."))
	}
	return text(given)
}

// resolve returns the participant who has an address: a colleague if the number is
// one of a colleague's, or somebody outside, by the address as it is written. The
// caller holds s.mu.
func (s *Server) resolve(u roomUser) roomUser {
	if colleague := s.connectors.owner(u.identity, u.tenant); colleague != nil {
		return roomUser{uuid: colleague.UserUUID, tenant: u.tenant, wazo: u.wazo}
	}
	outside := s.outsideUser(u.tenant, u.identity)
	outside.wazo = u.wazo
	return outside
}

// existingOutside returns the oldest room of these participants if one of them is
// outside Wazo, or nil. Nothing else is checked then.
func (s *Server) existingOutside(who caller, users []roomUser) *room {
	if !reachesOutside(users) || len(users) != 2 {
		return nil
	}
	atOnce := s.faults.fires(atOnce, faultScope{user: who.user}) != nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if rooms := s.roomsOfPair(who.tenant, users[0], users[1], atOnce); len(rooms) > 0 {
		return rooms[0]
	}
	return nil
}

// refuseOutside answers wishes for a room with somebody outside that no connector
// fulfils (docs/wazo.md, "Outside participants").
func (s *Server) refuseOutside(who caller, users []roomUser) *answer {
	outside := slices.IndexFunc(users, func(u roomUser) bool { return u.identity != "" })
	if outside < 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var refusal answer
	mine := s.connectors.of(who.user)
	switch {
	case len(users) > 2:
		refusal = s.unreachable("Group rooms with external participants are not supported", "")
	case !s.connectors.reachable(users[outside].identity):
		refusal = s.unreachable(users[outside].identity, "")
	case len(mine) == 0:
		refusal = s.unreachable(who.user, "")
	case !slices.ContainsFunc(mine, func(i *Identity) bool { return i.Type == smsType }):
		refusal = s.apiError(http.StatusConflict, "no-common-connector", "Room participants share no common connector type", nil, "rooms")
	default:
		return nil
	}
	return &refusal
}
