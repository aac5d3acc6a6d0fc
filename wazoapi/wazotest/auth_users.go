package wazotest

import (
	"cmp"
	"net/http"
	"slices"
)

// listUsers answers GET /users: the accounts of the tenant, by log-in name
// (docs/wazo.md, "Users of wazo-auth").
func (s *Server) listUsers(r *request) answer {
	who, refusal := s.authorize(r, "auth.users.read")
	if refusal != nil {
		return *refusal
	}
	search, _ := r.query()["search"].(string)
	matches := searchPattern(search)
	s.mu.Lock()
	defer s.mu.Unlock()
	total, found := 0, []*account{}
	for _, uuid := range s.accountOrder {
		a := s.accounts[uuid]
		if a.Tenant.UUID != who.acting {
			continue
		}
		total++
		if slices.ContainsFunc([]string{a.Firstname, a.Lastname, a.Username, a.Email}, matches) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b *account) int { return cmp.Compare(a.Username, b.Username) })
	items := make([]object, len(found))
	for i, a := range found {
		items[i] = a.authView()
	}
	return jsonAnswer(http.StatusOK, object{{"filtered", len(items)}, {"total", total}, {"items", items}})
}

// readUser answers GET /users/{user}.
func (s *Server) readUser(r *request) answer {
	uuid := r.vars["user"]
	who, refusal := s.authorize(r, "auth.users."+uuid+".read")
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[uuid]
	if a == nil || a.deleted || !s.mayUse(who.acting, a.Tenant.UUID) {
		return s.unknownUser(uuid)
	}
	return jsonAnswer(http.StatusOK, a.authView())
}

// authView is the account as wazo-auth shows it.
func (a *account) authView() object {
	emails := []object{}
	if a.Email != "" {
		emails = append(emails, object{{"uuid", a.emailUUID}, {"address", a.Email}, {"main", true}, {"confirmed", true}})
	}
	method := "default"
	switch {
	case a.LDAP:
		method = "ldap"
	case a.Purpose != PurposeUser:
		method = "native"
	}
	return object{
		{"username", a.Username}, {"uuid", a.UUID}, {"enabled", a.Enabled}, {"emails", emails},
		{"firstname", nullable(a.Firstname)}, {"lastname", nullable(a.Lastname)},
		{"purpose", a.Purpose}, {"tenant_uuid", a.Tenant.UUID}, {"authentication_method", method},
	}
}
