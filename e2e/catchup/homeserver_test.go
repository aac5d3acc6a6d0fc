package catchup

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/e2e/harness"
)

const (
	botUser   = id.UserID("@bot:a.example")
	adminUser = id.UserID("@robin:a.example")
	room      = id.RoomID("!room:a.example")

	botPassword = "the bot's password"

	// stallTime is longer than any pause of the relay between two attempts.
	stallTime = 90 * time.Second
)

// homeserver is the little of a homeserver that the relay asks for: one bot, one
// admin, one private plain room. What the bot asks for beyond that fails the
// test, so that nothing is measured against an answer that no homeserver gives.
type homeserver struct {
	t   testing.TB
	web *httptest.Server

	changes harness.Changes

	mu      sync.Mutex // guards what follows
	logins  int
	invited bool
	joined  bool // the bot
	state   map[string]json.RawMessage
	events  []json.RawMessage     // the room's timeline since the invite
	joinAt  int                   // where in events the bot joined
	sent    map[string]id.EventID // transaction id → event
	notices []string              // texts of what the bot said itself
	relayed []string              // texts of what the bot relayed
}

func newHomeserver(t testing.TB) *homeserver {
	h := &homeserver{
		t: t, sent: make(map[string]id.EventID),
		state: map[string]json.RawMessage{
			"m.room.create":             toJSON(object{"room_version": "10"}),
			"m.room.power_levels":       toJSON(object{"users": map[id.UserID]int{adminUser: 100}}),
			"m.room.join_rules":         toJSON(object{"join_rule": "invite"}),
			"m.room.history_visibility": toJSON(object{"history_visibility": "shared"}),
		},
	}
	mux := http.NewServeMux()
	for pattern, fn := range map[string]func(*http.Request) any{
		"POST /login":                               h.login,
		"GET /account/whoami":                       h.whoami,
		"GET /profile/{user}/displayname":           h.displayName,
		"POST /rooms/{room}/join":                   h.join,
		"PUT /rooms/{room}/send/{type}/{txn}":       h.send,
		"POST /rooms/{room}/receipt/{type}/{event}": h.receipt,
		"GET /rooms/{room}/state/{type}/{$}":        h.readState,
		"GET /rooms/{room}/state/{type}":            h.readState,
		"GET /rooms/{room}/messages":                h.messages,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /_matrix/client/v3"+path, h.answering(fn))
	}
	mux.HandleFunc("GET /_matrix/client/v3/sync", h.sync)
	bottest.NewKeyServer(botUser, device).Mount(mux)
	mux.HandleFunc("/", h.answering(h.unknown))
	h.web = httptest.NewServer(mux)
	t.Cleanup(h.web.Close)
	return h
}

type object = map[string]any

// refusal is an answer that is an error.
type refusal struct {
	status int
	code   string
}

func toJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // only what is written in this package comes here
	}
	return data
}

// answering makes a handler of fn, which is called with the lock held and
// returns what is sent as JSON, or a refusal.
func (h *homeserver) answering(fn func(*http.Request) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		answer := fn(r)
		h.mu.Unlock()
		write(w, answer)
	}
}

func write(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	if no, refused := answer.(refusal); refused {
		w.WriteHeader(no.status)
		answer = object{"errcode": no.code, "error": "no"}
	}
	_, _ = w.Write(toJSON(answer)) // the bot hung up: nothing to do
}

func (h *homeserver) unknown(r *http.Request) any {
	h.t.Errorf("the relay asks for what the homeserver doesn't have: %s %s", r.Method, r.URL.Path)
	return refusal{http.StatusNotFound, "M_UNRECOGNIZED"}
}

// read parses a request's body; the bot sends no other than JSON.
func (h *homeserver) read(r *http.Request, into any) {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		h.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
}

// errStalled says that nothing at all happened in the room for a long time.
var errStalled = errors.New("nothing happens any more")

// await waits until done, which is called with the lock held, reports true. It
// returns errStalled, or why ctx ended, if that doesn't come.
func (h *homeserver) await(ctx context.Context, done func() bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(stallTime, func() { cancel(errStalled) })
	defer stalled.Stop()
	return h.changes.Until(ctx, func() (bool, error) {
		stalled.Reset(stallTime)
		h.mu.Lock()
		defer h.mu.Unlock()
		return done(), nil
	})
}

// awaitNotice waits until the bot itself says something that contains part.
func (h *homeserver) awaitNotice(ctx context.Context, part string) {
	h.t.Helper()
	require.NoError(h.t, h.await(ctx, func() bool {
		return slices.ContainsFunc(h.notices, func(text string) bool { return strings.Contains(text, part) })
	}), "the bot did not say %q", part)
}

// awaitRelayed waits until n messages were relayed.
func (h *homeserver) awaitRelayed(ctx context.Context, n int) error {
	return h.await(ctx, func() bool { return len(h.relayed) >= n })
}

// relayedTexts returns the texts of all messages that were relayed, in the
// room's order.
func (h *homeserver) relayedTexts() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.relayed)
}
