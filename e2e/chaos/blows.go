package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wazo-matrix-relay/e2e/harness"
)

// blow is something that happens to one of two relays. strike returns when what it began
// is over, and the relay that it replaced has ended.
type blow struct {
	name   string
	strike func(ctx context.Context, active, other *replica) error
}

const (
	// shortPause is how long a relay stands still at most without being replaced: the lease
	// ends in 3 s, and the stand-by takes over after 5 s without a renewal, of which the last
	// one may be a second old.
	shortPause = 3700 * time.Millisecond
	// longPause is longer than all times of the relay.
	longPause = 8 * time.Second
)

// blows returns all that can happen. The first ones are those that matter most.
func (p *pair) blows() []blow {
	list := []blow{
		{"active relay killed", p.killed(aim{})},
		{"active relay frozen", p.frozen(aim{})},
		{"active relay ended in order", p.ended},
		{"active relay cut from PostgreSQL, silently", p.cutOff(harness.Silent, false)},
		{"active relay frozen as a message is on its way to Wazo", p.frozen(aim{class: wazoPost})},
		{"active relay killed as a message is on its way to Matrix", p.killed(aim{class: matrixSend, late: true})},
		{"active relay cut from everything, silently", p.cutOff(harness.Silent, true)},
		{"active relay frozen for a moment", p.paused},
		{"active relay killed as a message is on its way to Wazo", p.killed(aim{class: wazoPost, late: true})},
		{"active relay frozen as a message is on its way to Matrix", p.frozen(aim{class: matrixSend, late: true})},
		{"active relay cut from PostgreSQL", p.cutOff(harness.Closed, false)},
		{"active relay cut from both servers", p.isolated},
		{"active relay killed as it asks for news", p.killed(aim{class: matrixSync, late: true})},
		{"stand-by killed", p.standbyKilled},
		{"stand-by frozen", p.standbyFrozen},
	}
	for _, o := range p.databaseOutages() {
		if o.name == "table locked" {
			continue // it lasts longer than all others
		}
		list = append(list, blow{o.name, func(ctx context.Context, _, _ *replica) error {
			_, err := o.run(ctx, 500*time.Millisecond)
			return err
		}})
	}
	return list
}

// at has end called at a request of the active relay, or at once.
func (p *pair) at(ctx context.Context, a aim, end func() error) error {
	if a.class == other {
		return end()
	}
	ended := make(chan error, 1)
	waited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if p.trapWith(waited, a, func() { ended <- end() }) {
		return <-ended
	}
	return end()
}

// kill kills a relay, and keeps in mind whether a message was on its way.
func (p *pair) kill(r *replica) error {
	inFlight := p.inFlight.Load() > 0
	r.relay.Kill()
	p.note(func() {
		p.kills++
		if inFlight {
			p.midway++
		}
	})
	return nil
}

func (p *pair) killed(a aim) func(ctx context.Context, active, other *replica) error {
	return func(ctx context.Context, active, other *replica) error {
		var since time.Time
		if err := p.at(ctx, a, func() error { since = time.Now(); return p.kill(active) }); err != nil {
			return err
		}
		return p.takenOver(ctx, other, since)
	}
}

// frozen has the active relay stand still until the other one has taken over. When it
// wakes up, it ends.
func (p *pair) frozen(a aim) func(ctx context.Context, active, other *replica) error {
	return func(ctx context.Context, active, other *replica) error {
		var since time.Time
		if err := p.at(ctx, a, func() error { since = time.Now(); return active.relay.Freeze() }); err != nil {
			return err
		}
		err := p.takenOver(ctx, other, since)
		if err == nil { // people talk with the other one meanwhile
			err = sleep(ctx, time.Duration(p.rng.IntN(1500))*time.Millisecond)
		}
		if err = errors.Join(err, active.relay.Thaw()); err != nil {
			return err
		}
		return p.awaitExit(ctx, active)
	}
}

// paused has the active relay stand still, in half of the cases until its lease has ended.
func (p *pair) paused(ctx context.Context, active, _ *replica) error {
	lasts := time.Second
	if p.rng.IntN(2) == 0 {
		lasts = shortPause
	}
	if err := active.relay.Freeze(); err != nil {
		return err
	}
	return errors.Join(sleep(ctx, lasts), active.relay.Thaw())
}

// ended ends the active relay in order.
func (p *pair) ended(ctx context.Context, active, other *replica) error {
	if err := active.relay.Stop(); err != nil {
		return err
	}
	took, err := p.follow(ctx, other, time.Now())
	if err == nil {
		p.note(func() { p.found.Handovers = append(p.found.Handovers, took) })
	}
	return err
}

// cutOff cuts the active relay from PostgreSQL, and perhaps from both servers, until the
// other one has taken over. When it reaches PostgreSQL again, it ends.
func (p *pair) cutOff(cut harness.Cut, fromServers bool) func(ctx context.Context, active, other *replica) error {
	return func(ctx context.Context, active, other *replica) error {
		since := time.Now()
		active.database.Set(cut)
		if fromServers {
			active.set(cut)
		}
		err := p.takenOver(ctx, other, since)
		active.set(harness.Whole)
		active.database.Set(harness.Whole)
		if err != nil {
			return err
		}
		return p.awaitExit(ctx, active)
	}
}

// isolated cuts the active relay from both servers, which is no reason to take over: it
// is the same for everybody as far as a relay knows.
func (p *pair) isolated(ctx context.Context, active, _ *replica) error {
	active.set(harness.Closed)
	defer active.set(harness.Whole)
	return sleep(ctx, longPause)
}

func (p *pair) standbyKilled(_ context.Context, _, other *replica) error { return p.kill(other) }

// standbyFrozen has the stand-by stand still. It does not take over when it wakes up.
func (p *pair) standbyFrozen(ctx context.Context, _, other *replica) error {
	if err := other.relay.Freeze(); err != nil {
		return err
	}
	if err := errors.Join(sleep(ctx, longPause), other.relay.Thaw()); err != nil {
		return fmt.Errorf("the stand-by does not go on: %w", err)
	}
	return nil
}
