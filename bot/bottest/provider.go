package bottest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Tokens is the part of an account that gives access tokens which expire, with refresh tokens. Its fields may be
// changed between requests, under the lock of the account.
type Tokens struct {
	Life     time.Duration // of access tokens; 0: they do not expire, and there are no refresh tokens
	Refresh  map[string]string
	Renewals []string // the refresh tokens that were used
	issued   int
}

// issue makes a pair of tokens for a device. The lock must be held.
func (a *Account) issue(device string) map[string]any {
	a.Renewing.issued++
	access, refresh := fmt.Sprintf("access-%d", a.Renewing.issued), fmt.Sprintf("refresh-%d", a.Renewing.issued)
	a.Tokens[access], a.Renewing.Refresh[refresh] = device, device
	return map[string]any{"access_token": access, "refresh_token": refresh, "token_type": "Bearer"}
}

// renew replaces a refresh token by a new pair. It returns nil if the token is not valid. The lock must be held.
func (a *Account) renew(refresh string) map[string]any {
	a.Renewing.Renewals = append(a.Renewing.Renewals, refresh)
	device, ok := a.Renewing.Refresh[refresh]
	if !ok {
		return nil
	}
	delete(a.Renewing.Refresh, refresh)
	for access, of := range a.Tokens {
		if of == device {
			delete(a.Tokens, access)
		}
	}
	return a.issue(device)
}

// Expire makes all access tokens invalid. Refresh tokens stay valid.
func (a *Account) Expire() { a.Revoke() }

// EndLogIns makes all tokens invalid.
func (a *Account) EndLogIns() {
	a.Revoke()
	a.Lock()
	defer a.Unlock()
	clear(a.Renewing.Refresh)
}

// refresh is the endpoint by which a log-in with a password is renewed.
func (a *Account) refresh(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Token string `json:"refresh_token"`
	}
	if !read(w, r, &req) {
		return
	}
	a.Lock()
	defer a.Unlock()
	pair := a.renew(req.Token)
	if pair == nil {
		Refuse(w, http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
		return
	}
	pair["expires_in_ms"] = a.Renewing.Life.Milliseconds()
	answer(w, pair)
}

// Provider is an OAuth 2.0 provider of an account that approves each log-in at once. Its fields may be changed between
// requests, under the lock of the account.
type Provider struct {
	account *Account
	URL     string // of itself
	Clients []string
	Denies  bool     // whoever is asked in the browser refuses
	Revoked []string // refresh tokens
	device  string   // of the grant
}

// AddProvider gives an account a provider.
func (a *Account) AddProvider() *Provider {
	a.Renewing.Life = 5 * time.Minute
	return &Provider{account: a}
}

// Mount adds the endpoints of the provider to a homeserver, which is at p.URL.
func (p *Provider) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /_matrix/client/v1/auth_metadata", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": p.URL, "token_endpoint": p.URL + "/oauth/token", "registration_endpoint": p.URL + "/oauth/register",
			"device_authorization_endpoint": p.URL + "/oauth/device", "revocation_endpoint": p.URL + "/oauth/revoke",
			"account_management_uri": p.URL + "/account",
		})
	})
	mux.HandleFunc("POST /oauth/register", p.register)
	mux.HandleFunc("POST /oauth/device", p.begin)
	mux.HandleFunc("POST /oauth/token", p.token)
	mux.HandleFunc("POST /oauth/revoke", p.revoke)
}

func (p *Provider) register(w http.ResponseWriter, _ *http.Request) {
	p.account.Lock()
	defer p.account.Unlock()
	p.Clients = append(p.Clients, fmt.Sprintf("client-%d", len(p.Clients)))
	answer(w, map[string]any{"client_id": p.Clients[len(p.Clients)-1]})
}

func (p *Provider) begin(w http.ResponseWriter, r *http.Request) {
	p.account.Lock()
	defer p.account.Unlock()
	_, p.device, _ = strings.Cut(r.PostFormValue("scope"), "urn:matrix:client:device:")
	answer(w, map[string]any{"device_code": "device-code", "user_code": "CODE", "verification_uri": p.URL + "/link", "expires_in": 60, "interval": 1})
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.account.Lock()
	defer p.account.Unlock()
	var pair map[string]any
	switch {
	case r.PostFormValue("grant_type") == "refresh_token":
		pair = p.account.renew(r.PostFormValue("refresh_token"))
	case !p.Denies:
		pair = p.account.issue(p.device)
	}
	if pair == nil {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]any{"error": map[bool]string{true: "access_denied", false: "invalid_grant"}[p.Denies]})
		return
	}
	pair["expires_in"] = int(p.account.Renewing.Life.Seconds())
	answer(w, pair)
}

// revoke ends a log-in, and deletes its device.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request) {
	p.account.Lock()
	defer p.account.Unlock()
	refresh := r.PostFormValue("token")
	p.Revoked = append(p.Revoked, refresh)
	p.account.Keys.DropDevice(p.account.Renewing.Refresh[refresh])
	delete(p.account.Renewing.Refresh, refresh)
	answer(w, map[string]any{})
}
