package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wazo-matrix-relay/e2e/harness"
)

const (
	// takesOverWithin is how long a take-over may take, until the new active relay has
	// delivered something.
	takesOverWithin = 10 * time.Second
	// followsWithin is the same after the active relay has ended in order.
	followsWithin = 5 * time.Second
	// pairPatience is how long a run waits for one of the relays.
	pairPatience = time.Minute
	// talkedAbout is the part of all messages during which something happens. The rest is said
	// while both relays are well.
	talkedAbout = 0.9
	// lookEvery is the pause between two questions to a relay.
	lookEvery = 20 * time.Millisecond
)

// replica is one of two relays on one database, with a network of its own to each server.
type replica struct {
	name                   string
	relay                  *harness.Relay
	listen                 string // where it serves the page, while it is active
	database, matrix, wazo *harness.Wire
}

// set cuts the replica from both servers, or ends that.
func (r *replica) set(cut harness.Cut) {
	r.matrix.Set(cut)
	r.wazo.Set(cut)
}

// lastSent returns when the replica last sent something to a server.
func (r *replica) lastSent() time.Time {
	return slices.MaxFunc([]time.Time{r.matrix.LastSent(), r.wazo.LastSent()}, time.Time.Compare)
}

// firstSent returns when the replica first sent something to a server since forget.
func (r *replica) firstSent() time.Time {
	first := r.matrix.FirstSent()
	if other := r.wazo.FirstSent(); first.IsZero() || !other.IsZero() && other.Before(first) {
		first = other
	}
	return first
}

func (r *replica) forget() {
	r.matrix.Forget()
	r.wazo.Forget()
}

// pair are two relays on one database, of which one is active. Something happens to them
// again and again, and the pair measures how long it takes until one of them relays.
type pair struct {
	*fixture
	location string // of the database, without a wire
	replicas [2]*replica
	active   atomic.Pointer[replica]
	deck     *deck[blow]
	rng      *rand.Rand
	progress *milestones // what people have said

	mu     sync.Mutex // guards what follows
	found  PairResult
	kills  int
	midway int
	exits  int
}

// PairResult says how two relays have followed each other.
type PairResult struct {
	TakeOvers []time.Duration // after a kill, while the active one stood still, or after its network was cut
	Handovers []time.Duration // after the active one has ended in order
	Together  int             // how often both have made requests at the same time
	Needless  int             // take-overs although the active relay could relay
}

// longest returns the longest of some durations in seconds.
func longest(all []time.Duration) float64 {
	return slices.Max(append(all, 0)).Seconds()
}

// Line is the last line of a run with two relays.
func (r Result) Line() string {
	return fmt.Sprintf("standby: takeovers=%d max_takeover_s=%.1f lost=%d doubled=%d reordered=%d handovers=%d max_handover_s=%.1f together=%d needless=%d sent=%d seed=%d",
		len(r.Pair.TakeOvers), longest(r.Pair.TakeOvers), r.Lost, r.Doubled, r.Reordered, len(r.Pair.Handovers), longest(r.Pair.Handovers), r.Pair.Together, r.Pair.Needless, r.Sent, r.Seed)
}

func (r PairResult) err() error {
	var errs []error
	if took := longest(r.TakeOvers); took > takesOverWithin.Seconds() {
		errs = append(errs, fmt.Errorf("a take-over took %.1f s", took))
	}
	if took := longest(r.Handovers); took > followsWithin.Seconds() {
		errs = append(errs, fmt.Errorf("it took %.1f s to follow a relay that had ended in order", took))
	}
	if r.Together > 0 {
		errs = append(errs, fmt.Errorf("both relays made requests at the same time, %d times", r.Together))
	}
	if r.Needless > 0 {
		errs = append(errs, fmt.Errorf("the stand-by took over %d times without need", r.Needless))
	}
	return errors.Join(errs...)
}

