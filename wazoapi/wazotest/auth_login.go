package wazotest

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// defaultLifetime is default_token_lifetime of wazo-auth
// (docs/wazo.md, "Log in").
const defaultLifetime = 2 * time.Hour

// maxExpiration is ten years, in seconds.
const maxExpiration = 315360000

// login is the body of POST /token.
type login struct {
	lifetime     time.Duration
	offline      bool
	clientID     string
	refreshToken string
	tenant       *string // LDAP, by the tenant's uuid or name
	domain       *string // LDAP, by a domain of the tenant
	mobile       bool
}

// createToken answers POST /token: body, credentials, tenant, session limit.
func (s *Server) createToken(r *request) answer {
	wanted, refusal := s.parseLogin(r)
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	a, refusal := s.authenticate(r, wanted)
	if refusal == nil {
		s.counts.addBy(a.UUID, r.route)
		if fault := s.faults.fires(refuseToken, faultScope{user: a.UUID}); fault != nil {
			spoilt := fault.answer.answer()
			refusal = &spoilt
		}
	}
	if refusal != nil {
		s.mu.Unlock()
		return *refusal
	}
	ses := s.addSession(a, wanted.lifetime)
	ses.userAgent = r.UserAgent()
	ses.remote, _, _ = net.SplitHostPort(r.RemoteAddr)
	ses.mobile = wanted.mobile
	if wanted.offline || wanted.refreshToken != "" {
		ses.clientID = wanted.clientID
	}
	data := s.tokenView(ses, true)
	revoked := 0
	if wanted.offline {
		var refresh *refreshToken
		refresh, revoked = s.offlineToken(a, wanted, loginName(r))
		data = append(data, field{"refresh_token", refresh.token})
	}
	s.mu.Unlock()

	scope := faultScope{user: a.UUID}
	if s.faults.busLost() || s.faults.fires(tokenNoPublish, scope) != nil {
		return internalError() // the session exists all the same (docs/wazo.md, "Session limit")
	}
	s.publishPresence(a.UUID)
	if wanted.lifetime > time.Minute {
		s.clock.AfterFunc(wanted.lifetime-time.Minute, func() { s.expireSoon(ses) })
	}
	ok := jsonAnswer(http.StatusOK, object{{"data", data}})
	ok.header = http.Header{"Wazo-Sessions-Revoked": {strconv.Itoa(revoked)}}
	return s.faults.spoil(ok, lateToken, cutToken, scope)
}

func (s *Server) parseLogin(r *request) (login, *answer) {
	body, refusal := r.json()
	if refusal != nil {
		return login{}, refusal
	}
	var sc schema
	fields := sc.loadObject(body)
	wanted := login{lifetime: defaultLifetime, mobile: r.Header.Get("Wazo-Session-Type") == "mobile"}
	if seconds, ok := sc.integer(fields, "expiration"); ok {
		if seconds < 1 || seconds > maxExpiration {
			sc.fail("expiration", valueError("range", object{{"min", 1}, {"max", maxExpiration}}, fmt.Sprintf(
				"Must be greater than or equal to 1 and less than or equal to %d.", maxExpiration)))
		}
		wanted.lifetime = time.Duration(seconds) * time.Second
	}
	if access := sc.str(fields, "access_type", stringRule{choices: []string{"online", "offline"}}); access != nil {
		wanted.offline = *access == "offline"
	}
	wanted.clientID = text(sc.str(fields, "client_id", stringRule{min: 1, max: 1024}))
	wanted.refreshToken = text(sc.str(fields, "refresh_token", stringRule{}))
	wanted.tenant = sc.str(fields, "tenant_id", stringRule{})
	wanted.domain = sc.str(fields, "domain_name", stringRule{})
	if sc.errors == nil {
		sc.checkLogin(wanted)
	}
	if sc.errors != nil {
		bad := s.reasonError(http.StatusBadRequest, pyRepr(sc.errors))
		return login{}, &bad
	}
	return wanted, nil
}

