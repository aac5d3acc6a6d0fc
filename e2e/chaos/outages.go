package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"wazo-matrix-relay/wazoapi/wazotest"
)

// outage is a fault of a whole service.
type outage struct {
	name string
	// run returns when the outage is over, and whether the relay met it.
	run func(ctx context.Context, lasts time.Duration) (met bool, err error)
}

// Names of outages that runs choose.
const (
	homeserverKilled = "homeserver killed"
	websocketCut     = "websocket cut"
	webhooksDeleted  = "webhooks deleted"
	webhooksUnbound  = "webhooks not bound any more"
	webhookdDown     = "webhookd down"
	busLost          = "bus lost"
	wazoRestarted    = "Wazo restarted"
	pluginRemoved    = "plugin removed, and back"
	tablesRemoved    = "plugin without its tables"
)

// loseWebhooks are the outages during which webhookd loses what is said, without anybody hearing of it: with a webhook,
// later messages may be shown before the next look for news finds those of that time (docs/administration.md, "The
// webhook").
var loseWebhooks = []string{webhookdDown, busLost, wazoRestarted}

// outages returns all outages that can happen.
func (s *fixture) outages() []outage {
	faults := s.Wazo.Faults()
	ofEvents := []outage{
		{"websocketd restarted", always(s.Wazo.RestartWebsocketd)},
		{websocketCut, always(s.Wazo.KillWebsocketd)},
		{"websocketd down", s.while(faults.WebsocketdDown)},
	}
	if s.cfg.Webhook {
		ofEvents = []outage{
			{webhooksDeleted, always(s.Wazo.DeleteWebhooks)},
			{webhooksUnbound, always(s.Wazo.UnbindWebhooks)},
			{webhookdDown, s.while(faults.WebhookdDown)},
		}
	}
	if s.cfg.Plugin {
		ofEvents = append(ofEvents, outage{pluginRemoved, s.removePlugin}, outage{tablesRemoved, s.removeTables})
	}
	return append(append(ofEvents, s.databaseOutages()...), []outage{
		{"chatd down", s.while(faults.ChatdDown)},
		// The relay keeps names in memory, so that it asks for them only after a start.
		{"dird down", s.whileStarting(faults.DirdDown)},
		{"confd down", s.whileStarting(func() *wazotest.Fault { return faults.ConfdDown(0) })},
		{"auth down", s.while(func() *wazotest.Fault {
			fault := faults.AuthDown()
			s.Wazo.CheckTokens()
			return fault
		})},
		{busLost, s.loseBus},
		{"tokens expired", always(s.expireTokens)},
		// After a refused log-in the relay waits a minute and more, in memory.
		{"token limit", s.whileStarting(func() *wazotest.Fault {
			s.expireTokens()
			return faults.TokenLimit(wazotest.Always())
		})},
		{loginEnded, s.endLogins},
		{"answers of Wazo slow", s.while(func() *wazotest.Fault {
			return faults.DelayAnswers(s.cfg.delay(), wazotest.Always())
		})},
		{wazoRestarted, s.restartWazo},
		{"homeserver out of reach", s.cutHomeserver},
		{"homeserver restarted in order", s.restartHomeserver},
		{homeserverKilled, s.killHomeserver},
	}...)
}

// always is an outage that takes no time and that the relay always meets.
func always(cause func()) func(context.Context, time.Duration) (bool, error) {
	return func(context.Context, time.Duration) (bool, error) {
		cause()
		return true, nil
	}
}

// while keeps a fault of Wazo on. It keeps it on for longer if the relay has not
// met it yet, for example because it waits for a lease.
func (s *fixture) while(on func() *wazotest.Fault) func(context.Context, time.Duration) (bool, error) {
	return func(ctx context.Context, lasts time.Duration) (bool, error) {
		fault := on()
		defer fault.Off()
		if err := sleep(ctx, lasts); err != nil {
			return false, err
		}
		limited, cancel := context.WithTimeout(ctx, patience+s.keeper.leaseWithin())
		defer cancel()
		_ = fault.Wait(limited, 1) // if it is never met, it has not fired
		return fault.Fired() > 0, ctx.Err()
	}
}

// whileStarting is like while, for a fault that only a starting relay meets. At the
// end the relay is killed again, because it keeps in memory what it has learned.
func (s *fixture) whileStarting(on func() *wazotest.Fault) func(context.Context, time.Duration) (bool, error) {
	return func(ctx context.Context, lasts time.Duration) (bool, error) {
		met, err := s.while(func() *wazotest.Fault {
			fault := on()
			go s.keeper.kill(ctx)
			return fault
		})(ctx, lasts)
		s.keeper.kill(ctx)
		return met, err
	}
}

