package wazotest

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Faults makes a [Server] misbehave. Each method switches a fault on and
// returns it; several may be on at once. A fault that would apply to a POST of
// a message also applies to [Server.Post], as far as that has a part in it:
// only an answer can be refused, late or cut.
type Faults struct {
	server *Server
	mu     sync.Mutex
	on     []*Fault
}

// Fault is one fault that was switched on.
type Fault struct {
	faults  *Faults
	kind    faultKind
	when    When
	rng     *rand.Rand
	fired   int
	off     bool
	changed chan struct{}

	answer Answer
	delay  time.Duration
}

// Answer is an answer that a fault gives instead of the true one.
type Answer struct {
	Status      int
	ContentType string
	Body        string
}

// JSONError returns a service's "Internal Server Error" in JSON, with the given
// HTTP status.
func JSONError(status int) Answer {
	return Answer{status, "application/json", `{"message": "Internal Server Error"}` + "\n"}
}

// HTMLError returns nginx's own page for an HTTP status, such as 502 or 504.
func HTMLError(status int) Answer {
	page := nginxPage(status)
	return Answer{status, page.contentType, string(page.body)}
}

// EmptyError returns an answer with the given HTTP status and without a body.
func EmptyError(status int) Answer { return Answer{Status: status, ContentType: "text/plain"} }

// When says how often a fault fires, and for what.
type When struct {
	times    int // 0 is without end
	fraction float64
	seed     uint64
	scope    faultScope
}

// faultScope is what a fault is about; empty parts are anything.
type faultScope struct {
	room, user string
	request    bool   // a message that a client posts over HTTP, and not by [Server.Post]
	text       string // a part of the text of a text message
}

// Always fires each time until the fault is switched off.
func Always() When { return When{} }

// Times fires the next n times.
func Times(n int) When { return When{times: n} }

// Fraction fires with probability p; the same seed gives the same choices.
func Fraction(p float64, seed uint64) When { return When{fraction: p, seed: seed} }

// InRoom limits a fault of messages, reactions or replies to those of one room.
func (w When) InRoom(room string) When { w.scope.room = room; return w }

// Requested limits a fault of messages to those that clients post over HTTP. It
// spares those of [Server.Post].
func (w When) Requested() When { w.scope.request = true; return w }

// By limits a fault of messages, reactions, replies, rooms or tokens to those of
// one account.
func (w When) By(u User) When { w.scope.user = u.UUID; return w }

type faultKind string

const (
	refusePost     faultKind = "refuse post"
	publishFails   faultKind = "publish fails"
	cutPost        faultKind = "cut post"
	lateAnswer     faultKind = "late answer"
	neverCommit    faultKind = "never commit"
	lateCommit     faultKind = "late commit"
	noEvent        faultKind = "no event"
	dropEvent      faultKind = "drop event"
	refuseRooms    faultKind = "refuse rooms"
	refuseRoom     faultKind = "refuse room"
	roomNoPublish  faultKind = "room publish fails"
	cutRoom        faultKind = "cut room"
	lateRoom       faultKind = "late room"
	delayAnswers   faultKind = "delay answers"
	tokenLimit     faultKind = "token limit"
	refuseToken    faultKind = "refuse token"
	tokenNoPublish faultKind = "token publish fails"
	cutToken       faultKind = "cut token"
	lateToken      faultKind = "late token"
	authDown       faultKind = "auth down"
	chatdDown      faultKind = "chatd down"
	noPresences    faultKind = "no presences"
	dirdDown       faultKind = "dird down"
	confdDown      faultKind = "confd down"
	websocketdDown faultKind = "websocketd down"
	busLost        faultKind = "bus lost"

	refuseRelation    faultKind = "refuse relation"
	relationNoPublish faultKind = "relation publish fails"
	noRelationEvent   faultKind = "no relation event"
	cutRelation       faultKind = "cut relation"
	lateRelation      faultKind = "late relation"
	noPluginTables    faultKind = "no plugin tables"

	refuseSMS     faultKind = "refuse text message"
	noStatusEvent faultKind = "no status event"
	earlyStatus   faultKind = "early status"
	lateStatus    faultKind = "late status"
	atOnce        faultKind = "at once"
)

func newFaults(s *Server) *Faults { return &Faults{server: s} }

// RefusePost answers a POST of a message with a, and stores nothing.
func (f *Faults) RefusePost(a Answer, when When) *Fault {
	return f.add(&Fault{kind: refusePost, when: when, answer: a})
}

