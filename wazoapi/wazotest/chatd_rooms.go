package wazotest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Members of a room, the creator included (docs/wazo.md, "Rooms").
const (
	minMembers = 2
	maxMembers = 100
)

// listRooms answers GET /users/me/rooms (docs/wazo.md, "List rooms").
func (s *Server) listRooms(r *request) answer {
	who, refusal := s.authorize(r, "chatd.users.me.rooms.read")
	if refusal != nil {
		return *refusal
	}
	wanted, errs := uuidList(r.URL.Query().Get("user_uuid"))
	if errs != nil {
		return s.invalidData(object{{"user_uuid", errs}})
	}
	if fault := s.faults.fires(refuseRooms, faultScope{user: who.user}); fault != nil {
		return fault.answer.answer()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []object{}
	for _, candidate := range s.roomsOf(who) {
		if !slices.ContainsFunc(wanted, func(uuid string) bool { return !candidate.has(uuid) }) {
			items = append(items, candidate.view())
		}
	}
	return jsonAnswer(http.StatusOK, object{{"items", items}, {"filtered", len(items)}, {"total", len(items)}})
}

// roomsOf returns the rooms of the caller's tenant that it is a member of. The
// caller holds s.mu.
func (s *Server) roomsOf(who caller) []*room {
	var rooms []*room
	for _, r := range s.roomsOfUser[who.user] {
		if r.tenant == who.tenant && r.has(who.user) {
			rooms = append(rooms, r)
		}
	}
	return rooms
}

// uuidList parses a comma-separated list of UUIDs; errors are by index.
func uuidList(list string) (uuids []string, errs object) {
	if list == "" {
		return nil, nil
	}
	for i, part := range strings.Split(list, ",") {
		uuid, ok := parseUUID(part)
		if !ok {
			errs = append(errs, field{strconv.Itoa(i), typeError("Not a valid UUID.", "uuid")})
		}
		uuids = append(uuids, uuid)
	}
	return uuids, errs
}

// roomWish is the body of POST /users/me/rooms.
type roomWish struct {
	name  *string
	users []roomUser
}

// postRoom answers POST /users/me/rooms, in the order of checks of
// docs/wazo.md, "Create rooms".
func (s *Server) postRoom(r *request) answer {
	who, refusal := s.authorize(r, "chatd.users.me.rooms.create")
	if refusal != nil {
		return *refusal
	}
	body, refusal := r.json()
	if refusal != nil {
		return *refusal
	}
	wish, refusal := s.parseRoom(who, body)
	if refusal != nil {
		return *refusal
	}
	if hasDuplicate(wish.users) {
		return s.apiError(http.StatusBadRequest, "duplicate-user", "Duplicate user detected", nil, "rooms")
	}
	if !slices.ContainsFunc(wish.users, func(u roomUser) bool { return u.uuid == who.user }) {
		wish.users = append(wish.users, roomUser{uuid: who.user, tenant: who.tenant, wazo: s.wazoUUID})
	}
	if n := len(wish.users); n < minMembers || n > maxMembers {
		// An object, not a list like other length errors
		// (docs/wazo.md, "Create rooms").
		return s.invalidData(object{{"users", object{
			{"constraint_id", "length"}, {"constraint", object{{"min", minMembers}, {"max", maxMembers}}},
			{"message", fmt.Sprintf("Length must be between %d and %d.", minMembers, maxMembers)},
		}}})
	}
	outside := reachesOutside(wish.users)
	created := s.existingOutside(who, wish.users)
	if created == nil {
		if refusal := s.refuseOutside(who, wish.users); refusal != nil {
			return *refusal
		}
	}
	if strings.ContainsRune(text(wish.name), 0) {
		return refusedText()
	}
	scope := faultScope{user: who.user}
	if fault := s.faults.fires(refuseRoom, scope); fault != nil {
		return fault.answer.answer()
	}
	published := true
	switch {
	case outside && created == nil:
		created, published = s.makeRoom(who.tenant, wish.name, wish.users)
	case !outside:
		created, published = s.createRoom(who.tenant, wish.name, wish.users)
	}
	a := jsonAnswer(http.StatusCreated, created.view())
	if !published {
		a = internalError() // and stored (docs/wazo.md, "Unknown outcomes")
	}
	return s.faults.spoil(a, lateRoom, cutRoom, scope)
}

// parseRoom checks the shape of a wish. What crashes chatd since it resolves
// identities before validating answers 500.
func (s *Server) parseRoom(who caller, body any) (roomWish, *answer) {
	crash := internalError()
	fields, isObject := body.(map[string]any)
	if !isObject && (truthy(body) || isList(body)) {
		return roomWish{}, &crash
	}
	list, isArray := fields["users"].([]any)
	if truthy(fields["users"]) && !isArray || slices.ContainsFunc(list, func(v any) bool { return !isMap(v) }) {
		return roomWish{}, &crash
	}
	var sc schema
	wish := roomWish{name: sc.str(fields, "name", stringRule{nullable: true})}
	anonymous := false
	userErrors := object{}
	for i, v := range list {
		u, errs := s.parseParticipant(who, v.(map[string]any))
		switch {
		case errs != nil:
			userErrors = append(userErrors, field{strconv.Itoa(i), errs})
		case u.uuid == "":
			anonymous = true
		default:
			wish.users = append(wish.users, u)
		}
	}
	if len(userErrors) > 0 {
		sc.fail("users", userErrors)
	}
	if sc.errors != nil {
		bad := s.invalidData(sc.errors)
		return roomWish{}, &bad
	}
	if anonymous {
		return roomWish{}, &crash
	}
	return wish, nil
}

// parseParticipant reads one of the wished users. Tenant and server are not
// compared with anything (docs/wazo.md, "Rooms").
func (s *Server) parseParticipant(who caller, fields map[string]any) (u roomUser, errs object) {
	var sc schema
	u = roomUser{uuid: sc.uuid(fields, "uuid"), tenant: sc.uuid(fields, "tenant_uuid"), wazo: sc.uuid(fields, "wazo_uuid")}
	u.identity = sc.identity(fields)
	if u.tenant == "" {
		u.tenant = who.tenant
	}
	if u.wazo == "" {
		u.wazo = s.wazoUUID
	}
	if u.identity != "" && u.uuid == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		u = s.resolve(u)
	}
	return u, sc.errors
}

func hasDuplicate(users []roomUser) bool {
	seen := map[string]bool{}
	for _, u := range users {
		if seen[u.uuid] {
			return true
		}
		seen[u.uuid] = true
	}
	return false
}

func isMap(v any) bool  { _, ok := v.(map[string]any); return ok }
func isList(v any) bool { _, ok := v.([]any); return ok }