// wirePair puts wires between the first replica and the servers, into the configuration
// of a relay. The page is found through another one, as by a load balancer.
func (s *fixture) wirePair(ctx context.Context, env map[string]string) error {
	location, err := harness.NewDatabase(ctx)
	if err != nil {
		return err
	}
	p := &pair{fixture: s, location: location, rng: rand.New(rand.NewPCG(s.cfg.Seed, 5))}
	front, err := harness.NewWire(func() (net.Conn, error) { return net.Dial("tcp", p.active.Load().listen) })
	if err != nil {
		return err
	}
	s.onClose(front.Close)
	for n := range p.replicas {
		port, err := harness.FreePort()
		if err != nil {
			return err
		}
		p.replicas[n] = &replica{name: fmt.Sprintf("relay %d", n+1), listen: fmt.Sprintf("127.0.0.1:%d", port)}
	}
	p.active.Store(p.replicas[0])
	wired, err := p.wire(p.replicas[0])
	if err != nil {
		return err
	}
	maps.Copy(env, wired)
	env["PUBLIC_URL"] = "http://" + front.Address + "/relay"
	s.pair = p
	return nil
}

// wire makes the wires of a replica, and returns its configuration.
func (p *pair) wire(r *replica) (env map[string]string, err error) {
	env = map[string]string{"LISTEN": r.listen}
	if r.database, env["DATABASE_URL"], err = harness.WireToDatabase(p.location); err != nil {
		return nil, err
	}
	p.onClose(r.database.Close)
	for _, way := range []struct {
		variable, url string
		wire          **harness.Wire
	}{{"MATRIX_HOMESERVER_URL", p.fixture.matrix.url, &r.matrix}, {"WAZO_URL", p.fixture.wazo.url, &r.wazo}} {
		if *way.wire, err = harness.WireTo(way.url); err != nil {
			return nil, err
		}
		p.onClose((*way.wire).Close)
		if env[way.variable], err = (*way.wire).Through(way.url); err != nil {
			return nil, err
		}
	}
	return env, nil
}

// open starts the second relay. The first one is active.
func (p *pair) open(ctx context.Context, dir string) error {
	env, err := p.wire(p.replicas[1])
	if err != nil {
		return err
	}
	p.replicas[0].relay = p.Relay
	if p.replicas[1].relay, err = p.Relay.Another(filepath.Join(dir, "standby"), env); err != nil {
		return err
	}
	if err = p.replicas[1].relay.Begin(ctx); err != nil {
		return err
	}
	p.onClose(p.replicas[1].relay.End)
	p.deck = newDeck(p.cfg.Seed+3, 1, p.chosen())
	return nil
}

// chosen are the blows of the run: if there are not enough for all, those that matter most.
func (p *pair) chosen() []blow {
	all := slices.DeleteFunc(p.blows(), func(b blow) bool { return !p.cfg.uses(b.name) })
	return all[:min(len(all), p.cfg.Blows)]
}

// expect says what will happen.
func (p *pair) expect() {
	for _, b := range p.chosen() {
		p.tally.expect(b.name)
	}
}

// other returns the replica that is not active.
func (p *pair) other(r *replica) *replica {
	if r == p.replicas[0] {
		return p.replicas[1]
	}
	return p.replicas[0]
}

