package chaos

import (
	"net/http"
	"sync"
	"time"

	"wazo-matrix-relay/wazoapi/wazotest"
)

// armed are the faults of the in-memory Wazo that were switched on for one message
// each, with the names under which they are counted.
type armed struct {
	mu     sync.Mutex
	faults []armedFault
}

type armedFault struct {
	name  string
	fault *wazotest.Fault
}

func (a *armed) add(name string, fault *wazotest.Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = append(a.faults, armedFault{name, fault})
}

// count adds the faults that have fired to the tally.
func (a *armed) count(t *tally) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, entry := range a.faults {
		for range entry.fault.Fired() {
			t.add(entry.name)
		}
	}
	a.faults = nil
}

// wazoFault is a fault of Wazo's for one message.
type wazoFault struct {
	name string
	arm  func(f *wazotest.Faults, when wazotest.When) *wazotest.Fault
}

// relayPostFaults are what chatd may make of a message that the relay posts, with its
// own account or with that of a person.
func relayPostFaults(delay time.Duration) []wazoFault {
	refuse := func(name string, a wazotest.Answer) wazoFault {
		return wazoFault{name, func(f *wazotest.Faults, w wazotest.When) *wazotest.Fault { return f.RefusePost(a, w) }}
	}
	return []wazoFault{
		refuse("refused with JSON", wazotest.JSONError(http.StatusInternalServerError)),
		refuse("refused with HTML", wazotest.HTMLError(http.StatusBadGateway)),
		refuse("refused without body", wazotest.EmptyError(http.StatusInternalServerError)),
		{"stored, not published, answered 500", (*wazotest.Faults).PublishFails},
		{"stored, then cut", (*wazotest.Faults).CutPost},
		{"published, never stored, answered 500", (*wazotest.Faults).NeverCommit},
		{"stored without event", (*wazotest.Faults).NoEvent},
		{"answered late", func(f *wazotest.Faults, w wazotest.When) *wazotest.Fault { return f.LateAnswer(delay, w) }},
		{"committed late", func(f *wazotest.Faults, w wazotest.When) *wazotest.Fault { return f.LateCommit(delay, w) }},
	}
}

// asKind makes a fault of Wazo one that the proxy lets happen: it arms it for
// the room right before the request goes on, whichever account posts. It spares what
// people write on Wazo.
func (f wazoFault) asKind(faults *wazotest.Faults, a *armed) kind {
	return f.asKindOfPost(wazoPost, faults, a)
}

// asKindOfPost is asKind for posts of another class.
func (f wazoFault) asKindOfPost(c class, faults *wazotest.Faults, a *armed) kind {
	return f.asKindWhen(c, wazotest.Times(1).Requested(), faults, a)
}

// asKindOf is asKind for requests of another class. What people do on Wazo may meet the fault instead.
func (f wazoFault) asKindOf(c class, faults *wazotest.Faults, a *armed) kind {
	return f.asKindWhen(c, wazotest.Times(1), faults, a)
}

func (f wazoFault) asKindWhen(c class, when wazotest.When, faults *wazotest.Faults, a *armed) kind {
	return kind{name: f.name, fires: onAnswer, before: func(_ http.ResponseWriter, r *http.Request) bool {
		a.add(string(c)+": "+f.name, f.arm(faults, when.InRoom(roomOf(r))))
		return true
	}}
}

// authorFaults are the faults that can happen to a message that people write on
// Wazo. With each of them the relay learns of the message later, so that its place
// is excused.
func authorFaults(relay wazotest.User, delay time.Duration, webhook bool) []wazoFault {
	faults := []wazoFault{
		{authorFaultPrefix + "stored without event", (*wazotest.Faults).NoEvent},
		{authorFaultPrefix + "stored, not published", (*wazotest.Faults).PublishFails},
		{authorFaultPrefix + "committed late", func(f *wazotest.Faults, w wazotest.When) *wazotest.Fault { return f.LateCommit(delay, w) }},
	}
	if !webhook {
		return append(faults, dropEvent(relay))
	}
	return append(faults, wazoFault{lostEvent, func(f *wazotest.Faults, _ wazotest.When) *wazotest.Fault {
		return f.DropWebhook(wazotest.Times(1))
	}}, wazoFault{lateEvent, func(f *wazotest.Faults, _ wazotest.When) *wazotest.Fault {
		return f.LateWebhook(delay, wazotest.Times(1))
	}})
}

const (
	authorFaultPrefix = "wazo author: "
	droppedEvent      = authorFaultPrefix + "event dropped on the websocket"
	lostEvent         = authorFaultPrefix + "event lost by webhookd"
	lateEvent         = authorFaultPrefix + "event delivered late by webhookd"
)

// authors let people on Wazo write, one message at a time. So it is known which
// message a fault was for, and the events come in the order of their times.
type authors struct {
	wazo  *wazotest.Server
	relay wazotest.User
	tally *tally
	deck  *deck[wazoFault]

	mu      sync.Mutex
	written map[string]bool // by uuid of the message
	excused map[string]bool // likewise
	unheard bool            // the events of messages are lost, see loseWebhooks
}

// setUnheard says whether the events of messages are lost from now on.
func (a *authors) setUnheard(unheard bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unheard = unheard
}

func newAuthors(wazo *wazotest.Server, relay wazotest.User, t *tally, seed uint64, every int, faults []wazoFault) *authors {
	return &authors{wazo: wazo, relay: relay, tally: t, deck: newDeck(seed, every, faults), written: make(map[string]bool), excused: make(map[string]bool)}
}

// dropEvent loses the next event on the relay's websocket. If that is the event of
// another message, one message too many is excused.
func dropEvent(relay wazotest.User) wazoFault {
	return wazoFault{droppedEvent, func(f *wazotest.Faults, _ wazotest.When) *wazotest.Fault {
		return f.DropEvents(wazotest.Times(1).By(relay))
	}}
}

// post has an author write, sometimes with a fault. With the account of a person who
// has logged in, the fault may meet what the relay posts for this person instead. Then
// one message too many is excused.
func (a *authors) post(room string, author wazotest.User, text string) wazotest.Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	fault, ok := a.deck.draw()
	if !ok {
		message := a.wazo.Post(room, author, text, "")
		a.written[message.UUID], a.excused[message.UUID] = true, a.unheard
		return message
	}
	on := fault.arm(a.wazo.Faults(), wazotest.Times(1).By(author).InRoom(room))
	message := a.wazo.Post(room, author, text, "")
	on.Off()
	a.written[message.UUID], a.excused[message.UUID] = true, a.unheard
	if on.Fired() > 0 {
		a.tally.add(fault.name)
		a.excused[message.UUID] = true
	}
	return message
}

// postSMS has a person write a text message in Wazo's app.
func (a *authors) postSMS(room string, by wazotest.Identity, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.written[a.wazo.PostSMS(room, by, text).UUID] = true
}

// isUnheard says whether the events of messages are lost now.
func (a *authors) isUnheard() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.unheard
}

// wrote says whether an author has written a message, so that it does not come from
// Matrix. It waits while one is being written.
func (a *authors) wrote(uuid string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.written[uuid]
}

// isExcused says whether a message's place doesn't count.
func (a *authors) isExcused(uuid string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.excused[uuid]
}
