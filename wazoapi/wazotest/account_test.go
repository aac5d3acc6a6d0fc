package wazotest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const roomsPath = "/api/chatd/1.0/users/me/rooms"

// get makes a request with a token and returns the status.
func (f *fixture) get(path, token string) int {
	f.Helper()
	status, _, _ := f.do(http.MethodGet, path, token, nil)
	return status
}

// login logs alice in and returns the status.
func (f *fixture) login(body string) int {
	f.Helper()
	status, _, _ := f.do(http.MethodPost, "/api/auth/0.1/token", "", []byte(body))
	return status
}

// offline logs alice in and returns the body that refreshes her token.
func (f *fixture) offline() string {
	f.Helper()
	status, _, body := f.do(http.MethodPost, "/api/auth/0.1/token", "", []byte(`{"access_type": "offline", "client_id": "relay"}`))
	require.Equal(f, http.StatusOK, status)
	var made struct {
		Data struct {
			Refresh string `json:"refresh_token"`
		}
	}
	require.NoError(f, json.Unmarshal(body, &made))
	return fmt.Sprintf(`{"refresh_token": %q, "client_id": "relay"}`, made.Data.Refresh)
}

func TestSwitchesOfAccounts(t *testing.T) {
	t.Parallel()
	t.Run("revoked tokens are refused", func(t *testing.T) {
		f := start(t)
		token := f.token(`{}`)
		require.Equal(t, http.StatusOK, f.get(roomsPath, token))
		f.RevokeTokens(f.alice)
		assert.Equal(t, http.StatusUnauthorized, f.get(roomsPath, token))
	})
	t.Run("expired tokens are refused", func(t *testing.T) {
		f := start(t)
		token := f.token(`{}`)
		f.ExpireTokens(f.alice)
		assert.Equal(t, http.StatusUnauthorized, f.get(roomsPath, token))
		assert.Zero(t, f.Sessions(f.alice))
	})
	t.Run("a refresh token survives a new password, not being revoked, and not its account", func(t *testing.T) {
		f := start(t)
		refresh := f.offline()
		f.SetPassword(f.alice, "other")
		assert.Equal(t, http.StatusUnauthorized, f.login(`{}`))
		assert.Equal(t, http.StatusOK, f.login(refresh))
		f.SetEnabled(f.alice, false)
		assert.Equal(t, http.StatusUnauthorized, f.login(refresh))
		f.SetEnabled(f.alice, true)
		assert.Equal(t, http.StatusOK, f.login(refresh))
		f.RevokeRefreshTokens(f.alice)
		assert.Equal(t, http.StatusUnauthorized, f.login(refresh))
	})
	t.Run("a refresh token does not survive another log-in name", func(t *testing.T) {
		f := start(t)
		refresh := f.offline()
		f.SetUsername(f.alice, "alicia")
		assert.Equal(t, http.StatusUnauthorized, f.login(refresh))
		assert.Equal(t, http.StatusUnauthorized, f.login(`{}`), "nobody is called alice")
		f.SetUsername(f.alice, "alice")
		assert.Equal(t, http.StatusOK, f.login(refresh))
	})
	t.Run("a policy counts from the next log-in on", func(t *testing.T) {
		f := start(t)
		old := f.token(`{}`)
		f.SetACL(f.alice, []string{"!chatd.users.me.rooms.read"})
		assert.Equal(t, http.StatusOK, f.get(roomsPath, old))
		assert.Equal(t, http.StatusUnauthorized, f.get(roomsPath, f.token(`{}`)))
		f.SetACL(f.alice, nil)
		assert.Equal(t, http.StatusOK, f.get(roomsPath, f.token(`{}`)))
	})
	t.Run("the access token of a deleted account works until it ends", func(t *testing.T) {
		f := start(t)
		refresh := f.offline()
		token := f.token(`{}`)
		presence := "/api/chatd/1.0/users/" + f.alice.UUID + "/presences"
		require.Equal(t, http.StatusOK, f.get(presence, token))
		f.DeleteUser(f.alice)
		assert.Equal(t, http.StatusOK, f.get(roomsPath, token))
		assert.Equal(t, http.StatusNotFound, f.get(presence, token))
		assert.Equal(t, http.StatusNotFound, f.get("/api/auth/0.1/users/me/tokens", token))
		assert.Equal(t, http.StatusUnauthorized, f.login(refresh))
		assert.Equal(t, http.StatusUnauthorized, f.login(`{}`))
		f.ExpireTokens(f.alice)
		assert.Equal(t, http.StatusUnauthorized, f.get(roomsPath, token))
		assert.Contains(t, f.Rooms()[0].Members, f.alice.UUID)
		f.AddUser(User{Username: "alice", Tenant: f.bob.Tenant})
	})
}

