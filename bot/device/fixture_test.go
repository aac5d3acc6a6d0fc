package device

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/dbtest"
)

const (
	botUser     = id.UserID("@bot:a.example")
	botPassword = "the bot's password"
)

// fixture is a homeserver and a bot's device that is known there.
type fixture struct {
	*testing.T
	hs          *fakeHomeserver
	dbPath      string
	user        id.UserID
	password    string   // unless there is a token
	token       string   // instead of a password
	recoveryKey string   // as configured
	shown       []string // recovery keys that were shown
	newLogins   int      // how often the device told of a new log-in
	logged      bottest.LogBuffer

	manager *Manager
	db      *db.Database // nil while it is closed
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{T: t, hs: newFakeHomeserver(t), dbPath: dbtest.Location(t), user: botUser, password: botPassword}
	t.Cleanup(func() {
		f.stop()
		if t.Failed() {
			t.Log(f.logged.String())
		}
	})
	return f
}

// open opens the database and makes a manager for it.
func (f *fixture) open() {
	f.Helper()
	f.stop()
	var err error
	f.db, err = db.Open(f.Context(), f.dbPath, "key", zerolog.Nop())
	require.NoError(f, err)
	password := f.password
	if f.token != "" {
		password = ""
	}
	f.manager = New(Config{
		UserID: f.user, HomeserverURL: f.hs.web.URL, Password: password, AccessToken: f.token, RecoveryKey: f.recoveryKey,
		UserAgent:       "wazo-matrix-relay/1.2.3",
		ShowRecoveryKey: func(key string) { f.shown = append(f.shown, key) },
		OnLogin:         func() { f.newLogins++ },
	}, f.db, zerolog.New(&f.logged).Level(zerolog.DebugLevel))
}

// stop closes the database.
func (f *fixture) stop() {
	if f.manager != nil {
		f.manager.Close()
	}
	if f.db != nil {
		require.NoError(f, f.db.Close())
		f.db = nil
	}
	if f.manager != nil && f.manager.client != nil {
		f.manager.client.Client.CloseIdleConnections()
	}
}

// prepared opens the database, logs in as a start does, and returns how others see the device then.
func (f *fixture) prepared() Status {
	f.Helper()
	f.open()
	require.NoError(f, f.manager.Prepare(f.Context()))
	return f.device()
}

// device returns how others see the device.
func (f *fixture) device() Status {
	f.Helper()
	status, err := f.manager.Status(f.Context())
	require.NoError(f, err)
	return status
}

// identity returns what the homeserver publishes of the account's identity, without signatures.
func (f *fixture) identity() string {
	f.hs.keys.Lock()
	master := f.hs.keys.Identity["master_key"]
	f.hs.keys.Unlock()
	var key struct {
		Keys map[string]string `json:"keys"`
	}
	if master != nil {
		require.NoError(f, json.Unmarshal(master, &key))
	}
	return fmt.Sprint(key.Keys)
}

// devices returns the ids of the devices whose keys the homeserver has.
func (f *fixture) devices() []string {
	f.hs.keys.Lock()
	defer f.hs.keys.Unlock()
	return slices.Collect(maps.Keys(f.hs.keys.Devices))
}

// loseDatabase takes the database away between two starts.
func (f *fixture) loseDatabase() {
	f.Helper()
	f.stop()
	dbtest.Empty(f, f.dbPath)
}

// otherIdentity replaces the account's identity by that of another bot, as "reset" in a client does. It returns its
// recovery key.
func (f *fixture) otherIdentity() string {
	f.Helper()
	other := newFixture(f.T)
	other.prepared()
	other.stop()
	require.Len(f, other.shown, 1)
	other.hs.keys.Lock()
	defer other.hs.keys.Unlock()
	delete(other.hs.keys.AccountData, generationType)
	f.hs.keys.Lock()
	defer f.hs.keys.Unlock()
	f.hs.keys.Identity = other.hs.keys.Identity
	for name, content := range other.hs.keys.AccountData {
		f.hs.keys.AccountData[name] = content
	}
	return other.shown[0]
}

// execute changes the database behind the bot's back.
func (f *fixture) execute(query string) {
	f.Helper()
	wasOpen := f.db != nil
	if !wasOpen {
		f.open()
	}
	_, err := f.db.Exec(f.Context(), query)
	require.NoError(f, err)
	if !wasOpen {
		f.stop()
	}
}

// fakeHomeserver is one homeserver with the bot's account on it.
type fakeHomeserver struct {
	web     *httptest.Server
	mux     *http.ServeMux
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
	f.mux = mux
	f.account.Mount(mux)
	mux.HandleFunc("PUT /_matrix/client/v3/sendToDevice/{type}/{txn}", func(w http.ResponseWriter, _ *http.Request) { f.answer(w, struct{}{}) })
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
