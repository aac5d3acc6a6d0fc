package wazotest

import (
	"fmt"
	"net/http"
)

// caller is who a service found behind a token.
type caller struct {
	user   string
	tenant string // of the account
	acting string // the tenant to act in: Wazo-Tenant, or the account's own
}

// authorize checks the token of a request for an access, as every service does
// by asking wazo-auth (docs/wazo.md, "Token checks";
// docs/wazo.md, "Errors of chatd").
func (s *Server) authorize(r *request, access string) (caller, *answer) {
	token := r.Header.Get("X-Auth-Token")
	if s.authDown() {
		refusal := s.authUnreachable(token, access)
		return caller{}, &refusal
	}
	wanted := r.Header.Get("Wazo-Tenant")
	s.mu.Lock()
	defer s.mu.Unlock()
	ses := s.liveSession(token)
	details := object{{"invalid_token", token}}
	switch {
	case ses == nil:
		details = append(details, field{"reason", "not_found_or_expired"}, field{"required_access", access})
	case !ses.access.allows(access) || wanted != "" && !s.mayUse(ses.tenant, wanted):
		details = append(details, field{"reason", "missing_permission_or_invalid_tenant"},
			field{"required_access", access}, field{"tenant_uuid", nullable(wanted)})
	default:
		acting := ses.tenant
		if wanted != "" {
			acting = wanted
		}
		s.counts.addBy(ses.account.UUID, r.route)
		return caller{user: ses.account.UUID, tenant: ses.tenant, acting: acting}, nil
	}
	refusal := s.apiError(http.StatusUnauthorized, "unauthorized", "Unauthorized", details, "")
	return caller{}, &refusal
}

// authDown tells whether the other services cannot reach wazo-auth.
func (s *Server) authDown() bool { return s.faults.fires(authDown, faultScope{}) != nil }

// authUnreachable is the 503 of a service without wazo-auth; it contains the
// token, like the real one (docs/wazo.md, "Secrets in error bodies").
func (s *Server) authUnreachable(token, access string) answer {
	cause := fmt.Sprintf("HTTPConnectionPool(host='127.0.0.1', port=9497): Max retries exceeded with url: /0.1/token/%s?scope=%s "+
		"(Caused by NewConnectionError('<urllib3.connection.HTTPConnection object at 0x7f0c7c1ec190>: "+
		"Failed to establish a new connection: [Errno 111] Connection refused'))", token, access)
	return s.apiError(http.StatusServiceUnavailable, "authentication-server-unreachable", "Authentication server unreachable",
		object{{"auth_server_host", "127.0.0.1"}, {"auth_server_port", 9497}, {"original_error", cause}}, "")
}