// loseBus keeps RabbitMQ away. What comes from outside Wazo meanwhile can be read later than other messages.
func (s *fixture) loseBus(ctx context.Context, lasts time.Duration) (bool, error) {
	s.busAway.Add(1)
	defer s.busAway.Add(-1)
	return s.while(s.Wazo.Faults().BusLost)(ctx, lasts)
}

func (s *fixture) expireTokens() {
	s.Wazo.ExpireTokens(s.Cast.Relay)
	for _, l := range s.logins {
		s.Wazo.ExpireTokens(l.account)
	}
	s.Wazo.CheckTokens()
}

func (s *fixture) restartWazo(ctx context.Context, lasts time.Duration) (bool, error) {
	s.Wazo.Stop()
	err := sleep(ctx, lasts)
	if startErr := s.Wazo.Start(s.Wazo.Addr()); startErr != nil {
		return false, startErr
	}
	return err == nil, err
}

func (s *fixture) cutHomeserver(ctx context.Context, lasts time.Duration) (bool, error) {
	s.matrix.setAway(true)
	defer s.matrix.setAway(false)
	err := sleep(ctx, lasts)
	return err == nil, err
}

// quietTime is how long the homeserver gets to show everybody what was said.
const quietTime = 300 * time.Millisecond

// restartHomeserver stops Dendrite in order, while nobody speaks. A Dendrite that is
// stopped while people speak answers every client's /sync with only a part of the
// events and with a token that stands behind all of them.
func (s *fixture) restartHomeserver(ctx context.Context, _ time.Duration) (bool, error) {
	s.speaking.Lock()
	defer s.speaking.Unlock()
	s.matrix.setNoSends(true)
	defer s.matrix.setNoSends(false)
	if err := s.waitNoSends(ctx); err != nil {
		return false, err
	}
	if err := sleep(ctx, quietTime); err != nil {
		return false, err
	}
	if err := s.Homeserver.Stop(); err != nil {
		s.say("the homeserver did not end in order: %v", err) // it has ended all the same
	}
	err := s.Homeserver.Restart(ctx)
	return err == nil, err
}

// waitNoSends returns when the homeserver has nothing to do for the relay.
func (s *fixture) waitNoSends(ctx context.Context) error {
	return s.matrix.answered.Until(ctx, func() (bool, error) { return s.matrix.sending.Load() == 0, nil })
}

// killHomeserver kills the homeserver in the middle of everything.
func (s *fixture) killHomeserver(ctx context.Context, lasts time.Duration) (bool, error) {
	s.Homeserver.Kill()
	err := sleep(ctx, lasts)
	if startErr := s.Homeserver.Restart(ctx); startErr != nil {
		return false, startErr
	}
	return err == nil, err
}

// weather makes one outage after the other.
type weather struct {
	*fixture
	rng  *rand.Rand
	deck *deck[outage]
}

func newWeather(s *fixture, outages []outage) *weather {
	return &weather{fixture: s, rng: rand.New(rand.NewPCG(s.cfg.Seed, 3)), deck: newDeck(s.cfg.Seed+1, 1, outages)}
}

// run makes n outages, spread over the run, and returns after the last.
func (w *weather) run(ctx context.Context, n int, progress *milestones) error {
	for i := range n {
		at := (float64(i) + w.rng.Float64()) / float64(n)
		if err := progress.reach(ctx, int(at*float64(w.cfg.Messages))); err != nil {
			return err
		}
		o, ok := w.deck.draw()
		if !ok {
			return nil
		}
		lasts := 100*time.Millisecond + time.Duration(w.rng.IntN(900))*time.Millisecond
		w.say("%d messages: %s", progress.count(), o.name)
		if err := w.make(ctx, o, lasts); err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
	}
	return nil
}

// tries is how often an outage is made until the relay meets it.
const tries = 3

func (w *weather) make(ctx context.Context, o outage, lasts time.Duration) error {
	if w.cfg.Webhook && slices.Contains(loseWebhooks, o.name) {
		w.authors.setUnheard(true)
		defer w.authors.setUnheard(false)
	}
	for range tries {
		met, err := o.run(ctx, lasts)
		if err != nil {
			return err
		} else if met {
			w.tally.add(o.name)
			return nil
		}
	}
	return nil
}
