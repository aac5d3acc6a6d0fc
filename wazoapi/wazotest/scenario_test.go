package wazotest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// scenario says how to replay one recording: what happened beside the
// exchanges, and what the recording leaves out.
type scenario struct {
	file      string
	setup     func(*replay)
	before    map[int]func(*replay)
	paths     map[int]func(*replay, string) string // requests whose path was cut
	passwords map[int]string                       // other than the right one
	lifetimes map[string]int                       // seconds, by token label
	captures  map[int]string                       // label of the token in an answer
	refused   map[int]int                          // status of a refused upgrade
	mixed     map[int]bool                         // events that came in an order of chance
}

// defaultTokenLife is long enough for every recording.
const defaultTokenLife = 86400

func (sc scenario) lifetime(label string) int {
	if seconds, ok := sc.lifetimes[label]; ok {
		return seconds
	}
	switch {
	case strings.HasSuffix(label, "-expired"), strings.HasSuffix(label, "-expiring"):
		return 1
	}
	return defaultTokenLife
}

// skip is an exchange that is not replayed. All skips are listed here.
type skip struct {
	file    string
	indexes []int
	reason  string
}

func skips() []skip {
	const (
		direct  = "a direct port: only what is behind nginx is simulated"
		broken  = "a source that an admin misconfigured: admin routes are not simulated"
		stub    = "transliteration by the recorder's stub of confd: not a behaviour of Wazo"
		summary = "the answer was replaced by a remark, there is nothing to compare"
		cut     = "most of the answer was cut off"
		chance  = "which of several equal rooms is found is a matter of chance"
		twice   = "the same event as in connectors-06, which was recorded at the same time"
	)
	return []skip{
		{"chatd-01-room-create", []int{33}, direct},
		{"misc-01-nginx", []int{4}, direct},
		{"dird-02-contacts-by-uuid", []int{26, 27}, direct},
		{"ws-03-close-codes", []int{110, 111, 112, 114, 115}, direct},
		{"dird-05-errors", []int{35, 37, 39}, broken},
		{"dird-03-contacts-search", []int{20, 21}, stub},
		{"chatd-08-service-account", []int{8}, summary},
		{"plugin-05-limits", []int{5}, cut},
		{"plugin-04-absent", []int{22}, direct},
		{"plugin-04b-installed-not-enabled", []int{22}, direct},
		{"connectors-02-rooms", []int{72}, cut},
		{"connectors-04-inbound", []int{138, 139}, cut},
		{"connectors-07-races", []int{70}, twice},
		{"connectors-07-races", []int{97}, chance},
	}
}

func (sc scenario) skips(_ exchange, index int) string {
	for _, s := range skips() {
		for _, i := range s.indexes {
			if s.file == sc.file && i == index {
				return s.reason
			}
		}
	}
	return ""
}

// The rooms that several recordings speak of, and that were made outside them.
const (
	aliceAndBob = "528a4665-a623-4ad8-bacc-2f59736b6bdd"
	listedRoom  = "944ec703-be15-4d9e-bb4c-6543bfba9421"
	svcAndCarol = "66dc4ade-095b-4c3b-991b-0ecde522936b"
)

