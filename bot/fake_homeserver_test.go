package bot

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/internal/await"
)

const (
	botUser   = id.UserID("@bot:a.example")
	adminUser = id.UserID("@robin:a.example")
	guestUser = id.UserID("@eve:a.example")
	roomID    = id.RoomID("!room:a.example")
	otherRoom = id.RoomID("!other:a.example")

	botPassword = "the bot's password"
)

// fakeHomeserver is one homeserver with one bot on it. What /sync answers is a list: the token "s3" means that the
// first three answers were seen, so asking again with the same token gives the same answer again.
type fakeHomeserver struct {
	t   *testing.T
	web *httptest.Server

	mu      sync.Mutex
	changed chan struct{}
	stopped chan struct{}

	account    *bottest.Account
	keys       *bottest.KeyServer // of the account
	answers    []string           // of /sync: JSON members beside next_batch
	rooms      map[id.RoomID]*fakeRoom
	pages      map[string]string // of /messages: from → the whole answer
	name       string            // the bot's display name
	files      *bottest.Files
	counter    int
	redactions map[string]bool // by transaction id
	losesRooms bool            // the answer to a request for a room is lost
	shy        bool            // people do not answer the bot's invites, see answerInvite

	// What was asked.
	syncs    []fakeSync
	sent     []fakeSent
	joined   []id.RoomID
	left     []fakeLeave
	receipts []id.EventID
	created  []json.RawMessage
	invites  []fakeInvite
	kicked   []fakeLeave
	redacted []fakeRedaction
	requests []string // method and path
	toDevice []fakeToDevice

	// intercept may answer a request instead; it reports whether it did.
	intercept func(w http.ResponseWriter, r *http.Request) bool
}

type fakeRoom struct {
	state   map[string]json.RawMessage // event type → content
	members []id.UserID

	membership map[id.UserID]string // of members that have not joined
}

func (r *fakeRoom) membershipOf(user id.UserID) string { return cmp.Or(r.membership[user], "join") }

type fakeSync struct {
	since, timeout string
	ended          bool // the bot hung up before the answer
}

type fakeLeave struct {
	Room   id.RoomID
	Reason string
}

// fakeInvite is that the bot invited somebody.
type fakeInvite struct {
	Room   id.RoomID
	User   id.UserID
	Direct bool // the invite says that the room is a direct chat
}

// fakeRedaction is that the bot took back what an event says.
type fakeRedaction struct {
	Room   id.RoomID
	Event  id.EventID
	Reason string
}

// fakeSent is an event that the bot sent.
type fakeSent struct {
	Room    id.RoomID
	Type    string
	TxnID   string
	Content map[string]any
}

// fakeToDevice is what the bot sent to devices.
type fakeToDevice struct {
	Type     string
	Messages map[id.UserID]map[id.DeviceID]map[string]any `json:"messages"`
}

func (s fakeSent) body() string {
	body, _ := s.Content["body"].(string)
	if s.Type == "m.room.encrypted" {
		return "(encrypted)"
	}
	return body
}

func newFakeHomeserver(t *testing.T) *fakeHomeserver {
	f := &fakeHomeserver{
		t: t, changed: make(chan struct{}), stopped: make(chan struct{}),
		account: bottest.NewAccount(botUser, botPassword), rooms: make(map[id.RoomID]*fakeRoom),
		pages: make(map[string]string), redactions: make(map[string]bool), name: "Wazo", files: bottest.NewFiles(),
	}
	f.keys = f.account.Keys
	mux := http.NewServeMux()
	const v3 = "/_matrix/client/v3"
	f.account.Mount(mux)
	mux.HandleFunc("GET "+v3+"/sync", f.sync)
	mux.HandleFunc("POST "+v3+"/keys/claim", f.empty)
	mux.HandleFunc("PUT "+v3+"/sendToDevice/{type}/{txn}", f.sendToDevice)
	mux.HandleFunc("GET "+v3+"/profile/{user}/displayname", f.displayName)
	mux.HandleFunc("PUT "+v3+"/profile/{user}/displayname", f.setDisplayName)
	mux.HandleFunc("PUT "+v3+"/rooms/{room}/send/{type}/{txn}", f.send)
	mux.HandleFunc("GET "+v3+"/rooms/{room}/state/{type}/{key...}", f.state)
	mux.HandleFunc("GET "+v3+"/rooms/{room}/state/{type}", f.state)
	mux.HandleFunc("GET "+v3+"/rooms/{room}/state", f.wholeState)
	mux.HandleFunc("GET "+v3+"/rooms/{room}/members", f.members)
	mux.HandleFunc("GET "+v3+"/rooms/{room}/messages", f.messages)
	mux.HandleFunc("POST "+v3+"/rooms/{room}/join", f.join)
	mux.HandleFunc("POST "+v3+"/rooms/{room}/leave", f.leave)
	mux.HandleFunc("POST "+v3+"/rooms/{room}/receipt/{type}/{event}", f.receipt)
	mux.HandleFunc("PUT "+v3+"/rooms/{room}/redact/{event}/{txn}", f.redact)
	mux.HandleFunc("POST "+v3+"/createRoom", f.createRoom)
	mux.HandleFunc("POST "+v3+"/rooms/{room}/invite", f.inviteUser)
	mux.HandleFunc("POST "+v3+"/rooms/{room}/kick", f.kick)
	mux.HandleFunc("PUT "+v3+"/rooms/{room}/state/{type}/{key...}", f.putState)
	f.files.Mount(mux)
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
			refuse(w, http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		close(f.stopped)
		f.web.Close()
	})
	f.addRoom(roomID, adminUser)
	return f
}

// refuse answers with an error as homeservers do.
func refuse(w http.ResponseWriter, status int, code string) {
	bottest.Refuse(w, status, code)
}

