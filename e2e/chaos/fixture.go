package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// typeHello is the type of an event that has no text and is not relayed.
var typeHello = event.Type{Type: "e2e.chaos.hello", Class: event.MessageEventType}

// place is one portal with the people who talk there.
type place struct {
	stage.Portal
	name    string
	authors []wazotest.User   // on Wazo; the last ones are the people who have logged in
	people  []*harness.Client // on Matrix
	turn    sync.Mutex        // held by the person on Matrix who speaks
	private bool              // the relay's account is no member
	// openSince is when everybody was in the Matrix room, in nanoseconds; 0: they are not yet.
	openSince atomic.Int64
	toWazo    *flow
	toMx      *flow
	ledger    *ledger // what people have done on Matrix
}

// fixture is what one run needs: a stage whose relay reaches both servers through
// proxies, the linked rooms, and the state of the faults.
type fixture struct {
	*stage.Stage
	cfg      Config
	tally    *tally
	armed    *armed
	inFlight atomic.Int64
	matrix   *proxy
	wazo     *proxy
	authors  *authors
	plugin   *plugin
	keeper   *keeper
	pair     *pair // two relays on one database; nil: there is one, and the keeper has it
	copies   *copies
	logins   []*login
	places   []*place // the linked ones
	// conversations are the places that open by themselves.
	conversations []*conversation
	// phones are the conversations with telephones outside Wazo.
	phones     []*phone
	textFaults textFaults
	busAway    atomic.Int64 // how many outages keep RabbitMQ away now
	// opening is held for reading from the beginning of a conversation until it opens, and
	// for writing while somebody is logged out: who logs out does not want what is said
	// meanwhile.
	opening sync.RWMutex
	// readerChanges counts how often another account has taken over the reading of a chat.
	readerChanges *milestones
	// whole ends when the run is judged, and background is what goes on until then.
	whole      context.Context
	background sync.WaitGroup
	// instead counts what people who have logged in have said through the relay's account.
	instead *milestones
	// speaking is held for reading by everybody who sends a message to the
	// homeserver without the proxy.
	speaking sync.RWMutex
	saying   sync.Mutex // guards cfg.Progress

	closers []func() error
}

