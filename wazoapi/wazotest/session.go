package wazotest

import (
	"time"
)

// maxSessions is max_user_concurrent_sessions of wazo-auth
// (docs/wazo.md, "Session limit").
const maxSessions = 100

// session is an access token.
type session struct {
	token     string
	uuid      string
	account   *account
	tenant    string
	acl       []string
	access    *accessList
	issued    time.Time
	expires   time.Time
	remote    string
	userAgent string
	mobile    bool
	clientID  string // of the refresh token that it came with or from, if any
}

type refreshToken struct {
	token     string
	clientID  string
	login     string
	createdAt time.Time
	mobile    bool
}

// addSession makes a token for the account. The caller holds s.mu.
func (s *Server) addSession(a *account, lifetime time.Duration) *session {
	now := s.now()
	ses := &session{
		token:   newUUID(),
		uuid:    newUUID(),
		account: a,
		tenant:  a.Tenant.UUID,
		acl:     tokenACL(&a.User),
		issued:  now,
		expires: now.Add(lifetime),
	}
	ses.access = compileACL(ses.acl, a.UUID, ses.uuid)
	s.sessions[ses.token] = ses
	a.sessions[ses.token] = ses
	return ses
}

// liveSession returns the session of a token that is known and not expired, or
// nil. The caller holds s.mu.
func (s *Server) liveSession(token string) *session {
	ses := s.sessions[token]
	if ses == nil || !s.clock.Now().Before(ses.expires) {
		return nil
	}
	return ses
}

// endSession forgets a token. The caller holds s.mu.
func (s *Server) endSession(ses *session) {
	delete(s.sessions, ses.token)
	delete(ses.account.sessions, ses.token)
}

// liveSessions counts the account's sessions. The caller holds s.mu.
func (s *Server) liveSessions(a *account) int {
	n := 0
	for token := range a.sessions {
		if s.liveSession(token) != nil {
			n++
		}
	}
	return n
}

// Sessions returns how many access tokens of the user are valid.
func (s *Server) Sessions(u User) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.liveSessions(s.account(u))
}

// RevokeTokens deletes the access tokens of a user, not the refresh tokens.
func (s *Server) RevokeTokens(u User) {
	s.mu.Lock()
	a := s.account(u)
	for _, ses := range a.sessions {
		s.endSession(ses)
	}
	s.mu.Unlock()
	s.publishPresence(u.UUID)
}

// ExpireTokens lets the access tokens of a user expire now.
func (s *Server) ExpireTokens(u User) {
	s.mu.Lock()
	for _, ses := range s.account(u).sessions {
		ses.expires = s.clock.Now()
	}
	s.mu.Unlock()
	s.publishPresence(u.UUID)
}

// RevokeRefreshTokens deletes the refresh tokens of a user. Access tokens made
// from them stay valid (docs/wazo.md, "Refresh tokens").
func (s *Server) RevokeRefreshTokens(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.account(u).refreshTokens)
}

// TokensOf returns the access tokens and refresh tokens that a user has now.
func (s *Server) TokensOf(u User) (tokens []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ses := range s.account(u).sessions {
		tokens = append(tokens, ses.token)
	}
	for _, refresh := range s.account(u).refreshTokens {
		tokens = append(tokens, refresh.token)
	}
	return tokens
}

// RefreshTokensOf returns how many refresh tokens a user has.
func (s *Server) RefreshTokensOf(u User) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.account(u).refreshTokens)
}

// expireSoon publishes auth_session_expire_soon to the owner
// (docs/wazo.md, "Sessions and presence").
func (s *Server) expireSoon(ses *session) {
	s.mu.Lock()
	alive := s.liveSession(ses.token) == ses
	s.mu.Unlock()
	if !alive || s.faults.busLost() {
		return
	}
	user := ses.account.UUID
	s.publishTo(user, ses.tenant, "", "auth_session_expire_soon",
		"events.auth.users."+user+".sessions."+ses.uuid+".expire_soon",
		object{{"uuid", ses.uuid}, {"user_uuid", user}, {"tenant_uuid", ses.tenant}})
}