// scenarios are in the order in which they were recorded: later ones show what
// earlier ones left behind.
func scenarios() []scenario {
	return slices.Concat([]scenario{
		{file: "auth-01-token-create"},
		{file: "auth-02-token-errors", passwords: map[int]string{0: "wrong", 2: ""}},
		{file: "auth-03-refresh-token", captures: map[int]string{5: "alice-refreshed"}},
		{file: "auth-04-token-get-check-delete", lifetimes: map[string]int{"alice": 300}},
		{file: "auth-05-users-sessions", setup: hideNames, before: map[int]func(*replay){6: showNames}},
		{file: "chatd-01-room-create"},
		{file: "chatd-02-room-list"},
		{file: "chatd-03-message-post"},
		{file: "chatd-04-message-post-access"},
		{file: "chatd-05-message-list", setup: postListedMessages},
		{file: "chatd-06-presence-status", setup: func(r *replay) {
			for _, name := range []string{"limited", "dave", "zoe"} {
				r.logIn(name, defaultTokenLife)
			}
		}},
		{file: "misc-01-nginx"},
		{file: "ws-01-v2-normal-user"},
		{file: "ws-02-admin-connections"},
		{file: "ws-03-close-codes", refused: map[int]int{117: http.StatusMovedPermanently}},
		{file: "ws-04-token-expiry-renewal", lifetimes: map[string]int{"alice-4s": 4, "alice-4s-b": 4, "alice-revoked-20s": 20}},
		{file: "ws-05-offline-and-start", before: map[int]func(*replay){
			16: func(r *replay) { r.fill(aliceAndBob, 33) },
		}},
		{file: "ws-06-v1"},
		{file: "ws-07-bus-lost", before: map[int]func(*replay){
			8:  func(r *replay) { r.server.Faults().BusLost() },
			10: func(r *replay) { r.server.Faults().Clear() },
		}},
		{file: "chatd-07-room-create-race", setup: func(r *replay) {
			r.server.CreateRoom("", r.users["carol"], r.users["bob"])
			r.server.CreateDuplicateRoom("", r.users["bob"], r.users["carol"])
		}},
		{file: "failure-01-rabbitmq-down", setup: func(r *replay) { r.fill(aliceAndBob, 84) }, before: map[int]func(*replay){
			8:  func(r *replay) { r.server.Faults().BusLost() },
			24: func(r *replay) { r.server.Faults().Clear() },
		}},
		{file: "failure-02-wazo-auth-down", before: map[int]func(*replay){
			8:  func(r *replay) { r.server.Faults().AuthDown() },
			16: func(r *replay) { r.server.Faults().Clear() },
		}},
		{file: "failure-03-chatd-down", before: map[int]func(*replay){
			0: func(r *replay) { r.server.Faults().ChatdDown() },
			1: func(r *replay) { r.server.Faults().Clear() },
		}},
		{file: "failure-04-websocketd-restart",
			before: map[int]func(*replay){
				8:  func(r *replay) { r.server.Faults().WebsocketdDown() },
				13: func(r *replay) { r.server.Faults().Clear() },
				22: func(r *replay) { r.server.KillWebsocketd() },
			},
			refused: map[int]int{12: http.StatusBadGateway}},
		{file: "chatd-08-service-account", setup: func(r *replay) {
			room := r.server.CreateRoom("", r.users["svc_ext"], r.users["carol"])
			r.bind(svcAndCarol, room.UUID)
			r.fill(svcAndCarol, 20015)
		}},
		{file: "auth-06-session-limit", before: map[int]func(*replay){1: fillSessions}},
		{file: "failure-05-login-while-rabbitmq-is-down", setup: func(r *replay) {
			r.server.RevokeTokens(r.users["svc_ext"])
		}, lifetimes: map[string]int{"svc_ext": 7200}, before: map[int]func(*replay){
			0: func(r *replay) { r.server.Faults().BusLost() },
			6: func(r *replay) { r.server.Faults().Clear() },
		}},
		{file: "dird-05-errors", setup: addDirectory, before: dirdOutages()},
		{file: "dird-01-sources"},
		{file: "dird-02-contacts-by-uuid", paths: map[int]func(*replay, string) string{
			21: manyUUIDs(100), 22: manyUUIDs(200), 23: manyUUIDs(210), 24: manyUUIDs(225), 25: manyUUIDs(400),
		}},
		{file: "dird-03-contacts-search"},
		{file: "dird-04-lookup"},
	}, pluginScenarios(), webhookScenarios())
}

// namedByConfd are the accounts whose names only confd knew when wazo-auth was
// recorded.
func namedByConfd() []string { return []string{"limited", "nows"} }

func hideNames(r *replay) {
	for _, name := range namedByConfd() {
		r.server.SetName(r.users[name], "", "")
	}
}

func showNames(r *replay) {
	for _, name := range namedByConfd() {
		r.server.SetName(r.users[name], r.users[name].Firstname, r.users[name].Lastname)
	}
}

// postListedMessages makes the room and the messages that chatd-05 lists.
func postListedMessages(r *replay) {
	authors := []User{r.users["alice"], r.users["carol"], r.users["dave"]}
	room := r.server.CreateRoom("", r.users["alice"], r.users["carol"], r.users["dave"], r.users["limited"])
	r.bind(listedRoom, room.UUID)
	for i := range 6 {
		r.clock.Advance(71 * time.Millisecond)
		r.server.Post(room.UUID, authors[i%len(authors)], fmt.Sprintf("message %d Été café", i), "")
	}
}

// fill posts into a recorded room until it has n messages: those of scenarios
// that were measurements, not recordings.
func (r *replay) fill(recordedRoom string, n int) {
	room := r.ours(recordedRoom)
	have := len(r.server.Messages(room))
	if have > n {
		r.fail("%d messages, recorded %d", have, n)
	}
	for ; have < n; have++ {
		r.clock.Advance(time.Millisecond)
		r.server.Post(room, r.users["carol"], "p", "")
	}
}

// fillSessions logs svc-ext in until it is refused.
func fillSessions(r *replay) {
	for range maxSessions + 1 {
		status, token := r.tryLogIn("svc_ext", 60)
		if status == http.StatusTooManyRequests {
			return
		}
		r.tokens["<token:svc_ext-1>"] = token
	}
	r.fail("no log-in was refused")
}

func dirdOutages() map[int]func(*replay) {
	clear := func(r *replay) { r.server.Faults().Clear() }
	confdDown := func(r *replay) { r.server.Faults().ConfdDown(0) }
	return map[int]func(*replay){
		43: confdDown, 61: clear,
		63: func(r *replay) { r.server.Faults().AuthDown() }, 69: clear,
		72: func(r *replay) { r.server.Faults().DirdDown() }, 75: clear,
	}
}

// manyUUIDs asks for the thirty known contacts and for others up to n; the
// recorder cut the path.
func manyUUIDs(n int) func(*replay, string) string {
	return func(r *replay, path string) string {
		head, _, _ := strings.Cut(path, "?")
		uuids := make([]string, 0, n)
		for _, c := range directory() {
			if c.ID >= 100 {
				uuids = append(uuids, c.UUID)
			}
		}
		for len(uuids) < n {
			uuids = append(uuids, fmt.Sprintf("00000000-0000-4000-8000-%012d", len(uuids)))
		}
		return head + "?uuid=" + strings.Join(uuids, ",")
	}
}