// limited answers with a rate limit that says in its body for how long.
func limited(w http.ResponseWriter, wait time.Duration) {
	w.WriteHeader(http.StatusTooManyRequests)
	fmt.Fprintf(w, `{"errcode":"M_LIMIT_EXCEEDED","error":"slow down","retry_after_ms":%d}`, wait.Milliseconds())
}

// isSend reports whether a request sends an event to a room.
func isSend(r *http.Request, room id.RoomID) bool {
	return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/rooms/"+room.String()+"/send/")
}

// onRequest lets fn answer requests instead of the homeserver.
func (f *fakeHomeserver) onRequest(fn func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.intercept = fn
}

func (f *fakeHomeserver) signal() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// await is await.Until for something about the homeserver: holds runs with the lock held.
func (f *fakeHomeserver) await(what string, holds func() bool) {
	f.t.Helper()
	locked := func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return holds()
	}
	await.Until(f.t, what, locked, func() string {
		f.mu.Lock()
		defer f.mu.Unlock()
		return fmt.Sprintf("sent: %q", f.bodies(""))
	})
}

// bodies returns what was sent to a room, or to all; the lock must be held.
func (f *fakeHomeserver) bodies(room id.RoomID) (bodies []string) {
	for _, sent := range f.sent {
		if room == "" || sent.Room == room {
			bodies = append(bodies, sent.body())
		}
	}
	return bodies
}

func (f *fakeHomeserver) sentTo(room id.RoomID) []fakeSent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.sent), func(s fakeSent) bool { return s.Room != room })
}

// awaitSent waits for an event in a room whose text contains part.
func (f *fakeHomeserver) awaitSent(room id.RoomID, part string) (found fakeSent) {
	f.t.Helper()
	f.await(fmt.Sprintf("%q in %s", part, room), func() bool {
		for _, sent := range f.sent {
			if sent.Room == room && strings.Contains(sent.body(), part) {
				found = sent
				return true
			}
		}
		return false
	})
	return found
}

// addRoom makes a room, private and with the bot in it, whose members have power level 100.
func (f *fakeHomeserver) addRoom(room id.RoomID, members ...id.UserID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	users := map[id.UserID]int{botUser: 100}
	for _, member := range members {
		users[member] = 100
	}
	f.rooms[room] = &fakeRoom{membership: make(map[id.UserID]string), members: append([]id.UserID{botUser}, members...), state: map[string]json.RawMessage{
		"m.room.create":             toJSON(map[string]any{"room_version": "10"}),
		"m.room.power_levels":       toJSON(map[string]any{"users": users, "events_default": 0}),
		"m.room.join_rules":         json.RawMessage(`{"join_rule":"invite"}`),
		"m.room.history_visibility": json.RawMessage(`{"history_visibility":"shared"}`),
	}}
}

// setState replaces a piece of a room's state. The bot is told of it with the next event only if it asks.
func (f *fakeHomeserver) setState(room id.RoomID, eventType string, content any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rooms[room].state[eventType] = toJSON(content)
}

// removeState removes a piece of a room's state.
func (f *fakeHomeserver) removeState(room id.RoomID, eventType string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.rooms[room].state, eventType)
}

// setMembership changes somebody's membership of a room that they were added to.
func (f *fakeHomeserver) setMembership(room id.RoomID, user id.UserID, membership string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rooms[room].membership[user] = membership
}

func toJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// push adds an answer of /sync: members of a JSON object beside next_batch.
func (f *fakeHomeserver) push(members string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers = append(f.answers, members)
	f.signal()
}

// pushTimeline adds an answer of /sync with raw events in a room.
func (f *fakeHomeserver) pushTimeline(room id.RoomID, events ...string) {
	f.push(timeline(room, `"events":[`+strings.Join(events, ",")+`]`))
}

func timeline(room id.RoomID, members string) string {
	return fmt.Sprintf(`"rooms":{"join":{%q:{"timeline":{%s}}}}`, room, members)
}

// text is a message event.
func (f *fakeHomeserver) text(sender id.UserID, body string) string {
	return f.textOfAge(sender, body, 0)
}

// textOfAge is a message event that was sent a while ago. A homeserver tells the age; of a new event it is 0.
func (f *fakeHomeserver) textOfAge(sender id.UserID, body string, age time.Duration) string {
	return string(toJSON(map[string]any{
		"type": "m.room.message", "event_id": f.newEventID(), "sender": sender,
		"origin_server_ts": time.Now().Add(-age).UnixMilli(), "unsigned": map[string]any{"age": age.Milliseconds()},
		"content": map[string]any{"msgtype": "m.text", "body": body},
	}))
}

func (f *fakeHomeserver) newEventID() id.EventID {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counter++
	return id.EventID(fmt.Sprintf("$event%d", f.counter))
}

// say lets a person say something in a room.
func (f *fakeHomeserver) say(room id.RoomID, sender id.UserID, body string) {
	f.pushTimeline(room, f.text(sender, body))
}

// invite lets a person invite the bot.
func (f *fakeHomeserver) invite(room id.RoomID, inviter id.UserID) {
	member := toJSON(map[string]any{
		"type": "m.room.member", "state_key": botUser, "sender": inviter, "content": map[string]any{"membership": "invite"},
	})
	f.push(fmt.Sprintf(`"rooms":{"invite":{%q:{"invite_state":{"events":[%s]}}}}`, room, member))
}

// allSeen waits until the bot has asked for what comes after the last answer.
func (f *fakeHomeserver) allSeen() {
	f.t.Helper()
	f.await("the last answer of /sync to be accepted", func() bool {
		return len(f.syncs) > 0 && f.syncs[len(f.syncs)-1].since == fmt.Sprintf("s%d", len(f.answers))
	})
}