func TestLogInByDomain(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.SetDomains(f.bob.Tenant, "acme.example")
	other := f.AddTenant("other")
	f.SetDomains(other, "other.example")
	by := func(field, value string) string { return fmt.Sprintf(`{%q: %q}`, field, value) }

	assert.Equal(t, http.StatusUnauthorized, f.login(by("domain_name", "acme.example")), "her password is Wazo's own")
	assert.Equal(t, http.StatusUnauthorized, f.login(by("domain_name", "")))
	f.DeleteUser(f.alice)
	f.AddUser(User{Username: "alice", Password: "secret", Tenant: f.bob.Tenant, LDAP: true})
	for body, status := range map[string]int{
		by("domain_name", "acme.example"):                      http.StatusOK,
		by("domain_name", "other.example"):                     http.StatusUnauthorized,
		by("domain_name", "nobody.example"):                    http.StatusUnauthorized,
		by("tenant_id", "acme"):                                http.StatusOK,
		by("tenant_id", other.UUID):                            http.StatusUnauthorized,
		by("tenant_id", "nobody"):                              http.StatusNotFound,
		`{"domain_name": "acme.example", "tenant_id": "acme"}`: http.StatusBadRequest,
		`{}`: http.StatusUnauthorized,
	} {
		assert.Equal(t, status, f.login(body), body)
	}
}

func TestSessionsOfARefreshTokenKnowTheirClient(t *testing.T) {
	t.Parallel()
	f := start(t)
	refresh := f.offline()
	require.Equal(t, http.StatusOK, f.login(refresh))
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ses := range f.account(f.alice).sessions {
		assert.Equal(t, "relay", ses.clientID)
	}
}

func TestAdministratorsSeeAccounts(t *testing.T) {
	t.Parallel()
	f := start(t)
	read := func(path, token string) (int, string) {
		status, _, body := f.do(http.MethodGet, "/api/auth/0.1/users"+path, token, nil)
		return status, string(body)
	}
	assert.Equal(t, http.StatusUnauthorized, f.get("/api/auth/0.1/users", f.token(`{}`)))
	f.SetACL(f.alice, []string{"auth.users.#"})
	token := f.token(`{}`)
	status, body := read("?search=bo", token)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, `{"filtered":1,"total":2,"items":[{"username":"bob"`)
	f.SetEnabled(f.bob, false)
	_, body = read("/"+f.bob.UUID, token)
	assert.Contains(t, body, `"enabled":false`)
	f.DeleteUser(f.bob)
	status, body = read("/"+f.bob.UUID, token)
	assert.Equal(t, http.StatusNotFound, status)
	assert.Contains(t, body, "unknown-user")
}

func TestRequestsAreCountedByAccount(t *testing.T) {
	t.Parallel()
	f := start(t)
	token := f.token(`{}`)
	f.listen(token)
	f.post(token, "one")
	f.post(token, "two")
	assert.Equal(t, http.StatusUnauthorized, f.get("/api/auth/0.1/users", token))
	assert.Equal(t, Requests{
		"POST /api/auth/0.1/token":                           1,
		"GET /api/websocketd/":                               1,
		"POST /api/chatd/1.0/users/me/rooms/{room}/messages": 2,
	}, f.RequestsBy(f.alice))
	assert.Empty(t, f.RequestsBy(f.bob))
	assert.Equal(t, 1, f.WebsocketsOf(f.alice))
	assert.Zero(t, f.WebsocketsOf(f.bob))
}
