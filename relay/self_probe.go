package relay

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"go.mau.fi/util/random"

	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/wazoapi"
)

// "Healthy but silent" is the worst that can happen: everything answers, and nothing arrives. Therefore the relay sends
// itself something through each side, and waits until it comes back.
//
// On Matrix that is a message in a room of its own, in which nobody else is. It proves that the homeserver takes
// messages and delivers them by /sync.
//
// On Wazo a message would need a second member of the room, who would see it, and nobody can remove it. So the relay
// account sets its presence to what it is already. wazo-chatd publishes an event of that, by the same way as those of
// messages: RabbitMQ and wazo-websocketd (docs/wazo.md, "Presences"). Nobody sees a change. It proves that wazo-chatd
// takes requests, and that its events arrive. It does not prove that a message is stored; examine asks for the rooms,
// which are in the same database.
//
// With a webhook Wazo is not probed in this way: the subscription brings messages and no presences, and wazoapi.Hook
// notices by itself that it brings nothing.

// selfProbeRetry is the pause before the next try after one that failed, unless the usual one is shorter: the end of an
// outage is to be noticed, too.
const selfProbeRetry = 20 * time.Second

// errNotBack says that what the relay has sent to itself did not come back in time.
var errNotBack = errors.New("what the relay has sent to itself did not come back")

// selfProbe sends the relay something through each side. It is safe for concurrent use.
type selfProbe struct {
	*Relay

	mu      sync.Mutex
	awaited map[Server]*awaited
	results map[Server]ProbeResult
	unfit   string // why Wazo cannot be probed; "" if it can
}

// awaited is what is on its way.
type awaited struct {
	nonce string        // of the message on Matrix
	back  chan struct{} // closed when it has come back
}

// ProbeResult is what came of the last self-probe of a side.
type ProbeResult struct {
	OK          bool
	Took        time.Duration // until it came back; the time that was waited if it did not
	LastSuccess time.Time     // zero if there was none since the start
}

func newSelfProbe(r *Relay) *selfProbe {
	return &selfProbe{Relay: r, awaited: make(map[Server]*awaited), results: make(map[Server]ProbeResult)}
}

// run probes both sides again and again until ctx ends.
func (p *selfProbe) run(ctx context.Context) {
	if p.cfg.SelfProbe <= 0 {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { p.keepProbing(ctx, p.probeMatrix) })
	wg.Go(func() { p.keepProbing(ctx, p.probeWazo) })
	wg.Wait()
}

// keepProbing probes a side again and again until ctx ends.
func (p *selfProbe) keepProbing(ctx context.Context, probe func(context.Context) error) {
	pause := min(selfProbeRetry, p.cfg.SelfProbe) // after the start, both sides have to be connected first
	for {
		if task.Sleep(ctx, pause) != nil {
			return
		}
		pause = p.cfg.SelfProbe
		if probe(ctx) != nil {
			pause = min(selfProbeRetry, p.cfg.SelfProbe)
		}
	}
}

// probeMatrix sends a message to the bot's own room, and waits until /sync brings it.
func (p *selfProbe) probeMatrix(ctx context.Context) error {
	if p.matrix.IsLimited() || !p.startup.isSynced() {
		return nil // it would have to wait for its turn; or it is known that nothing comes
	}
	nonce := random.String(32)
	return p.try(ctx, Homeserver, serviceMatrixProbe, nonce, func(ctx context.Context) error {
		return p.matrix.SendToSelf(ctx, nonce)
	})
}

