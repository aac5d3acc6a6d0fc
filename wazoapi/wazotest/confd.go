package wazotest

import "net/http"

func (s *Server) confdService() *service {
	get := func(h handler) map[string]handler { return map[string]handler{http.MethodGet: h} }
	return &service{name: "confd", routes: []route{
		{"/1.1/infos", get(s.confdInfos)},
		{"/1.1/users/{user}", get(s.confdUser)},
	}}
}

// confdInfos answers GET /infos (docs/wazo.md, "Server identity and version").
func (s *Server) confdInfos(r *request) answer {
	if _, refusal := s.authorizeConfd(r, "confd.infos.read"); refusal != nil {
		return *refusal
	}
	return jsonAnswer(http.StatusOK, object{{"uuid", s.wazoUUID}, {"wazo_version", version}})
}

// confdUser answers GET /users/{user} with the main fields of a record
// (docs/wazo.md, "confd"); a normal account may read its own only.
func (s *Server) confdUser(r *request) answer {
	who, refusal := s.authorizeConfd(r, "confd.users."+r.vars["user"]+".read")
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[r.vars["user"]]
	if a == nil || a.deleted || a.Purpose != PurposeUser || a.Tenant.UUID != who.acting {
		return jsonAnswer(http.StatusNotFound,
			[]string{"Resource Not Found - User was not found ('uuid': '" + r.vars["user"] + "')"})
	}
	lines := []object{}
	if a.Exten != "" {
		lines = append(lines, object{{"id", a.ID}, {"extensions", []object{{{"exten", a.Exten}, {"context", "default"}}}}})
	}
	return jsonAnswer(http.StatusOK, object{
		{"id", a.ID}, {"uuid", a.UUID}, {"firstname", nullable(a.Firstname)}, {"lastname", nullable(a.Lastname)},
		{"email", nullable(a.Email)}, {"caller_id", `"` + a.fullName() + `"`}, {"mobile_phone_number", nullable(a.Mobile)},
		{"username", nil}, {"timezone", nil}, {"language", nil}, {"enabled", true}, {"tenant_uuid", a.Tenant.UUID},
		{"lines", lines}, {"services", object{}}, {"forwards", object{}},
	})
}

// authorizeConfd is authorize with confd's errors, which are lists of texts.
// The text of its 401 was not recorded (docs/wazo.md, "confd").
func (s *Server) authorizeConfd(r *request, access string) (caller, *answer) {
	who, refusal := s.authorize(r, access)
	if refusal != nil && refusal.status == http.StatusUnauthorized {
		list := jsonAnswer(http.StatusUnauthorized, []string{"Unauthorized"})
		return who, &list
	}
	return who, refusal
}
