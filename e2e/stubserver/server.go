// Package stubserver is a homeserver in memory that answers the little that the
// relay asks for: one account, the bot's, and rooms in which other people are and
// say something without having accounts. A person who has encrypted rooms has an
// account, with one device (Person). It is for measuring the relay without the
// time of a real homeserver. It knows nothing of rights, and it keeps everything.
package stubserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/e2e/harness"
)

// Server is the homeserver.
type Server struct {
	account *bottest.Account
	web     *httptest.Server
	changes harness.Changes

	mu       sync.Mutex // guards what follows
	joinAll  bool       // whom the bot invites joins at once
	rooms    map[id.RoomID]*room
	accounts map[id.UserID]*account // of people who have devices
	log      []logged               // all events of all rooms and what was sent to the bot's devices, in order
	unread   []logged               // what the bot has said encrypted, and nobody has decrypted yet
	sent     map[string]id.EventID  // transaction → event
	relayed  int                    // how many messages of Wazo the bot has shown in all rooms
	faults   []error                // what no homeserver would have been asked for
}

// logged is an event with the room that it is in, or a to-device message.
type logged struct {
	room   *room  // nil: it is a to-device message
	device string // of the bot; the message is for it
	data   json.RawMessage
}

// Start starts a homeserver on the loopback interface, with the account of the bot.
func Start(bot id.UserID, password string) *Server {
	s := &Server{
		account: bottest.NewAccount(bot, password), rooms: make(map[id.RoomID]*room), accounts: make(map[id.UserID]*account),
		sent: make(map[string]id.EventID),
	}
	mux := http.NewServeMux()
	s.account.Mount(mux)
	for pattern, fn := range map[string]func(*http.Request) any{
		"GET /profile/{user}/displayname":           s.displayName,
		"POST /createRoom":                          s.createRoom,
		"POST /rooms/{room}/join":                   s.join,
		"POST /rooms/{room}/leave":                  s.leave,
		"POST /rooms/{room}/invite":                 s.invite,
		"PUT /rooms/{room}/send/{type}/{txn}":       s.send,
		"POST /rooms/{room}/receipt/{type}/{event}": nothing,
		"GET /rooms/{room}/state":                   s.wholeState,
		"GET /rooms/{room}/state/{type}/{$}":        s.getState,
		"GET /rooms/{room}/state/{type}":            s.getState,
		"GET /rooms/{room}/state/{type}/{key}":      s.getState,
		"PUT /rooms/{room}/state/{type}/{$}":        s.putState,
		"PUT /rooms/{room}/state/{type}":            s.putState,
		"PUT /rooms/{room}/state/{type}/{key}":      s.putState,
		"GET /rooms/{room}/joined_members":          s.joinedMembers,
		"GET /rooms/{room}/members":                 s.members,
		"GET /rooms/{room}/messages":                s.messages,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /_matrix/client/v3"+path, s.answering(fn))
	}
	mux.HandleFunc("GET /_matrix/client/v3/sync", s.sync)
	mux.HandleFunc("/", s.answering(s.unknown))
	s.web = httptest.NewServer(s.byAccount(mux))
	return s
}

// Close stops the homeserver.
func (s *Server) Close() { s.web.Close() }

// Cut closes all connections of the bot, also those by which it waits for news.
func (s *Server) Cut() { s.web.CloseClientConnections() }

// URL returns the homeserver's address.
func (s *Server) URL() string { return s.web.URL }

// JoinAll makes everybody whom the bot invites from now on join at once.
func (s *Server) JoinAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joinAll = true
}

// Faults returns an error for each request that the homeserver could not answer because it does not know it. Then
// nothing that was measured counts.
func (s *Server) Faults() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.faults...)
}

// ErrStalled says that nothing at all happened on the homeserver for a long time.
var ErrStalled = errors.New("nothing happens on the homeserver any more")

// stallTime is longer than any pause of the relay between two attempts.
const stallTime = 90 * time.Second

// Await waits until done reports true. It returns ErrStalled, or why ctx ended, if that doesn't come.
func (s *Server) Await(ctx context.Context, done func(*View) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(stallTime, func() { cancel(ErrStalled) })
	defer stalled.Stop()
	return s.changes.Until(ctx, func() (bool, error) {
		stalled.Reset(stallTime)
		s.mu.Lock()
		defer s.mu.Unlock()
		return done(&View{s}), nil
	})
}

// AwaitRelayedIn waits until the bot has shown so many messages of Wazo in a room.
func (s *Server) AwaitRelayedIn(ctx context.Context, room id.RoomID, n int) error {
	return s.Await(ctx, func(*View) bool { return len(s.rooms[room].relayed) >= n })
}

// View is what Await's condition may look at.
type View struct{ s *Server }

// Relayed returns how many messages of Wazo the bot has shown in all rooms. What is Unread is not among them.
func (v *View) Relayed() int { return v.s.relayed }

// Unread returns how many messages the bot has said encrypted in all rooms that Person.Read has not read yet.
func (v *View) Unread() int { return len(v.s.unread) }

// RelayedInAll returns how many messages of Wazo the bot has shown in all rooms.
func (s *Server) RelayedInAll() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return (&View{s}).Relayed()
}

// Joined returns in how many rooms somebody besides the bot is.
func (v *View) Joined() (n int) {
	for _, room := range v.s.rooms {
		if len(room.joined()) > 1 {
			n++
		}
	}
	return n
}

// Says reports whether the bot itself has said something in a room that contains part.
func (v *View) Says(room id.RoomID, part string) bool {
	for _, notice := range v.s.rooms[room].notices {
		if strings.Contains(notice, part) {
			return true
		}
	}
	return false
}

type object = map[string]any

// refusal is an answer that is an error.
type refusal struct {
	status int
	code   string
}

var (
	errForbidden = refusal{http.StatusForbidden, "M_FORBIDDEN"}
	errNotFound  = refusal{http.StatusNotFound, "M_NOT_FOUND"}
)

func toJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // only what is written in this package comes here
	}
	return data
}

// answering makes a handler of fn, which is called with the lock held and
// returns what is sent as JSON, or a refusal.
func (s *Server) answering(fn func(*http.Request) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		answer := fn(r)
		s.mu.Unlock()
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

func (s *Server) unknown(r *http.Request) any {
	s.fault(fmt.Errorf("the relay asks for what the homeserver does not have: %s %s", r.Method, r.URL.Path))
	return refusal{http.StatusNotFound, "M_UNRECOGNIZED"}
}

func (s *Server) fault(err error) { s.faults = append(s.faults, err) }

// read parses a request's body; the bot sends no other than JSON.
func (s *Server) read(r *http.Request, into any) {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		s.fault(fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err))
	}
}

func (s *Server) displayName(*http.Request) any { return object{"displayname": "Wazo"} }

func nothing(*http.Request) any { return object{} }