// probeWazo sets the presence of the relay account to what it is, and waits for the event of that.
func (p *selfProbe) probeWazo(ctx context.Context) error {
	if p.cfg.Webhook.isSet() {
		return nil
	} else if p.account == nil || !p.account.own.connected.Load() {
		return nil // that is said already
	}
	api := p.account.api
	if why, err := WhyNotProbed(ctx, api, p.account.uuid()); err != nil {
		return nil // wazo-auth does not answer, which is said already
	} else if why != "" {
		p.setUnfit(why)
		p.health.forget(serviceWazoProbe)
		return nil
	}
	p.setUnfit("")
	err := p.try(ctx, WazoServer, serviceWazoProbe, "", func(ctx context.Context) error {
		presence, err := api.Presence(ctx, p.account.uuid())
		if err != nil {
			return err
		}
		return api.SetPresence(ctx, presence.State, nil)
	})
	if errors.Is(err, errNotBack) {
		p.readers.probeAll() // messages do not come either, so they are asked for
	}
	return err
}

// WhyNotProbed says why an account on Wazo, whose user is given, cannot be used to probe Wazo, "" if it can: a service
// account has no presence, and an administrator may have given the account fewer rights. The error says that Wazo does
// not answer.
func WhyNotProbed(ctx context.Context, account *wazoapi.Account, user wazoapi.UUID) (string, error) {
	_, err := account.Presence(ctx, user)
	var refused *wazoapi.Error
	switch {
	case errors.Is(err, wazoapi.ErrUnknownUser):
		return "the account has no presence", nil
	case errors.As(err, &refused) && refused.MissingPermission():
		return "the account lacks a permission", nil
	}
	missing, err := account.MissingScopes(ctx, wazoapi.PresenceScopes(user)...)
	if err != nil || len(missing) == 0 {
		return "", err
	}
	return "the account lacks the permission " + missing[0], nil
}

// setUnfit notes why Wazo cannot be probed, and logs it when it changes.
func (p *selfProbe) setUnfit(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if why != "" && why != p.unfit {
		delete(p.results, WazoServer)
		p.log.Warn().Str("why", why).Msg("The relay cannot send itself anything through Wazo, so it does not notice if events do not come")
	}
	p.unfit = why
}

// try sends something, waits until it comes back, and notes what came of it.
func (p *selfProbe) try(ctx context.Context, server Server, s service, nonce string, send func(context.Context) error) error {
	back := make(chan struct{})
	p.await(server, &awaited{nonce, back})
	defer p.await(server, nil)
	began := time.Now()
	trying, cancel := context.WithTimeout(ctx, p.cfg.SelfProbeWait)
	defer cancel()
	err := send(trying)
	if err == nil {
		select {
		case <-back:
		case <-trying.Done():
			err = errNotBack
		}
	}
	if ctx.Err() != nil {
		return nil // the relay is being stopped
	}
	p.noteResult(server, time.Since(began), err)
	// wazo-chatd may refuse presences while it takes messages (docs/wazo.md, "Presences"). That it is away is seen by
	// examine.
	if server == Homeserver || err == nil || errors.Is(err, errNotBack) {
		p.noteAnswer(ctx, s, err)
	}
	return err
}

func (p *selfProbe) await(server Server, what *awaited) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.awaited[server] = what
}

// cameBack notes that something that the relay has sent to itself has come back.
func (p *selfProbe) cameBack(server Server, nonce string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if what := p.awaited[server]; what != nil && what.nonce == nonce {
		close(what.back)
		p.awaited[server] = nil
	}
}

func (p *selfProbe) noteResult(server Server, took time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	result := ProbeResult{OK: err == nil, Took: took, LastSuccess: p.results[server].LastSuccess}
	if result.OK {
		result.LastSuccess = time.Now()
	}
	p.results[server] = result
}

// all returns what came of the last probes.
func (p *selfProbe) all() map[Server]ProbeResult {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.results)
}

// HearsPresence implements wazoapi.PresenceHandler.
func (r *reader) HearsPresence() bool {
	return r.cfg.SelfProbe > 0 && r.acc == r.account && !r.cfg.Webhook.isSet()
}

// OwnPresenceUpdated implements wazoapi.PresenceHandler.
func (r *reader) OwnPresenceUpdated(context.Context) { r.selfProbe.cameBack(WazoServer, "") }
