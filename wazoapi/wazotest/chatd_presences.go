package wazotest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// presence is what a user says about being there, and what telephony says.
type presence struct {
	state        string
	status       *string
	lastActivity time.Time // zero until the first PUT
	lineState    string    // "" without a telephone
	doNotDisturb bool
}

// SetPhone says what a user's only line does: "ringing", "progressing",
// "holding", "talking", "available" (nothing) or "unavailable" (no telephone is
// registered). At first a user has no line; "" takes it away again
// (docs/wazo.md, "Presences").
func (s *Server) SetPhone(u User, state string) {
	s.mu.Lock()
	s.account(u).presence.lineState = state
	s.mu.Unlock()
	s.publishPresence(u.UUID)
}

// SetDoNotDisturb switches a user's telephone service "do not disturb".
func (s *Server) SetDoNotDisturb(u User, on bool) {
	s.mu.Lock()
	s.account(u).presence.doNotDisturb = on
	s.mu.Unlock()
	s.publishPresence(u.UUID)
}

// presenceView is a presence as chatd shows it (docs/wazo.md, "Presences"),
// with its time written by stamp. The caller holds s.mu.
func (s *Server) presenceView(a *account, stamp func(time.Time) string) object {
	connected, mobile := false, false
	for token, ses := range a.sessions {
		if s.liveSession(token) != nil {
			connected = true
			mobile = mobile || ses.mobile
		}
	}
	for _, refresh := range a.refreshTokens {
		mobile = mobile || refresh.mobile
	}
	var lastActivity any
	if !a.presence.lastActivity.IsZero() {
		lastActivity = stamp(a.presence.lastActivity)
	}
	lines, lineState := []object{}, "unavailable"
	if a.presence.lineState != "" {
		lineState = a.presence.lineState
		lines = append(lines, object{{"id", a.ID}, {"state", lineState}})
	}
	return object{
		{"uuid", a.UUID}, {"tenant_uuid", a.Tenant.UUID}, {"state", a.presence.state}, {"status", a.presence.status},
		{"last_activity", lastActivity}, {"do_not_disturb", a.presence.doNotDisturb}, {"lines", lines},
		{"connected", connected}, {"line_state", lineState}, {"mobile", mobile},
	}
}

// publishPresence tells the tenant about a change of a user's presence, or of
// its sessions (docs/wazo.md, "Sessions and presence"). Service accounts have
// no presence.
func (s *Server) publishPresence(user string) { s.publishPresenceAs(user, isoformatUTC) }

func (s *Server) publishPresenceAs(user string, stamp func(time.Time) string) {
	s.mu.Lock()
	a := s.accounts[user]
	if a.Purpose != PurposeUser || a.deleted {
		s.mu.Unlock()
		return
	}
	view, tenant := s.presenceView(a, stamp), a.Tenant.UUID
	s.mu.Unlock()
	if !s.faults.busLost() {
		s.publishAll(tenant, "chatd_presence_updated", "events.chatd.users."+user+".presences.updated", view)
	}
}

// visibleTenants returns the tenants that a presence request is about.
func (s *Server) visibleTenants(who caller, recurse bool) []string {
	tenants := []string{who.acting}
	if recurse && who.acting == s.master.UUID {
		for uuid := range s.tenants {
			tenants = append(tenants, uuid)
		}
	}
	return tenants
}

// authorizePresence is authorize of the presence routes, which answer 503 until
// chatd has collected all presences.
func (s *Server) authorizePresence(r *request, access string) (caller, *answer) {
	who, refusal := s.authorize(r, access)
	if refusal == nil && s.faults.fires(noPresences, faultScope{}) != nil {
		notReady := s.apiError(http.StatusServiceUnavailable, "not-initialized", "Presences are not initialized", nil, "")
		return caller{}, &notReady
	}
	return who, refusal
}

func (s *Server) listPresences(r *request) answer {
	who, refusal := s.authorizePresence(r, "chatd.users.presences.read")
	if refusal != nil {
		return *refusal
	}
	query := r.URL.Query()
	wanted, errs := uuidList(query.Get("user_uuid"))
	if errs != nil {
		return s.invalidData(object{{"user_uuid", errs}})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	users := s.usersOf(s.visibleTenants(who, isTrue(query.Get("recurse")))...)
	items := []object{}
	for _, a := range users {
		if len(wanted) == 0 || slices.Contains(wanted, a.UUID) {
			items = append(items, s.presenceView(a, isoformatUTC))
		}
	}
	return jsonAnswer(http.StatusOK, object{{"items", items}, {"filtered", len(items)}, {"total", len(users)}})
}

func isTrue(s string) bool { return s == "true" || s == "True" || s == "1" }

func (s *Server) readPresence(r *request) answer {
	who, refusal := s.authorizePresence(r, "chatd.users."+r.vars["user"]+".presences.read")
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.visibleUser(who, r.vars["user"])
	if a == nil {
		return s.unknownUser(r.vars["user"])
	}
	return jsonAnswer(http.StatusOK, s.presenceView(a, isoformatUTC))
}

// visibleUser returns the confd user of that uuid in the caller's tenant or one
// below it, or nil. The caller holds s.mu.
func (s *Server) visibleUser(who caller, uuid string) *account {
	a := s.accounts[uuid]
	if a == nil || a.deleted || a.Purpose != PurposeUser || !slices.Contains(s.visibleTenants(who, true), a.Tenant.UUID) {
		return nil
	}
	return a
}

func (s *Server) unknownUser(uuid string) answer {
	return s.apiError(http.StatusNotFound, "unknown-user", fmt.Sprintf("No such user: %q", uuid),
		object{{"uuid", uuid}}, "users")
}

// putPresence answers PUT /users/{user}/presences; the user is looked up before
// the body is checked.
func (s *Server) putPresence(r *request) answer {
	who, refusal := s.authorizePresence(r, "chatd.users."+r.vars["user"]+".presences.update")
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	known := s.visibleUser(who, r.vars["user"]) != nil
	s.mu.Unlock()
	if !known {
		return s.unknownUser(r.vars["user"])
	}
	body, refusal := r.json()
	if refusal != nil {
		return *refusal
	}
	var sc schema
	fields := sc.loadObject(body)
	state := sc.str(fields, "state", stringRule{required: true, choices: []string{"available", "unavailable", "invisible", "away"}})
	status := sc.str(fields, "status", stringRule{nullable: true})
	if sc.errors != nil {
		return s.invalidData(sc.errors)
	}
	s.mu.Lock()
	a := s.accounts[r.vars["user"]]
	a.presence.state, a.presence.lastActivity = *state, s.now()
	if _, given := fields["status"]; given {
		a.presence.status = status
	}
	s.mu.Unlock()
	// The event of a PUT has the time as chatd set it, without offset (ws-05).
	s.publishPresenceAs(a.UUID, isoformat)
	return noContent()
}
