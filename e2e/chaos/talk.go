package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"golang.org/x/sync/errgroup"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// sendAgain is the pause before a person tries again.
const sendAgain = 200 * time.Millisecond

// flow is one direction of a room.
type flow struct {
	sent, arrived *milestones
	// window is how many messages may be on their way before people wait.
	window int
	// patience is how long they wait. After that they take the messages that are
	// on their way for lost, and go on.
	patience time.Duration

	mu        sync.Mutex
	forgotten int // messages that nobody waits for any more
}

func newFlow(window int, patience time.Duration) *flow {
	return &flow{sent: newMilestones(), arrived: newMilestones(), window: window, patience: patience}
}

// hold waits while too many messages are on their way.
func (f *flow) hold(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, f.patience)
	defer cancel()
	f.mu.Lock()
	enough := f.sent.count() - f.forgotten - f.window
	f.mu.Unlock()
	if f.arrived.reach(limited, enough) != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.forgotten = f.sent.count() - f.arrived.count()
	}
}

// Texts that people say again and again. What is typed in Wazo's app by somebody who
// has logged in differs from what they type on Matrix: a message of the app right after
// the same one on Matrix may be taken for that, which is a documented limit.
const (
	identical      = "ok"
	identicalInApp = "yes"
)

// script gives one person's messages. Most have a number in their text; now and
// then there is a run of identical ones.
type script struct {
	rng  *rand.Rand
	name string
	same string // what is said again and again
	n    int
	run  int // identical ones still to come
}

func newScript(seed, stream uint64, name string) *script {
	return &script{rng: rand.New(rand.NewPCG(seed, stream)), name: name, same: identical}
}

func (s *script) next() string {
	s.n++
	if s.run == 0 && s.rng.IntN(8) == 0 {
		s.run = 2 + s.rng.IntN(4)
	}
	if s.run > 0 {
		s.run--
		return s.same
	}
	return fmt.Sprintf("%s says %d", s.name, s.n)
}

// shortcode is what authors type on Wazo, and shownShortcode what it becomes on Matrix.
const (
	shortcode      = ":tada:"
	shownShortcode = "🎉"
)

// typed is next for somebody on Wazo, where people type shortcodes.
func (s *script) typed() string {
	text := s.next()
	if text != s.same && s.rng.IntN(6) == 0 {
		text += " " + shortcode
	}
	return text
}

func shownShortcodes(content string) string {
	return strings.ReplaceAll(content, shortcode, shownShortcode)
}

// talk has everybody talk at the same time until all messages are sent.
func (s *fixture) talk(ctx context.Context, progress *milestones) error {
	everybody, ctx := errgroup.WithContext(ctx)
	inConversations := 0
	if len(s.conversations) > 0 {
		inConversations = int(conversationPart * float64(s.cfg.Messages))
	}
	inLinked := s.cfg.Messages - inConversations
	stream, share := uint64(100), newShares(inLinked, s.speakers())
	linked := pace{of: newMilestones(), all: progress, last: inLinked}
	talking := make(chan struct{})
	close(talking)
	for _, p := range s.places {
		from := stream
		stream += uint64(len(p.authors) + len(p.people))
		everybody.Go(func() error { return s.talkIn(ctx, p, share, from, linked, talking) })
	}
	// The first conversation has twice the people of the others and lasts longest.
	parts := newShares(inConversations, len(s.conversations)+2)
	for n, c := range s.conversations {
		from, part := stream, parts()
		stream += uint64(len(c.authors) + len(c.people))
		if n == 0 {
			part += parts() + parts()
		}
		everybody.Go(func() error { return s.converse(ctx, c, part, from, progress) })
	}
	for _, ph := range s.phones {
		from := stream
		stream += 3
		everybody.Go(func() error { return s.textWith(ctx, ph, from, progress) })
	}
	return everybody.Wait()
}