// openFixture starts everything. No fault is active yet.
func openFixture(ctx context.Context, cfg Config, dir string) (*fixture, error) {
	s := &fixture{cfg: cfg, tally: &tally{}, armed: &armed{}, instead: newMilestones(), readerChanges: newMilestones()}
	for _, step := range []func(context.Context, string) error{s.openServers, s.openLogins, s.openPlaces} {
		if err := step(ctx, dir); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// openServers starts the homeserver and Wazo, a proxy in front of each, and the
// relay, which reaches both through the proxies.
func (s *fixture) openServers(ctx context.Context, dir string) error {
	homeserver, err := harness.StartHomeserver(ctx, dir)
	if err != nil {
		return err
	}
	// It is killed because nobody needs its data any more, and because Dendrite
	// does not always end in order when it is stopped.
	s.onClose(func() error { homeserver.Kill(); return nil })
	var wazo *wazotest.Server
	options := []wazotest.Option{func(server *wazotest.Server) { wazo = server }}
	if s.cfg.Plugin {
		options = append(options, wazotest.WithPlugin())
	}
	if s.matrix, err = s.startProxy(classifyMatrix, homeserver.URL); err != nil {
		return err
	}
	if s.cfg.SMS {
		options = append(options, wazotest.WithSMSRetries(smsRetry, smsRetry), wazotest.WithInboundDelay(s.cfg.delay()))
	}
	if s.wazo, err = s.startProxy(func(r *http.Request) class { return s.classifyText(wazo, r) }, func() string { return wazo.URL() }); err != nil {
		return err
	}
	binary := s.cfg.RelayBinary
	if binary == "" {
		if binary, err = BuildRelay(ctx, dir); err != nil {
			return err
		}
	}
	env := s.cfg.relayEnv(s.matrix.url, s.wazo.url)
	listen := stage.WithPage
	if s.cfg.Webhook {
		listen = stage.WithWebhook
	}
	if err = listen(env); err != nil {
		return err
	}
	if s.cfg.Blows > 0 {
		if err = s.wirePair(ctx, env); err != nil {
			return err
		}
	}
	s.Stage, err = stage.Open(ctx, stage.Config{
		Homeserver: homeserver, Dir: dir, Env: env,
		RelayBinary: binary, WazoOptions: options,
	})
	if err != nil {
		return err
	}
	s.onClose(s.Close)
	s.onClose(s.keepLog)
	s.keeper = newKeeper(s.Relay, &s.inFlight)
	if s.pair != nil {
		if err = s.pair.open(ctx, dir); err != nil {
			return err
		}
	}
	s.copies = newCopies(s, dir)
	return nil
}

func (s *fixture) startProxy(classify func(*http.Request) class, upstream func() string) (*proxy, error) {
	p, err := startProxy(classify, upstream, s.tally, &s.inFlight)
	if err == nil {
		s.onClose(p.close)
	}
	return p, err
}

// openPlaces links the rooms. Every second one is encrypted.
func (s *fixture) openPlaces(ctx context.Context, _ string) error {
	sam := s.logins[0].person
	s.Robin.GiveRequestedKeys() // as in openLogin
	for n := range s.cfg.Rooms {
		p := &place{name: fmt.Sprintf("room %d", n+1), people: []*harness.Client{s.Robin, sam}, ledger: newLedger(), toWazo: newFlow(s.cfg.window(), s.cfg.Quiet), toMx: newFlow(s.cfg.window(), s.cfg.Quiet)}
		p.authors = []wazotest.User{s.Hire("Anna", "Doe"), s.Hire("Boris", "Roe"), s.logins[0].account}
		room := s.Wazo.CreateRoom(p.name, append(slices.Clone(p.authors), s.Cast.Relay)...)
		options := harness.RoomOptions{Encrypted: n%2 == 1, Invite: []id.UserID{sam.UserID()}}
		var err error
		if p.Portal, err = s.Link(ctx, s.Robin, options, room.UUID); err != nil {
			return s.Explain(err)
		}
		if _, err = sam.WaitEvent(ctx, p.Matrix, harness.Membership(sam.UserID(), event.MembershipInvite)); err != nil {
			return err
		}
		if err = sam.Join(ctx, p.Matrix); err != nil {
			return err
		}
		// Sending waits until Sam's client knows whether the room is encrypted.
		// This event is not relayed.
		if _, err = sam.SendContent(ctx, p.Matrix, typeHello, map[string]any{}); err != nil {
			return err
		}
		p.openSince.Store(time.Now().UnixNano())
		s.places = append(s.places, p)
	}
	s.hireConversations()
	s.hirePhones()
	return nil
}

// keepLog copies the relay's log to where the configuration says.
func (s *fixture) keepLog() error {
	if s.cfg.RelayLog == "" {
		return nil
	}
	if s.pair != nil && s.pair.replicas[1].relay != nil {
		if err := copyFile(s.pair.replicas[1].relay.LogFile(), s.cfg.RelayLog+".2"); err != nil {
			return err
		}
	}
	return copyFile(s.Relay.LogFile(), s.cfg.RelayLog)
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

func (s *fixture) onClose(closer func() error) { s.closers = append(s.closers, closer) }

// close ends everything that was started, the last first.
func (s *fixture) close() error {
	var errs []error
	for len(s.closers) > 0 {
		last := len(s.closers) - 1
		errs = append(errs, s.closers[last]())
		s.closers = s.closers[:last]
	}
	return errors.Join(errs...)
}

// say writes a line for the person who watches the run.
func (s *fixture) say(format string, args ...any) {
	s.saying.Lock()
	defer s.saying.Unlock()
	fmt.Fprintf(s.cfg.Progress, format+"\n", args...)
}
