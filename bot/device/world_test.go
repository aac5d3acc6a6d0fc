package device

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/db"
)

const (
	botUser     = id.UserID("@bot:a.example")
	botPassword = "the bot's password"
)

// world is a homeserver and a bot's device that is known there.
type world struct {
	*testing.T
	hs          *fakeHomeserver
	dbPath      string
	user        id.UserID
	password    string   // unless there is a token
	token       string   // instead of a password
	recoveryKey string   // as configured
	shown       []string // recovery keys that were shown
	newLogins   int      // how often the device told of a new log-in
	logged      bytes.Buffer

	manager *Manager
	db      *db.Database // nil while it is closed
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, hs: newFakeHomeserver(t), dbPath: filepath.Join(t.TempDir(), "relay.db"), user: botUser, password: botPassword}
	t.Cleanup(func() {
		w.stop()
		if t.Failed() {
			t.Log(w.logged.String())
		}
	})
	return w
}

// open opens the database and makes a manager for it.
func (w *world) open() {
	w.Helper()
	w.stop()
	var err error
	w.db, err = db.Open(w.Context(), w.dbPath, "key", zerolog.Nop())
	require.NoError(w, err)
	password := w.password
	if w.token != "" {
		password = ""
	}
	w.manager = New(Config{
		UserID: w.user, HomeserverURL: w.hs.web.URL, Password: password, AccessToken: w.token, RecoveryKey: w.recoveryKey,
		UserAgent:       "wazo-matrix-relay/1.2.3",
		ShowRecoveryKey: func(key string) { w.shown = append(w.shown, key) },
		OnLogin:         func() { w.newLogins++ },
	}, w.db, zerolog.New(&w.logged).Level(zerolog.DebugLevel))
}

func (w *world) stop() {
	if w.db != nil {
		require.NoError(w, w.db.Close())
		w.db = nil
	}
	if w.manager != nil && w.manager.client != nil {
		w.manager.client.Client.CloseIdleConnections()
	}
}

// fakeHomeserver is one homeserver with the bot's account on it.
type fakeHomeserver struct {
	web     *httptest.Server
	account *bottest.Account
	keys    *bottest.KeyServer // of the account

	mu       sync.Mutex
	requests []string // method and path
	// intercept may answer a request instead; it reports whether it did.
	intercept func(w http.ResponseWriter, r *http.Request) bool
}

func newFakeHomeserver(t *testing.T) *fakeHomeserver {
	f := &fakeHomeserver{account: bottest.NewAccount(botUser, botPassword)}
	f.keys = f.account.Keys
	mux := http.NewServeMux()
	f.account.Mount(mux)
	f.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.requests = append(f.requests, r.Method+" "+r.URL.Path)
		intercept := f.intercept
		f.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if intercept != nil && intercept(w, r) {
			return
		}
		if !f.account.Admits(r) {
			bottest.Refuse(w, http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.web.Close)
	return f
}

// onRequest lets fn answer requests instead of the homeserver.
func (f *fakeHomeserver) onRequest(fn func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.intercept = fn
}

func (f *fakeHomeserver) answer(w http.ResponseWriter, v any) {
	_ = json.NewEncoder(w).Encode(v) // the bot hung up: nothing to do
}
