package chaos

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// aim is a moment at which the relay is killed.
type aim struct {
	class class // the request at which the relay is killed; other means at any moment
	late  bool
}

// aims are dealt in turns. Most aim at a message that is on its way, because the
// next start then has to find out what became of it.
var aims = []aim{
	{class: matrixSend}, {class: matrixSend, late: true}, {class: matrixSend, late: true},
	{class: wazoPost}, {class: wazoPost, late: true}, {class: wazoPost, late: true},
	{class: matrixSync, late: true}, {class: wazoPages, late: true},
	{class: other}, {class: other}, {class: other},
}

// patience is how long a trap waits for its request. After that the relay is
// killed without one.
const patience = 3 * time.Second

// killer kills the relay as often as it should, spread over the run.
type killer struct {
	*fixture
	rng  *rand.Rand
	deck *deck[aim]
}

func newKiller(s *fixture) *killer {
	dealt := aims
	if s.cfg.SMS {
		dealt = append(slices.Clone(aims), aim{class: smsPost}, aim{class: smsPost, late: true}, aim{class: smsPost, late: true})
	}
	return &killer{fixture: s, rng: rand.New(rand.NewPCG(s.cfg.Seed, 2)), deck: newDeck(s.cfg.Seed, 1, dealt)}
}

// run returns after the last kill. progress counts what people have said.
func (k *killer) run(ctx context.Context, progress *milestones) error {
	for n := range k.cfg.Kills {
		at := (float64(n) + k.rng.Float64()) / float64(k.cfg.Kills)
		if err := progress.reach(ctx, int(at*float64(k.cfg.Messages))); err != nil {
			return err
		}
		if err := sleep(ctx, time.Duration(k.rng.IntN(300))*time.Millisecond); err != nil {
			return err
		}
		aim, _ := k.deck.draw()
		if err := k.killAt(ctx, aim); err != nil {
			return err
		}
	}
	for {
		if kills, _, _ := k.keeper.counts(); kills >= k.cfg.Kills {
			return nil
		}
		if k.keeper.kill(ctx); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (k *killer) killAt(ctx context.Context, a aim) error {
	if a.class == other {
		k.keeper.kill(ctx)
		return ctx.Err()
	}
	waited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !k.trap(waited, a) {
		k.keeper.kill(ctx)
	}
	return ctx.Err()
}

// trap kills the relay at its next request of a class. It reports false if ctx ends
// before there is one.
func (s *fixture) trap(ctx context.Context, a aim) bool {
	return s.trapWith(ctx, a, func() { s.keeper.kill(s.whole) })
}

// trapWith calls end at the relay's next request of a class, which ends the relay. It
// reports false if ctx ends before there is one.
func (s *fixture) trapWith(ctx context.Context, a aim, end func()) bool {
	p := s.matrix
	if a.class == wazoPost || a.class == smsPost || a.class == wazoPages {
		p = s.wazo
	}
	sprung, dead := make(chan struct{}), make(chan struct{})
	set := &trap{class: a.class, late: a.late, kill: func() {
		close(sprung) // a trap springs once
		end()
		close(dead)
	}}
	p.set(set)
	select {
	case <-sprung:
	case <-ctx.Done():
		p.remove(set)
		select {
		case <-sprung: // at the last moment
		default:
			return false
		}
	}
	<-dead
	return true
}
