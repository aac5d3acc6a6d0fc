package wazotest

import (
	"net/http"
	"slices"
	"strings"
)

func (s *Server) authService() *service {
	return &service{name: "auth", poweredBy: "wazo-auth", routes: []route{
		{"/0.1/token", map[string]handler{http.MethodPost: s.createToken}},
		{"/0.1/token/{token}", map[string]handler{
			http.MethodGet: s.readToken, http.MethodHead: s.headToken, http.MethodDelete: s.deleteToken,
		}},
		{"/0.1/token/{token}/scopes/check", map[string]handler{http.MethodPost: s.checkScopes}},
		{"/0.1/users", map[string]handler{http.MethodGet: s.listUsers}},
		{"/0.1/users/{user}", map[string]handler{http.MethodGet: s.readUser}},
		{"/0.1/users/me/tokens", map[string]handler{http.MethodGet: s.listRefreshTokens}},
		{"/0.1/users/me/tokens/{client_id:text}", map[string]handler{http.MethodDelete: s.deleteRefreshToken}},
	}}
}

// readToken answers GET /token/{token}, with seconds only
// (docs/wazo.md, "Log in").
func (s *Server) readToken(r *request) answer {
	ses, refusal := s.inspectToken(r)
	if refusal != nil {
		return *refusal
	}
	return jsonAnswer(http.StatusOK, object{{"data", s.tokenView(ses, false)}})
}

func (s *Server) headToken(r *request) answer {
	if _, refusal := s.inspectToken(r); refusal != nil {
		return *refusal
	}
	return noContent()
}

// inspectToken finds the token of a path and checks the scope and the tenant
// that the query asks for (docs/wazo.md, "Token checks").
func (s *Server) inspectToken(r *request) (*session, *answer) {
	query := r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	ses := s.liveSession(r.vars["token"])
	var refusal answer
	scope, tenant := query.Get("scope"), query.Get("tenant")
	switch {
	case ses == nil:
		refusal = s.noSuchToken()
	case scope != "" && !ses.access.allows(scope):
		refusal = s.reasonError(http.StatusForbidden, "Unauthorized for "+scope)
	case tenant != "" && !s.mayUse(ses.tenant, tenant):
		refusal = s.reasonError(http.StatusForbidden, "Unauthorized for tenant "+tenant)
	default:
		return ses, nil
	}
	return nil, &refusal
}

func (s *Server) noSuchToken() answer {
	return s.reasonError(http.StatusNotFound, "No such token")
}

// deleteToken answers DELETE /token/{token}: success, known or not. Without
// a bus the token is gone, and the answer 500 (failure-05).
func (s *Server) deleteToken(r *request) answer {
	s.mu.Lock()
	ses := s.sessions[r.vars["token"]]
	if ses != nil {
		s.endSession(ses)
	}
	s.mu.Unlock()
	if ses != nil {
		if s.faults.busLost() {
			return internalError()
		}
		s.publishPresence(ses.account.UUID)
	}
	return jsonAnswer(http.StatusOK, object{{"data", object{{"message", "success"}}}})
}

// checkScopes answers POST /token/{token}/scopes/check.
func (s *Server) checkScopes(r *request) answer {
	body, refusal := r.json()
	if refusal != nil {
		return *refusal
	}
	var sc schema
	fields := sc.loadObject(body)
	scopes, ok := fields["scopes"].([]any)
	tenant := sc.uuid(fields, "tenant_uuid")
	switch {
	case fields["scopes"] == nil:
		sc.fail("scopes", missingError())
	case !ok:
		sc.fail("scopes", typeError("Not a valid list.", "list"))
	}
	if sc.errors != nil {
		return s.reasonError(http.StatusBadRequest, pyRepr(sc.errors))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ses := s.liveSession(r.vars["token"])
	switch {
	case ses == nil:
		return s.noSuchToken()
	case tenant != "" && !s.mayUse(ses.tenant, tenant):
		return s.reasonError(http.StatusForbidden, "Unauthorized for tenant "+tenant)
	}
	granted := object{}
	for _, scope := range scopes {
		if scope, ok := scope.(string); ok {
			granted = append(granted, field{scope, ses.access.allows(scope)})
		}
	}
	return jsonAnswer(http.StatusOK, object{{"scopes", granted}})
}

func (s *Server) listRefreshTokens(r *request) answer {
	caller, refusal := s.authorize(r, "auth.users.me.tokens.read")
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[caller.user]
	if a.deleted {
		return s.unknownUser(a.UUID)
	}
	tokens := make([]*refreshToken, 0, len(a.refreshTokens))
	for _, token := range a.refreshTokens {
		tokens = append(tokens, token)
	}
	slices.SortFunc(tokens, func(a, b *refreshToken) int { return strings.Compare(a.clientID, b.clientID) })
	items := make([]object, len(tokens))
	for i, token := range tokens {
		items[i] = object{
			{"client_id", token.clientID}, {"created_at", isoformatUTC(token.createdAt)}, {"mobile", token.mobile},
			{"user_uuid", a.UUID}, {"tenant_uuid", a.Tenant.UUID}, {"metadata", object{}},
		}
	}
	return jsonAnswer(http.StatusOK, object{{"total", len(items)}, {"filtered", len(items)}, {"items", items}})
}

func (s *Server) deleteRefreshToken(r *request) answer {
	clientID := r.vars["client_id"]
	access := strings.ReplaceAll(clientID, ".", "_") // docs/wazo.md, "Access rights"
	caller, refusal := s.authorize(r, "auth.users.me.tokens."+access+".delete")
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	a := s.accounts[caller.user]
	_, known := a.refreshTokens[clientID]
	delete(a.refreshTokens, clientID)
	deleted := a.deleted
	s.mu.Unlock()
	if deleted {
		return s.unknownUser(a.UUID)
	}
	if !known {
		return s.apiError(http.StatusNotFound, "cannot-find-refresh-token-matching-client-id",
			`unknown refresh_token for client_id "`+clientID+`"`, object{{"client_id", clientID}}, "tokens")
	}
	return noContent()
}