// talkIn has everybody in a place talk. On Matrix they begin when talking is closed.
// stream is the first of their random numbers.
func (s *fixture) talkIn(ctx context.Context, p *place, share func() int, stream uint64, pace pace, talking <-chan struct{}) error {
	everybody, ctx := errgroup.WithContext(ctx)
	for i, author := range p.authors {
		script := newScript(s.cfg.Seed, stream, fmt.Sprintf("author %d in %s", i+1, p.name))
		if s.loginOf(author.UUID) != nil {
			script.same = identicalInApp
		}
		stream++
		n := share()
		everybody.Go(func() error { return s.write(ctx, p, author, script, n, pace) })
	}
	for i, person := range p.people {
		script := newScript(s.cfg.Seed, stream, fmt.Sprintf("person %d in %s", i+1, p.name))
		marks := stream * 1_000_000
		stream++
		n := share()
		everybody.Go(func() error {
			select {
			case <-talking:
				return s.speak(ctx, p, person, script, marks, n, pace)
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
	return everybody.Wait()
}

// speakers is how many people talk in how many linked places, both sides together.
func (s *fixture) speakers() (n int) {
	for _, p := range s.places {
		n += len(p.authors) + len(p.people)
	}
	return n
}

// newShares divides n into parts that differ by one at most. What it returns is safe for concurrent use.
func newShares(n, parts int) func() int {
	var mu sync.Mutex
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		part := (n + parts - 1) / parts
		n, parts = n-part, parts-1
		return part
	}
}

// pace keeps everybody who talks in a part of the run together.
type pace struct {
	of *milestones // counts what these people say
	// first and last are where of stands when they begin and end.
	first, last int
	all         *milestones // counts what all people say
}

// hold waits while somebody who has said i of n messages is further than everybody
// together. So all directions and accounts are in use until the end, and meet every
// fault. Whoever is behind does not wait.
func (p pace) hold(ctx context.Context, i, n int) error {
	const slack = 20 // the part of all messages by which one may be further
	length := p.last - p.first
	return p.of.reach(ctx, p.first+length*i/n-length/slack)
}

func (p pace) said() {
	p.all.add(1)
	if p.of != p.all {
		p.of.add(1)
	}
}

// write has an author write on Wazo.
func (s *fixture) write(ctx context.Context, p *place, author wazotest.User, script *script, n int, pace pace) error {
	for i := range n {
		p.toMx.hold(ctx)
		if err := pace.hold(ctx, i, n); err != nil {
			return err
		}
		message := s.authors.post(p.Wazo, author, script.typed())
		p.toMx.sent.add(1)
		pace.said()
		if err := s.plugin.use(ctx, p, author, script.rng, message); err != nil {
			return err
		}
		// An author takes a moment, so that what one writes is not all at once.
		if err := sleep(ctx, time.Duration(script.rng.IntN(20))*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// speak has a person speak on Matrix.
func (s *fixture) speak(ctx context.Context, p *place, person *harness.Client, script *script, marks uint64, n int, pace pace) error {
	for i := range n {
		p.toWazo.hold(ctx)
		if err := pace.hold(ctx, i, n); err != nil {
			return err
		}
		if err := s.utter(ctx, p, person, script, marks+uint64(i)); err != nil {
			return err
		}
		pace.said()
	}
	return nil
}

// utter has a person say one thing, or do something with what was said before.
//
// In a conversation of which the relay's account is no member, they say something after
// that: when it has arrived, whatever they did before is done, see withoutPrivateTalk.
func (s *fixture) utter(ctx context.Context, p *place, person *harness.Client, script *script, mark uint64) error {
	if p.private {
		l := s.speaker(person)
		l.private.RLock()
		defer l.private.RUnlock()
	}
	return p.inTurn(func() error {
		d := s.decide(p, person, script, fmt.Sprint(mark))
		if err := s.do(ctx, p, person, d); err != nil || d.kind.isMessage() || !p.private {
			return err
		}
		return s.do(ctx, p, person, &deed{kind: says, who: d.who, mark: d.mark + " and then", text: script.next()})
	})
}

// do has a person do something.
func (s *fixture) do(ctx context.Context, p *place, person *harness.Client, d *deed) error {
	p.ledger.begin(d)
	event, err := s.doSurely(ctx, p.Matrix, person, d)
	if err != nil {
		return err
	}
	if d.kind.isMessage() {
		p.toWazo.sent.add(1)
	}
	if p.ledger.done(d, event) {
		p.toWazo.arrived.add(1) // nobody waits for it any more
	}
	return nil
}

// inTurn lets only one person speak in a room at a time, and the next one when the
// homeserver has accepted the message. Messages that are sent at the same moment
// have no certain order: /sync orders by arrival, but /messages, by which gaps are
// filled, orders by depth.
func (p *place) inTurn(fn func() error) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	return fn()
}

// doSurely does something on Matrix and returns its event when that is known to be in
// the room. After an error the person looks for the event before sending it again,
// because a homeserver that restarts forgets transaction ids. A message that is in the
// room twice all the same counts as said twice.
func (s *fixture) doSurely(ctx context.Context, room id.RoomID, person *harness.Client, d *deed) (id.EventID, error) {
	for {
		if sent, err := s.doOnce(ctx, room, person, d); err == nil {
			return sent, nil
		}
		for {
			if err := sleep(ctx, sendAgain); err != nil {
				return "", err
			}
			if there, err := s.find(ctx, room, person, d.mark); there != "" {
				return there, nil
			} else if err == nil {
				break
			}
		}
	}
}

// doOnce does something unless the homeserver is about to be stopped in order.
func (s *fixture) doOnce(ctx context.Context, room id.RoomID, person *harness.Client, d *deed) (id.EventID, error) {
	s.speaking.RLock()
	defer s.speaking.RUnlock()
	return d.send(ctx, room, person.Matrix())
}

// recently is how many events of a room are searched for one that was just sent. It is
// more than all people can send meanwhile.
const recently = 200

// find returns the event with a mark that is among the newest that the homeserver has of
// a room, "" if there is none.
func (s *fixture) find(ctx context.Context, room id.RoomID, person *harness.Client, mark string) (id.EventID, error) {
	client := person.Matrix()
	filter, err := client.CreateFilter(ctx, &mautrix.Filter{Room: &mautrix.RoomFilter{
		Rooms: []id.RoomID{room}, Timeline: &mautrix.FilterPart{Limit: recently},
	}})
	if err != nil {
		return "", err
	}
	resp, err := client.SyncRequest(ctx, 0, "", filter.FilterID, true, event.PresenceOffline)
	if err != nil {
		return "", err
	}
	joined := resp.Rooms.Join[room]
	if joined == nil {
		return "", fmt.Errorf("%s is not in %s", person.UserID(), room)
	}
	for _, evt := range joined.Timeline.Events {
		if evt.Sender == person.UserID() && readMark(ctx, client, room, evt) == mark {
			return evt.ID, nil
		}
	}
	return "", nil
}

// readMark returns the mark of an event, "" if it has none.
func readMark(ctx context.Context, client *mautrix.Client, room id.RoomID, evt *event.Event) string {
	evt.RoomID = room
	evt.Type.Class = event.MessageEventType
	if evt.Type == event.EventEncrypted && evt.Content.ParseRaw(evt.Type) == nil {
		if decrypted, err := client.Crypto.Decrypt(ctx, evt); err == nil {
			evt = decrypted
		}
	}
	return markOf(evt)
}
