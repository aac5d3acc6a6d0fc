package wazoapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

const (
	testUser UUID = "fcec80e5-d5c0-4a0b-b5b2-9dcb254a3e77"
	testRoom UUID = "528a4665-a623-4ad8-bacc-2f59736b6bdd"
)

// fakeWazo answers log-ins and token checks; tests add the rest with handle.
type fakeWazo struct {
	t   *testing.T
	mux *http.ServeMux
	srv *httptest.Server

	mu      sync.Mutex
	logins  int
	checks  int
	valid   map[string]bool
	noScope map[string]bool
	life    time.Duration    // of new tokens
	login   http.HandlerFunc // replaces the normal answer if not nil
	header  http.Header      // of the last log-in
	refresh string           // comes with new tokens if not empty
	now     func() time.Time // the server's clock
}

func newFakeWazo(t *testing.T) *fakeWazo {
	f := &fakeWazo{
		t: t, mux: http.NewServeMux(), valid: map[string]bool{}, noScope: map[string]bool{},
		life: 12 * time.Hour, now: time.Now,
	}
	f.mux.HandleFunc("POST /api/auth/0.1/token", f.serveLogin)
	f.mux.HandleFunc("HEAD /api/auth/0.1/token/{token}", f.serveCheck)
	f.mux.HandleFunc("DELETE /api/auth/0.1/token/{token}", func(w http.ResponseWriter, r *http.Request) {
		f.revoke(r.PathValue("token"))
		fmt.Fprint(w, `{"data": {"message": "success"}}`)
	})
	f.srv = httptest.NewServer(f.mux)
	t.Cleanup(f.srv.Close)
	return f
}

func (f *fakeWazo) serveLogin(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.logins++
	n, special := f.logins, f.login
	f.header = r.Header.Clone()
	f.mu.Unlock()
	if special != nil {
		special(w, r)
		return
	}
	f.grant(w, fmt.Sprintf("00000000-0000-4000-8000-%012d", n))
}

func (f *fakeWazo) grant(w http.ResponseWriter, token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.valid[token] = true
	const layout = "2006-01-02T15:04:05.000000"
	now := f.now().UTC()
	fmt.Fprintf(w, `{"data": {"token": %q, "refresh_token": %q, "session_uuid": %q, "utc_issued_at": %q, "utc_expires_at": %q,
		"metadata": {"uuid": %q, "tenant_uuid": "64d26dd8-ec82-45b8-bfa6-8c7e9dd3aa73", "purpose": "user", "admin": false}}}`,
		token, f.refresh, sessionOf(token), now.Format(layout), now.Add(f.life).Format(layout), testUser)
}

func sessionOf(token string) UUID { return UUID("5e55" + token[4:]) }

func (f *fakeWazo) serveCheck(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.checks++
	switch token := r.PathValue("token"); {
	case !f.valid[token]:
		w.WriteHeader(http.StatusNotFound)
	case f.noScope[r.URL.Query().Get("scope")]:
		w.WriteHeader(http.StatusForbidden)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (f *fakeWazo) revoke(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.valid, token)
}

func (f *fakeWazo) isValid(token string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.valid[token]
}

func (f *fakeWazo) counts() (logins, checks int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logins, f.checks
}

// handle adds a route that wants a valid token and answers as chatd does
// otherwise.
func (f *fakeWazo) handle(pattern string, h http.HandlerFunc) {
	f.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if token := r.Header.Get("X-Auth-Token"); !f.isValid(token) {
			answerJSON(w, http.StatusUnauthorized, fmt.Sprintf(`{"message": "Unauthorized", "error_id": "unauthorized",
				"details": {"invalid_token": %q, "reason": "not_found_or_expired", "required_access": "chatd"}, "timestamp": 1795291736.1}`, token))
			return
		}
		h(w, r)
	})
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

func (f *fakeWazo) client(change ...func(*Config)) *Client {
	cfg := Config{URL: f.srv.URL, UserAgent: "test/1", Timeout: 5 * time.Second, PostTimeout: 5 * time.Second}
	for _, c := range change {
		c(&cfg)
	}
	c, err := New(cfg, zerolog.Nop())
	require.NoError(f.t, err)
	f.t.Cleanup(c.CloseIdleConnections)
	return c
}

func (f *fakeWazo) account(change ...func(*Config)) *Account {
	return f.client(change...).Account(Credentials{Username: "alice", Password: "pa55word"}, nil)
}

// memoryStore is a TokenStore that outlives an Account.
type memoryStore struct {
	mu    sync.Mutex
	token Token
	err   error
	loads int
}

func (s *memoryStore) LoadToken(context.Context) (Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return s.token, s.err
}

func (s *memoryStore) SaveToken(_ context.Context, token Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
	return s.err
}

// fakeClock is a clock that only moves when told to.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// testdata reads a body that was recorded from the real services.
func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

// recordedError is an answer of the real services that isn't a success.
type recordedError struct {
	Recording   string          `json:"recording"`
	Note        string          `json:"note"`
	Method      string          `json:"method"`
	Path        string          `json:"path"`
	Status      int             `json:"status"`
	ContentType string          `json:"content_type"`
	Body        json.RawMessage `json:"body"`
}

// wire returns the body as it was sent: the recordings have JSON bodies as
// JSON and others as a string.
func (r recordedError) wire(t testing.TB) []byte {
	t.Helper()
	var text string
	if json.Unmarshal(r.Body, &text) == nil {
		return []byte(text)
	}
	return r.Body
}

func recordedErrors(t testing.TB) []recordedError {
	t.Helper()
	var list []recordedError
	require.NoError(t, json.Unmarshal(testdata(t, "errors.json"), &list))
	require.NotEmpty(t, list)
	return list
}
