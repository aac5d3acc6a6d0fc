package oauth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Replay is what becomes of a refresh token that is used a second time.
type Replay bool

const (
	// Tolerant gives a new pair as long as the first one was not used, which a client may not have received. The Matrix
	// Authentication Service does that, and the specification asks homeservers for it.
	Tolerant Replay = false
	// Strict refuses it.
	Strict Replay = true
)

// pair is an access token with its refresh token.
type pair struct {
	access, refresh  string // ids
	expires          time.Time
	used, consumed   bool
	revoked          bool
	next             *pair // what the refresh token was exchanged for last
	client, deviceID string
	scopes           []string
}

// store is the state of the provider. What is not about clients and tokens is that of the library's example.
type store struct {
	*storage.Storage
	life   time.Duration // of access tokens
	replay Replay

	mu      sync.Mutex
	ahead   time.Duration // of the provider's clock, compared with that of the machine
	user    string        // the only account
	clients map[string]bool
	codes   map[string]*op.DeviceAuthorizationState // by device code
	typed   map[string]string                       // user code → device code
	access  map[string]*pair
	refresh map[string]*pair
	count   int
}

func newStore(user string, life time.Duration, replay Replay) *store {
	return &store{
		Storage: storage.NewStorage(storage.NewUserStore("http://localhost/")), life: life, replay: replay, user: user,
		clients: make(map[string]bool), codes: make(map[string]*op.DeviceAuthorizationState), typed: make(map[string]string),
		access: make(map[string]*pair), refresh: make(map[string]*pair),
	}
}

var _ op.DeviceAuthorizationStorage = (*store)(nil)

func (s *store) now() time.Time { return time.Now().Add(s.ahead) }

// client is a client that has registered itself.
type client struct {
	op.Client
	id string
}

func (c client) GetID() string               { return c.id }
func (c client) AuthMethod() oidc.AuthMethod { return oidc.AuthMethodNone }
func (c client) ClockSkew() time.Duration    { return 0 }
func (c client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeDeviceCode, oidc.GrantTypeRefreshToken}
}

func (s *store) register() (clientID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clientID = fmt.Sprintf("client-%d", len(s.clients)+1)
	s.clients[clientID] = true
	return clientID
}

// GetClientByClientID implements op.OPStorage.
func (s *store) GetClientByClientID(_ context.Context, clientID string) (op.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.clients[clientID] {
		return nil, oidc.ErrInvalidClient()
	}
	return client{storage.NativeClient(clientID), clientID}, nil
}

// StoreDeviceAuthorization implements op.DeviceAuthorizationStorage. The library gives refresh tokens only for a scope
// that Matrix does not have.
func (s *store) StoreDeviceAuthorization(_ context.Context, clientID, deviceCode, userCode string, expires time.Time, scopes []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.typed[userCode] = deviceCode
	s.codes[deviceCode] = &op.DeviceAuthorizationState{ClientID: clientID, Scopes: append(scopes, oidc.ScopeOfflineAccess), Expires: expires}
	return nil
}

// GetDeviceAuthorizatonState implements op.DeviceAuthorizationStorage.
func (s *store) GetDeviceAuthorizatonState(_ context.Context, clientID, deviceCode string) (*op.DeviceAuthorizationState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.codes[deviceCode]
	if state == nil || state.ClientID != clientID {
		return nil, errors.New("no such code")
	}
	found := *state
	return &found, nil
}

// decide says what the owner of the account does in the browser.
func (s *store) decide(userCode string, approve bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.codes[s.typed[userCode]]
	if state == nil {
		return errors.New("no such code")
	}
	state.Done, state.Denied, state.Subject = approve, !approve, s.user
	return nil
}

// CreateAccessToken implements op.AuthStorage. All clients use refresh tokens.
func (s *store) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return "", time.Time{}, oidc.ErrUnauthorizedClient()
}

// CreateAccessAndRefreshTokens implements op.AuthStorage.
func (s *store) CreateAccessAndRefreshTokens(_ context.Context, request op.TokenRequest, current string) (string, string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	made := &pair{
		access: fmt.Sprintf("access-%d", s.count), refresh: fmt.Sprintf("refresh-%d-of-the-test", s.count), expires: s.now().Add(s.life),
		scopes: request.GetScopes(), deviceID: deviceOf(request.GetScopes()),
	}
	if before := s.refresh[current]; before != nil {
		made.client = before.client
		if before.next != nil {
			before.next.revoked = true
		}
		before.consumed, before.next = true, made
		// The access token before goes with its refresh token.
		before.expires = time.Time{}
	} else if state, ok := request.(*op.DeviceAuthorizationState); ok {
		made.client = state.ClientID
	}
	s.access[made.access], s.refresh[made.refresh] = made, made
	return made.access, made.refresh, time.Now().Add(s.life + time.Second/2), nil // the library rounds down
}

func deviceOf(scopes []string) string {
	for _, scope := range scopes {
		if device, ok := strings.CutPrefix(scope, "urn:matrix:client:device:"); ok {
			return device
		}
	}
	return ""
}

// TokenRequestByRefreshToken implements op.AuthStorage.
func (s *store) TokenRequestByRefreshToken(_ context.Context, refreshToken string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.refresh[refreshToken]
	switch {
	case found == nil || found.revoked:
		return nil, errors.New("no such refresh token")
	case found.consumed && (s.replay == Strict || found.next.used || found.next.consumed):
		return nil, errors.New("the refresh token was used before")
	}
	return &refreshRequest{pair: found, user: s.user}, nil
}

// refreshRequest is what the library knows of a refresh token.
type refreshRequest struct {
	*pair
	user string
}

func (r *refreshRequest) GetAMR() []string          { return nil }
func (r *refreshRequest) GetAudience() []string     { return []string{r.client} }
func (r *refreshRequest) GetAuthTime() time.Time    { return time.Now() }
func (r *refreshRequest) GetClientID() string       { return r.client }
func (r *refreshRequest) GetScopes() []string       { return r.scopes }
func (r *refreshRequest) GetSubject() string        { return r.user }
func (r *refreshRequest) SetCurrentScopes([]string) {}

// GetRefreshTokenInfo implements op.AuthStorage.
func (s *store) GetRefreshTokenInfo(_ context.Context, _, token string) (userID, tokenID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refresh[token] == nil {
		return "", "", op.ErrInvalidRefreshToken
	}
	return s.user, token, nil
}

// RevokeToken implements op.AuthStorage.
func (s *store) RevokeToken(_ context.Context, token, _, _ string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.refresh[token]; found != nil {
		found.revoked = true
	}
	return nil
}

// revokeAll ends all log-ins.
func (s *store) revokeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, found := range s.refresh {
		found.revoked = true
	}
}

// deviceWith returns the device for which an access token is valid now, "" if it is not.
func (s *store) deviceWith(accessID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.access[accessID]
	if found == nil || found.revoked || !s.now().Before(found.expires) {
		return ""
	}
	found.used = true
	return found.deviceID
}

// SetUserinfoFromScopes and the next two leave people out of the identity tokens of the library, which Matrix does not
// use.
func (s *store) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// SetUserinfoFromRequest implements op.CanSetUserinfoFromRequest.
func (s *store) SetUserinfoFromRequest(context.Context, *oidc.UserInfo, op.IDTokenRequest, []string) error {
	return nil
}

// GetPrivateClaimsFromScopes implements op.OPStorage.
func (s *store) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}