// PublishFails stores a message, publishes no event, and answers 500: what
// chatd does when RabbitMQ is away (docs/wazo.md, "Unknown outcomes").
func (f *Faults) PublishFails(when When) *Fault {
	return f.add(&Fault{kind: publishFails, when: when})
}

// CutPost stores a message, publishes it, and closes the connection instead of
// answering.
func (f *Faults) CutPost(when When) *Fault {
	return f.add(&Fault{kind: cutPost, when: when})
}

// LateAnswer stores a message, publishes it, and answers d later.
func (f *Faults) LateAnswer(d time.Duration, when When) *Fault {
	return f.add(&Fault{kind: lateAnswer, when: when, delay: d})
}

// NeverCommit publishes a message that is never stored, and answers 500.
func (f *Faults) NeverCommit(when When) *Fault {
	return f.add(&Fault{kind: neverCommit, when: when})
}

// LateCommit stamps and publishes a message at once and commits it d later:
// until then nobody can read it, and the answer waits too.
func (f *Faults) LateCommit(d time.Duration, when When) *Fault {
	return f.add(&Fault{kind: lateCommit, when: when, delay: d})
}

// NoEvent stores a message and answers 201, but its event is lost.
func (f *Faults) NoEvent(when When) *Fault {
	return f.add(&Fault{kind: noEvent, when: when})
}

// DropEvents loses events between bus and websocket, counted per connection
// that would have received one.
func (f *Faults) DropEvents(when When) *Fault {
	return f.add(&Fault{kind: dropEvent, when: when})
}

// RefuseRooms answers a GET of an account's rooms with a.
func (f *Faults) RefuseRooms(a Answer, when When) *Fault {
	return f.add(&Fault{kind: refuseRooms, when: when, answer: a})
}

// RefuseRoom answers a POST of a room with a, and makes none.
func (f *Faults) RefuseRoom(a Answer, when When) *Fault {
	return f.add(&Fault{kind: refuseRoom, when: when, answer: a})
}

// RoomPublishFails makes a room without an event, and answers 500: what chatd
// does when RabbitMQ is away (docs/wazo.md, "Unknown outcomes"). It applies to
// [Server.CreateRoom] too, and not to rooms that exist already.
func (f *Faults) RoomPublishFails(when When) *Fault {
	return f.add(&Fault{kind: roomNoPublish, when: when})
}

// CutRoom makes a room, or finds it, and closes the connection instead of
// answering.
func (f *Faults) CutRoom(when When) *Fault {
	return f.add(&Fault{kind: cutRoom, when: when})
}

// LateRoom makes a room, or finds it, and answers d later.
func (f *Faults) LateRoom(d time.Duration, when When) *Fault {
	return f.add(&Fault{kind: lateRoom, when: when, delay: d})
}

// DelayAnswers makes every HTTP answer of every service wait for d.
func (f *Faults) DelayAnswers(d time.Duration, when When) *Fault {
	return f.add(&Fault{kind: delayAnswers, when: when, delay: d})
}

// TokenLimit answers log-ins with the 429 of too many sessions.
func (f *Faults) TokenLimit(when When) *Fault {
	return f.add(&Fault{kind: tokenLimit, when: when})
}

// RefuseToken answers log-ins that would succeed with a, and makes no session.
func (f *Faults) RefuseToken(a Answer, when When) *Fault {
	return f.add(&Fault{kind: refuseToken, when: when, answer: a})
}

// TokenPublishFails makes a session, with its refresh token if one was asked for,
// and answers 500: what wazo-auth does when RabbitMQ is away
// (docs/wazo.md, "Session limit").
func (f *Faults) TokenPublishFails(when When) *Fault {
	return f.add(&Fault{kind: tokenNoPublish, when: when})
}

// CutToken makes a session and closes the connection instead of answering.
func (f *Faults) CutToken(when When) *Fault {
	return f.add(&Fault{kind: cutToken, when: when})
}

// LateToken makes a session and answers d later.
func (f *Faults) LateToken(d time.Duration, when When) *Fault {
	return f.add(&Fault{kind: lateToken, when: when, delay: d})
}

// AuthDown stops wazo-auth: nginx answers 502 for it, the other services 503,
// new websockets are refused with 4002 and open ones closed with 4003 at their
// next token check, see [Server.CheckTokens].
func (f *Faults) AuthDown() *Fault { return f.add(&Fault{kind: authDown}) }

// ChatdDown stops wazo-chatd: nginx answers 502; websockets stay open.
func (f *Faults) ChatdDown() *Fault { return f.add(&Fault{kind: chatdDown}) }

