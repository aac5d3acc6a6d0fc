package wazotest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// connectorRoutes are those for people outside Wazo and how they are reached
// (docs/wazo.md, "Outside participants").
func (s *Server) connectorRoutes() []route {
	return []route{
		{"/1.0/users/me/identities", map[string]handler{http.MethodGet: s.listOwnIdentities}},
		{"/1.0/identities", map[string]handler{http.MethodGet: s.listIdentities, http.MethodPost: s.postIdentity}},
		{"/1.0/identities/{identity}", map[string]handler{
			http.MethodGet: s.readIdentity, http.MethodPut: s.putIdentity, http.MethodDelete: s.deleteIdentity,
		}},
		{"/1.0/connectors", map[string]handler{http.MethodGet: s.listConnectors}},
		{"/1.0/connectors/incoming", map[string]handler{http.MethodPost: s.postIncoming}},
		{"/1.0/connectors/incoming/{backend:text}", map[string]handler{http.MethodPost: s.postIncoming}},
		{"/1.0/connectors/{backend:text}/identities", map[string]handler{http.MethodGet: s.listProviderNumbers}},
		{"/1.0/connectors/{backend:text}/auth-schema", map[string]handler{http.MethodGet: s.readAuthSchema}},
	}
}

// listOwnIdentities answers GET /users/me/identities, with room_uuid those by which
// the account can write there.
func (s *Server) listOwnIdentities(r *request) answer {
	who, refusal := s.authorize(r, "chatd.users.me.identities.read")
	if refusal != nil {
		return *refusal
	}
	var sc schema
	roomUUID := sc.uuid(r.query(), "room_uuid")
	if sc.errors != nil {
		return s.invalidData(sc.errors)
	}
	var others []roomUser
	if roomUUID != "" {
		target := s.roomInTenant(roomUUID, who.tenant)
		if target == nil || !target.has(who.user) {
			return s.unknownRoom(roomUUID)
		}
		others = target.others(who.user)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []object{}
	for _, i := range s.connectors.of(who.user) {
		usable := s.connectors.on
		if roomUUID != "" {
			_, reached := "", false
			if len(others) == 1 {
				_, reached = s.connectors.address(others[0], i)
			}
			usable = usable && reached
		}
		if usable {
			items = append(items, i.ownView())
		}
	}
	return jsonAnswer(http.StatusOK, object{{"items", items}, {"total", len(items)}})
}

func (s *Server) listIdentities(r *request) answer {
	who, refusal := s.authorize(r, "chatd.identities.read")
	if refusal != nil {
		return *refusal
	}
	wanted := r.URL.Query().Get("user_uuid")
	s.mu.Lock()
	defer s.mu.Unlock()
	items, total := []object{}, 0
	for _, i := range s.connectors.identities {
		if i.TenantUUID != who.acting {
			continue
		}
		total++
		if wanted == "" || wanted == i.UserUUID {
			items = append(items, i.view())
		}
	}
	return jsonAnswer(http.StatusOK, object{{"items", items}, {"filtered", len(items)}, {"total", total}})
}

// postIdentity answers POST /identities. What the type may be is not checked.
func (s *Server) postIdentity(r *request) answer {
	who, refusal := s.authorize(r, "chatd.identities.create")
	if refusal != nil {
		return *refusal
	}
	body, refusal := r.json()
	if refusal != nil {
		return *refusal
	}
	var sc schema
	fields := sc.loadObject(body)
	required := stringRule{required: true}
	user := text(sc.str(fields, "user_uuid", required))
	backend := text(sc.str(fields, "backend", required))
	kind := text(sc.str(fields, "type", required))
	number := text(sc.str(fields, "identity", required))
	if sc.errors != nil {
		return s.invalidData(sc.errors)
	}
	if backend != smsBackend {
		return s.apiError(http.StatusBadRequest, "unknown-backend", "Unknown connector backend '"+backend+"'",
			object{{"backend", backend}}, "identities")
	}
	i := &Identity{UUID: newUUID(), TenantUUID: who.acting, UserUUID: user, Backend: backend, Type: kind, extra: extraOf(fields)}
	if bad := s.addIdentity(i, number); bad != nil {
		return *bad
	}
	s.announceIdentity(*i, "created")
	return jsonAnswer(http.StatusCreated, i.view())
}

// addIdentity stores an identity, or says why not.
func (s *Server) addIdentity(i *Identity, number string) *answer {
	normal, bad := s.checkNumber(number, i.Backend)
	if bad != nil {
		return bad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	account := s.accounts[i.UserUUID]
	if account == nil || account.Tenant.UUID != i.TenantUUID {
		unknown := s.unknownUser(i.UserUUID)
		return &unknown
	}
	i.Number = normal
	for _, other := range s.connectors.identities {
		if other.Number == i.Number && other.Backend == i.Backend && other.Type == i.Type {
			taken := s.apiError(http.StatusConflict, "duplicate-identity",
				fmt.Sprintf("Identity '%s' already exists for backend '%s' type '%s'", i.Number, i.Backend, i.Type),
				object{{"backend", i.Backend}, {"identity", i.Number}, {"type", i.Type}}, "identities")
			return &taken
		}
	}
	s.connectors.identities = append(s.connectors.identities, i)
	return nil
}

func (s *Server) checkNumber(number, backend string) (string, *answer) {
	normal, ok := normalNumber(number)
	if ok {
		return normal, nil
	}
	const reason = "not a phone number"
	bad := s.apiError(http.StatusBadRequest, "invalid-identity-format",
		fmt.Sprintf("Identity '%s' is not valid for backend '%s': %s", number, backend, reason),
		object{{"identity", number}, {"backend", backend}, {"reason", reason}}, "identities")
	return "", &bad
}

// extraOf returns the free fields of an identity, sorted.
func extraOf(fields map[string]any) object {
	extra := object{}
	given, _ := fields["extra"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(given)) {
		extra = append(extra, field{key, given[key]})
	}
	return extra
}

// withIdentity authorizes an administrator and finds the identity of the path.
func (s *Server) withIdentity(r *request, action string, then func(i *Identity) answer) answer {
	who, refusal := s.authorize(r, "chatd.identities."+r.vars["identity"]+"."+action)
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	i := s.connectors.identity(r.vars["identity"])
	s.mu.Unlock()
	if i == nil || i.TenantUUID != who.acting {
		return s.apiError(http.StatusNotFound, "unknown-user-identity", fmt.Sprintf("No such user identity: %q", r.vars["identity"]),
			object{{"uuid", r.vars["identity"]}}, "identities")
	}
	return then(i)
}

func (s *Server) readIdentity(r *request) answer {
	return s.withIdentity(r, "read", func(i *Identity) answer { return jsonAnswer(http.StatusOK, i.view()) })
}

func (s *Server) deleteIdentity(r *request) answer {
	return s.withIdentity(r, "delete", func(i *Identity) answer {
		s.RemoveNumber(*i)
		return noContent()
	})
}

// putIdentity changes the number or the free fields of an identity.
func (s *Server) putIdentity(r *request) answer {
	return s.withIdentity(r, "update", func(i *Identity) answer {
		body, refusal := r.json()
		if refusal != nil {
			return *refusal
		}
		var sc schema
		fields := sc.loadObject(body)
		if _, given := fields["user_uuid"]; given {
			sc.fail("user_uuid", []string{"Reassignment not supported; delete and recreate."})
		}
		number := sc.str(fields, "identity", stringRule{})
		if sc.errors != nil {
			return s.invalidData(sc.errors)
		}
		changed := *i
		if number != nil {
			normal, bad := s.checkNumber(*number, i.Backend)
			if bad != nil {
				return *bad
			}
			changed.Number = normal
		}
		if _, given := fields["extra"]; given {
			changed.extra = extraOf(fields)
		}
		s.mu.Lock()
		at := slices.Index(s.connectors.identities, i)
		if at >= 0 {
			s.connectors.identities[at] = &changed
		}
		s.mu.Unlock()
		s.announceIdentity(changed, "updated")
		return jsonAnswer(http.StatusOK, changed.view())
	})
}

func (s *Server) listConnectors(r *request) answer {
	if _, refusal := s.authorize(r, "chatd.connectors.read"); refusal != nil {
		return *refusal
	}
	items := []object{}
	if s.hasSMS() {
		items = append(items, object{
			{"name", smsBackend}, {"supported_types", []string{smsType}}, {"configured", true}, {"mode", "webhook"},
		})
	}
	return jsonAnswer(http.StatusOK, object{{"items", items}, {"total", len(items)}})
}

func (s *Server) hasSMS() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connectors.on
}

// connector authorizes an administrator for a backend.
func (s *Server) connector(r *request, action string) *answer {
	backend := r.vars["backend"]
	if _, refusal := s.authorize(r, "chatd.connectors."+backend+"."+action); refusal != nil {
		return refusal
	}
	if backend == smsBackend && s.hasSMS() {
		return nil
	}
	unknown := s.apiError(http.StatusNotFound, "no-such-connector", "No such connector '"+backend+"'",
		object{{"backend", backend}}, "connectors")
	return &unknown
}

// listProviderNumbers answers with the numbers that the tenant has with its
// provider, and whose they are.
func (s *Server) listProviderNumbers(r *request) answer {
	if refusal := s.connector(r, "identities.read"); refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []object{}
	for _, number := range s.connectors.provider.numbers {
		var binding any
		if i := s.connectors.owner(number, ""); i != nil {
			binding = object{{"identity_uuid", i.UUID}, {"user_uuid", i.UserUUID}}
		}
		items = append(items, object{{"identity", number}, {"capabilities", []string{smsType}}, {"binding", binding}})
	}
	return jsonAnswer(http.StatusOK, object{{"items", items}, {"total", len(items)}})
}

func (s *Server) readAuthSchema(r *request) answer {
	if refusal := s.connector(r, "auth-schema.read"); refusal != nil {
		return *refusal
	}
	return jsonAnswer(http.StatusOK, object{{"fields", []object{}}, {"scope", "none"}})
}
