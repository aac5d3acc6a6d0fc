package bottest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"maunium.net/go/mautrix/id"
)

// Account is the part of a homeserver that logs one user in and out. Its fields may be changed between requests, under
// Lock.
type Account struct {
	sync.Mutex
	User     id.UserID
	Password string
	Tokens   map[string]string // access token → the device that it belongs to, "" if it belongs to none
	Logins   []Login           // all attempts to log in, also those that were refused
	Renewing Tokens            // of access tokens that expire
	Keys     *KeyServer        // has a lock of its own
}

// Login is an attempt to log in.
type Login struct {
	DeviceID string `json:"device_id"` // "" if the homeserver is to choose one
	Password string `json:"password"`
	Refresh  bool   `json:"refresh_token"` // whether refresh tokens are understood
}

// NewAccount returns the account of a user who has no device yet.
func NewAccount(user id.UserID, password string) *Account {
	a := &Account{User: user, Password: password, Tokens: make(map[string]string), Renewing: Tokens{Refresh: make(map[string]string)}}
	a.Keys = NewKeyServer(user, a.DeviceOf)
	return a
}

// Mount adds the endpoints of the account and of its keys to a homeserver.
func (a *Account) Mount(mux *http.ServeMux) {
	const v3 = "/_matrix/client/v3"
	mux.HandleFunc("POST "+v3+"/login", a.logIn)
	mux.HandleFunc("GET "+v3+"/account/whoami", a.whoami)
	mux.HandleFunc("POST "+v3+"/logout", a.logOut)
	mux.HandleFunc("POST "+v3+"/refresh", a.refresh)
	a.Keys.Mount(mux)
}

// Admits reports whether a request may be answered: it carries a valid access token, or it is one by which somebody
// logs in.
func (a *Account) Admits(r *http.Request) bool {
	for _, open := range []string{"/login", "/refresh", "/auth_metadata"} {
		if strings.HasSuffix(r.URL.Path, open) {
			return true
		}
	}
	if strings.HasPrefix(r.URL.Path, "/oauth/") {
		return true
	}
	a.Lock()
	defer a.Unlock()
	_, ok := a.Tokens[token(r)]
	return ok
}

// DeviceOf returns the device that makes a request, "" if the homeserver does not know its access token.
func (a *Account) DeviceOf(r *http.Request) string {
	a.Lock()
	defer a.Unlock()
	return a.Tokens[token(r)]
}

// Revoke makes all access tokens invalid. The devices stay.
func (a *Account) Revoke() {
	a.Lock()
	defer a.Unlock()
	clear(a.Tokens)
}

// Refuse answers a request with an error as homeservers do.
func Refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errcode":%q,"error":"no"}`, code)
}

func (a *Account) logIn(w http.ResponseWriter, r *http.Request) {
	var req Login
	if !read(w, r, &req) {
		return
	}
	a.Lock()
	defer a.Unlock()
	a.Logins = append(a.Logins, req)
	if req.Password != a.Password {
		Refuse(w, http.StatusForbidden, "M_FORBIDDEN")
		return
	}
	device := req.DeviceID
	if device == "" {
		device = fmt.Sprintf("DEVICE%d", len(a.Logins))
	}
	if a.Renewing.Life > 0 && req.Refresh {
		pair := a.issue(device)
		pair["user_id"], pair["device_id"], pair["expires_in_ms"] = a.User, device, a.Renewing.Life.Milliseconds()
		answer(w, pair)
		return
	}
	access := fmt.Sprintf("token-%d", len(a.Logins))
	a.Tokens[access] = device
	answer(w, map[string]any{"user_id": a.User, "device_id": device, "access_token": access})
}

func (a *Account) whoami(w http.ResponseWriter, r *http.Request) {
	answer(w, map[string]any{"user_id": a.User, "device_id": a.DeviceOf(r)})
}

// logOut deletes the device that makes the request.
func (a *Account) logOut(w http.ResponseWriter, r *http.Request) {
	a.Keys.DropDevice(a.DeviceOf(r))
	a.Lock()
	defer a.Unlock()
	delete(a.Tokens, token(r))
	answer(w, map[string]any{})
}

func token(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}