// checkLogin checks what concerns several fields.
func (s *schema) checkLogin(wanted login) {
	var message string
	switch {
	case wanted.offline && wanted.refreshToken != "":
		message = `cannot use the "access_type" "offline" with a refresh token`
	case wanted.offline && wanted.clientID == "":
		message = `"client_id" must be specified when using "access_type" is "offline"`
	case wanted.refreshToken != "" && wanted.clientID == "":
		message = `"client_id" must be specified when using a "refresh_token"`
	case wanted.tenant != nil && wanted.domain != nil:
		message = `"tenant_id" and "domain_name" are exclusive` // these words were not recorded
	default:
		return
	}
	s.fail("_schema", []string{message})
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// authenticate finds the account of a log-in. The caller holds s.mu.
func (s *Server) authenticate(r *request, wanted login) (*account, *answer) {
	a := s.accountOf(r, wanted)
	var refusal answer
	switch {
	case wanted.refreshToken == "" && wanted.tenant != nil && s.tenantOf(*wanted.tenant) == "":
		refusal = s.apiError(http.StatusNotFound, "unknown-tenant", fmt.Sprintf("No such tenant: %q", *wanted.tenant),
			object{{"uuid", *wanted.tenant}}, "tenants")
	case a == nil || !a.Enabled || wanted.refreshToken == "" && !s.mayLogInBy(a, wanted):
		refusal = s.reasonError(http.StatusUnauthorized, "Authentication Failed")
	case s.tooManySessions(a):
		refusal = s.reasonError(http.StatusTooManyRequests,
			"User "+a.UUID+" has exceeded the maximum number of active sessions")
	default:
		return a, nil
	}
	return nil, &refusal
}

// accountOf returns the account that the refresh token, which wins, or the
// Basic header proves, or nil.
func (s *Server) accountOf(r *request, wanted login) *account {
	if wanted.refreshToken != "" {
		return s.accountOfRefreshToken(wanted)
	}
	name, password, ok := basicAuth(r.Header.Get("Authorization"))
	if !ok || password == "" {
		return nil
	}
	a := s.findLogin(name)
	if a == nil || a.Password != password {
		return nil
	}
	return a
}

func (s *Server) accountOfRefreshToken(wanted login) *account {
	for _, a := range s.accounts {
		refresh := a.refreshTokens[wanted.clientID]
		if refresh != nil && refresh.token == wanted.refreshToken && s.findLogin(refresh.login) == a {
			return a
		}
	}
	return nil
}

// mayLogInBy tells whether the account logs in in the way of the request: by
// LDAP in its own tenant, or with the password that wazo-auth knows
// (docs/wazo.md, "LDAP").
func (s *Server) mayLogInBy(a *account, wanted login) bool {
	switch {
	case wanted.domain != nil:
		return a.LDAP && s.domains[*wanted.domain] == a.Tenant.UUID
	case wanted.tenant != nil:
		return a.LDAP && s.tenantOf(*wanted.tenant) == a.Tenant.UUID
	default:
		return !a.LDAP
	}
}

// tenantOf returns the uuid of a tenant, or "" if there is none.
func (s *Server) tenantOf(uuidOrSlug string) string {
	for _, tenant := range s.tenants {
		if tenant.UUID == uuidOrSlug || tenant.Name == uuidOrSlug {
			return tenant.UUID
		}
	}
	return ""
}

func (s *Server) tooManySessions(a *account) bool {
	if s.faults.fires(tokenLimit, faultScope{user: a.UUID}) != nil {
		return true
	}
	return a.Purpose != PurposeInternal && s.liveSessions(a) >= maxSessions
}

// offlineToken returns the refresh token of account and client, which is made
// once. A mobile log-in revokes the account's other mobile ones, with their
// sessions, whose number is returned (docs/wazo.md, "Sessions and presence").
// The caller holds s.mu.
func (s *Server) offlineToken(a *account, wanted login, name string) (*refreshToken, int) {
	revoked := 0
	if wanted.mobile {
		revoked = s.revokeMobile(a, wanted.clientID)
	}
	refresh := a.refreshTokens[wanted.clientID]
	if refresh == nil {
		refresh = &refreshToken{
			token: newUUID(), clientID: wanted.clientID, login: name, createdAt: s.now(), mobile: wanted.mobile,
		}
		a.refreshTokens[wanted.clientID] = refresh
	}
	return refresh, revoked
}

func (s *Server) revokeMobile(a *account, except string) int {
	revoked := 0
	for clientID, refresh := range a.refreshTokens {
		if !refresh.mobile || clientID == except {
			continue
		}
		delete(a.refreshTokens, clientID)
		for _, ses := range a.sessions {
			if ses.clientID == clientID {
				s.endSession(ses)
				revoked++
			}
		}
	}
	return revoked
}

// tokenView is a token as auth shows it. Only the answer that makes it has
// microseconds (docs/wazo.md, "Log in"). issued_at and expires_at are local
// time, here UTC.
func (s *Server) tokenView(ses *session, fresh bool) object {
	local, utc := isoformat, func(t time.Time) string { return t.Format("2006-01-02T15:04:05.000000") }
	issued, expires := ses.issued, ses.expires
	if !fresh {
		issued, expires = issued.Truncate(time.Second), expires.Truncate(time.Second)
	}
	u := ses.account.User
	var pbxUser any
	if u.Purpose == PurposeUser {
		pbxUser = u.UUID
	}
	metadata := object{
		{"uuid", u.UUID}, {"tenant_uuid", u.Tenant.UUID}, {"auth_id", u.UUID}, {"pbx_user_uuid", pbxUser},
		{"xivo_uuid", s.wazoUUID}, {"purpose", u.Purpose},
	}
	if u.Purpose == PurposeUser {
		metadata = append(metadata, field{"admin", u.Admin})
	}
	return object{
		{"token", ses.token}, {"auth_id", u.UUID}, {"xivo_user_uuid", pbxUser}, {"xivo_uuid", s.wazoUUID},
		{"issued_at", local(issued)}, {"expires_at", local(expires)},
		{"utc_issued_at", utc(issued)}, {"utc_expires_at", utc(expires)},
		{"acl", ses.acl}, {"metadata", metadata}, {"session_uuid", ses.uuid},
		{"remote_addr", ses.remote}, {"user_agent", ses.userAgent},
	}
}

// loginName returns the name in the Basic header.
func loginName(r *request) string {
	name, _, _ := basicAuth(r.Header.Get("Authorization"))
	return name
}

func basicAuth(header string) (name, password string, ok bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(raw), ":")
}
