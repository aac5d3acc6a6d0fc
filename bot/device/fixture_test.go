package device

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
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

// stop closes the database.
func (w *world) stop() {
	if w.db != nil {
		require.NoError(w, w.db.Close())
		w.db = nil
	}
	if w.manager != nil && w.manager.client != nil {
		w.manager.client.Client.CloseIdleConnections()
	}
}

// prepared opens the database, logs in as a start does, and returns how others see the device then.
func (w *world) prepared() Status {
	w.Helper()
	w.open()
	require.NoError(w, w.manager.Prepare(w.Context()))
	return w.device()
}

// device returns how others see the device.
func (w *world) device() Status {
	w.Helper()
	status, err := w.manager.Status(w.Context())
	require.NoError(w, err)
	return status
}

// identity returns what the homeserver publishes of the account's identity, without signatures.
func (w *world) identity() string {
	w.hs.keys.Lock()
	defer w.hs.keys.Unlock()
	var key struct {
		Keys map[string]string `json:"keys"`
	}
	if master := w.hs.keys.Identity["master_key"]; master != nil {
		require.NoError(w, json.Unmarshal(master, &key))
	}
	return fmt.Sprint(key.Keys)
}

// loseDatabase takes the database away between two starts.
func (w *world) loseDatabase() {
	w.Helper()
	w.stop()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(w.dbPath + suffix); err != nil {
			require.ErrorIs(w, err, os.ErrNotExist)
		}
	}
}

// otherIdentity replaces the account's identity by that of another bot, as "reset" in a client does. It returns its recovery key.
func (w *world) otherIdentity() string {
	w.Helper()
	other := newWorld(w.T)
	other.prepared()
	other.stop()
	other.hs.keys.Lock()
	defer other.hs.keys.Unlock()
	delete(other.hs.keys.AccountData, generationType)
	w.hs.keys.Lock()
	defer w.hs.keys.Unlock()
	w.hs.keys.Identity = other.hs.keys.Identity
	for name, content := range other.hs.keys.AccountData {
		w.hs.keys.AccountData[name] = content
	}
	require.Len(w, other.shown, 1)
	return other.shown[0]
}

// execute changes the database behind the bot's back.
func (w *world) execute(query string) {
	w.Helper()
	wasOpen := w.db != nil
	if !wasOpen {
		w.open()
	}
	_, err := w.db.Exec(w.Context(), query)
	require.NoError(w, err)
	if !wasOpen {
		w.stop()
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