// run has as much happen as it should, spread over the run.
func (p *pair) run(ctx context.Context, progress *milestones) error {
	p.progress = progress
	for n := range p.cfg.Blows {
		at := talkedAbout * (float64(n) + p.rng.Float64()) / float64(p.cfg.Blows)
		if err := progress.reach(ctx, int(at*float64(p.cfg.Messages))); err != nil {
			return err
		}
		if err := sleep(ctx, time.Duration(p.rng.IntN(1000))*time.Millisecond); err != nil {
			return err
		}
		b, _ := p.deck.draw()
		p.say("%d messages: %s", progress.count(), b.name)
		if err := p.strike(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		p.tally.add(b.name)
	}
	return nil
}

// strike has something happen, and returns when both relays are well again.
func (p *pair) strike(ctx context.Context, b blow) error {
	active := p.active.Load()
	other := p.other(active)
	other.forget()
	if err := b.strike(ctx, active, other); err != nil {
		return err
	}
	if err := p.restore(ctx); err != nil {
		return err
	}
	if first := other.firstSent(); !first.IsZero() && p.active.Load() == other && active.lastSent().After(first) {
		p.say("%s has sent something %s after %s had begun", active.name, active.lastSent().Sub(first), other.name)
		p.note(func() { p.found.Together++ })
	}
	return p.awaitStandby(ctx)
}

// follow waits until the other replica has taken over and has delivered something. It
// returns how long that took since a moment. When everything is said, it is enough that the
// replica is ready: what is left may wait until it is known what became of it. Meanwhile
// nothing happens to single requests, after which the relay would pause.
func (p *pair) follow(ctx context.Context, other *replica, since time.Time) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, pairPatience)
	defer cancel()
	for _, proxy := range []*proxy{p.fixture.matrix, p.fixture.wazo} {
		proxy.hush(true)
		defer proxy.hush(false)
	}
	for {
		delivered, err := other.relay.Delivered(ctx)
		switch {
		case err != nil:
		case delivered > 0:
			took := time.Since(since)
			p.active.Store(other)
			p.say("%s has taken over after %s", other.name, took.Round(10*time.Millisecond))
			return took, nil
		case p.progress.count() >= p.cfg.Messages && other.relay.IsReady(ctx):
			p.active.Store(other)
			return time.Since(since), nil
		}
		select {
		case <-other.relay.Exited():
			return 0, fmt.Errorf("the stand-by has ended by itself: %s", harness.LogTail(other.relay.LogFile()))
		default:
		}
		if err := sleep(ctx, lookEvery); err != nil {
			return 0, fmt.Errorf("nobody takes over: %w: %s", err, harness.LogTail(other.relay.LogFile()))
		}
	}
}

// takenOver measures a take-over.
func (p *pair) takenOver(ctx context.Context, other *replica, since time.Time) error {
	took, err := p.follow(ctx, other, since)
	if err == nil {
		p.note(func() { p.found.TakeOvers = append(p.found.TakeOvers, took) })
	}
	return err
}

// awaitExit waits until a relay has ended by itself.
func (p *pair) awaitExit(ctx context.Context, r *replica) error {
	ctx, cancel := context.WithTimeout(ctx, pairPatience)
	defer cancel()
	select {
	case <-r.relay.Exited():
		p.note(func() { p.exits++ })
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s was replaced and goes on: %s", r.name, harness.LogTail(r.relay.LogFile()))
	}
}

// restore starts what has ended.
func (p *pair) restore(ctx context.Context) error {
	for _, r := range p.replicas {
		select {
		case <-r.relay.Exited():
			if err := r.relay.Begin(ctx); err != nil {
				return err
			}
		default:
		}
	}
	return nil
}

// awaitStandby waits until one relay is active and the other one is the stand-by, and
// notes if they are others than expected.
func (p *pair) awaitStandby(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pairPatience)
	defer cancel()
	active := p.active.Load()
	for {
		roles := [2]string{p.replicas[0].relay.Role(ctx).Role, p.replicas[1].relay.Role(ctx).Role}
		switch {
		case slices.Contains(roles[:], "active") && slices.Contains(roles[:], "stand-by"):
			now := p.replicas[slices.Index(roles[:], "active")]
			if now != active {
				p.say("%s has taken over without need", now.name)
				p.active.Store(now)
				p.note(func() { p.found.Needless++ })
			}
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("the relays are %q: %s", roles, harness.LogTail(p.replicas[0].relay.LogFile()))
		}
		if err := p.restore(ctx); err != nil {
			return err
		}
		_ = sleep(ctx, lookEvery) // the loop looks at ctx
	}
}

func (p *pair) note(what func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what()
}

func (p *pair) counts() (kills, midway, exits int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kills, p.midway, p.exits
}

func (p *pair) result() PairResult {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.found
}