// PresencesNotReady answers the presence routes by 503, as chatd does for a while
// after its start; rooms and messages work (docs/wazo.md, "Presences").
func (f *Faults) PresencesNotReady() *Fault { return f.add(&Fault{kind: noPresences}) }

// DirdDown stops wazo-dird: nginx answers 502.
func (f *Faults) DirdDown() *Fault { return f.add(&Fault{kind: dirdDown}) }

// ConfdDown stops wazo-confd, on which the directory rests: contacts answer 503
// after d (confd refuses connections: 0; it hangs: 10 s), a look-up answers 200
// with no results (docs/wazo.md, "Directory look-up").
func (f *Faults) ConfdDown(d time.Duration) *Fault {
	return f.add(&Fault{kind: confdDown, delay: d})
}

// WebsocketdDown stops wazo-websocketd: open connections are closed with 1001,
// new ones get nginx's 502.
func (f *Faults) WebsocketdDown() *Fault {
	fault := f.add(&Fault{kind: websocketdDown})
	f.server.RestartWebsocketd()
	return fault
}

// BusLost stops RabbitMQ: websockets are closed with 1011 and refused with
// 1011, messages, rooms and log-ins are stored and answered with 500
// (docs/wazo.md, "Unknown outcomes").
func (f *Faults) BusLost() *Fault {
	fault := f.add(&Fault{kind: busLost})
	f.server.closeWebsockets(closing{code: 1011, reason: "bus connection lost"})
	return fault
}

// Clear switches all faults off.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.on {
		fault.off = true
	}
	f.on = nil
}

func (f *Faults) add(fault *Fault) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault.faults = f
	fault.changed = make(chan struct{})
	fault.rng = rand.New(rand.NewPCG(fault.when.seed, 0))
	f.on = append(f.on, fault)
	return fault
}

// Fired returns how often the fault has fired.
func (f *Fault) Fired() int {
	f.faults.mu.Lock()
	defer f.faults.mu.Unlock()
	return f.fired
}

// Wait returns once the fault has fired n times, or with the context's error.
func (f *Fault) Wait(ctx context.Context, n int) error {
	for {
		f.faults.mu.Lock()
		fired, changed := f.fired, f.changed
		f.faults.mu.Unlock()
		if fired >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Off switches the fault off; it keeps its count.
func (f *Fault) Off() {
	f.faults.mu.Lock()
	defer f.faults.mu.Unlock()
	f.off = true
	f.faults.on = slices.DeleteFunc(f.faults.on, func(other *Fault) bool { return other == f })
}

// fires returns a fault of the kind that fires now, or nil.
func (f *Faults) fires(kind faultKind, scope faultScope) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.on {
		if fault.kind == kind && fault.when.scope.covers(scope) && fault.draw() {
			return fault
		}
	}
	return nil
}

func (f *Fault) draw() bool {
	if f.off || f.when.times > 0 && f.fired >= f.when.times {
		return false
	}
	if f.when.fraction > 0 && f.rng.Float64() >= f.when.fraction {
		return false
	}
	f.fired++
	close(f.changed)
	f.changed = make(chan struct{})
	return true
}

func (s faultScope) covers(other faultScope) bool {
	return (s.room == "" || s.room == other.room) && (s.user == "" || s.user == other.user) && (!s.request || other.request) &&
		strings.Contains(other.text, s.text)
}

// answerDelay returns how long the answer to a request must wait.
func (f *Faults) answerDelay() time.Duration {
	if fault := f.fires(delayAnswers, faultScope{}); fault != nil {
		return fault.delay
	}
	return 0
}

// serviceDown tells whether nginx finds nobody behind a location.
func (f *Faults) serviceDown(name string) bool {
	kind := map[string]faultKind{"auth": authDown, "chatd": chatdDown, "dird": dirdDown, "confd": confdDown, "webhookd": webhookdDown}[name]
	return f.fires(kind, faultScope{}) != nil
}

// spoil makes an answer late, or lets it be cut, if such a fault is on.
func (f *Faults) spoil(a answer, late, cut faultKind, scope faultScope) answer {
	if fault := f.fires(late, scope); fault != nil {
		a.delay = fault.delay
	}
	a.cut = f.fires(cut, scope) != nil
	return a
}

func (f *Faults) busLost() bool { return f.fires(busLost, faultScope{}) != nil }

func (a Answer) answer() answer {
	return answer{status: a.Status, contentType: a.ContentType, body: []byte(a.Body)}
}
