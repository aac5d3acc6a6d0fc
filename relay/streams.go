package relay

import (
	"context"
	"errors"
	"time"

	"wazo-matrix-relay/wazoapi"
)

// Each account that is in use has a connection of its own for the events of Wazo. If the relay account hears of all
// rooms of the tenant, its connection serves everybody instead.

// streaming is which accounts have connections for events.
type streaming int

const (
	streamsUnknown streaming = iota // the relay account was not asked yet what it hears: the others wait for that
	streamsOwn                      // each account has its own
	streamShared                    // that of the relay account serves everybody
)

// listenWhereDue lets those accounts listen that are to, and the others not.
func (r *readers) listenWhereDue() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == nil || r.ctx.Err() != nil {
		return
	}
	for _, acc := range r.accounts.inUse() {
		isDue := acc == r.account || r.mode == streamsOwn
		listening := r.listening[acc]
		switch {
		case isDue && listening == nil:
			r.hearThrough(acc, nil)
			r.listen(acc)
		case !isDue && listening != nil:
			listening.stop()
			delete(r.listening, acc)
		}
		if acc != r.account && r.mode == streamShared {
			r.hearThrough(acc, &r.account.own)
		}
	}
}

// hearThrough lets an account hear events through a connection of the relay account, or (nil) its own. What was
// verified under the other one says nothing any more.
func (r *readers) hearThrough(acc *account, shared *stream) {
	if acc.shared.Swap(shared) != shared {
		acc.setUnverified(0)
	}
}

// listening is that an account listens.
type listening struct{ stop context.CancelFunc }

// listen lets an account listen; the caller holds r.mu.
func (r *readers) listen(acc *account) {
	ctx, stop := context.WithCancel(r.ctx)
	self := &listening{stop}
	r.listening[acc] = self
	r.wg.Go(func() {
		if err := r.events.listen(ctx, acc, &reader{r.Relay, acc}); err != nil && ctx.Err() == nil {
			r.log.Err(err).Msg("Stopped listening to Wazo")
		}
		if r.ctx.Err() == nil && r.accounts.withID(acc.row.ID) == acc && !acc.refused.Load() {
			r.events.left(r.ctx, acc)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if now := r.listening[acc]; now == nil || now == self { // it may listen again already
			acc.own.connected.Store(false)
		}
	})
}

// setMode decides which accounts have connections.
func (r *readers) setMode(mode streaming) {
	r.mu.Lock()
	changed := r.mode != mode
	r.mode = mode
	r.mu.Unlock()
	if !changed {
		return
	}
	r.log.Info().Bool("shared", mode == streamShared).Msg("Decided whether one connection for events serves everybody")
	r.listenWhereDue()
	if mode == streamShared {
		r.probeAll()
	}
}

// decide finds out whether the connection of the relay account serves everybody. A token that was renewed may have
// other rights.
func (r *readers) decide(ctx context.Context) error {
	if r.account == nil || !r.account.own.connected.Load() {
		return nil
	}
	sees, err := r.events.seesTenant(ctx, r.account)
	switch {
	case err != nil:
		if r.modeIs(streamsUnknown) {
			r.setMode(streamsOwn)
		}
		return err
	case sees:
		r.setMode(streamShared)
	default:
		r.setMode(streamsOwn)
	}
	return nil
}

// mayHearAll reports whether an account may hear events of rooms in which it is not. Then it goes on hearing those of a
// room that it was removed from.
func (r *readers) mayHearAll(acc *account) bool { return acc == r.account && !r.modeIs(streamsOwn) }

func (r *readers) modeIs(mode streaming) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mode == mode
}

// connected notes a new connection of an account. What was verified before says nothing about the time without
// connection.
func (r *readers) connected(acc *account) {
	acc.own.connection.Store(r.connections.Add(1))
	acc.own.since.store(time.Now())
	acc.own.connected.Store(true)
	r.setLost(acc, time.Time{})
	if acc == r.account {
		r.tasks.EndPauses()
		r.tasks.Wake(job{kind: jobStreams})
	}
	if acc == r.account || r.account == nil {
		r.noteWorks(serviceEvents)
	}
	if acc == r.account && r.modeIs(streamShared) {
		r.probeAll()
	} else {
		r.tasks.WakeAfter(r.cfg.CommitLag, accountJob(jobProbe, acc)) // see reader.probe
	}
}

// disconnected notes that an account has no connection, because of an error.
func (r *readers) disconnected(ctx context.Context, acc *account, err error) {
	acc.own.connected.Store(false)
	switch {
	case acc == r.account:
		r.setLost(acc, time.Now())
		r.noteFails(serviceEvents, err)
		if r.modeIs(streamsUnknown) || classify(err).Class == ClassPortal {
			r.setMode(streamsOwn) // the others may still hear
		}
	case errors.Is(err, wazoapi.ErrLogInEnded):
		if err = r.accounts.refused(ctx, acc, err); err != nil {
			r.log.Err(err).Msg("Failed to store that Wazo refuses a log-in")
		}
	case r.account == nil && !r.eventsFlow() && whyInstead(err) == "":
		r.noteFails(serviceEvents, err)
	}
}

// setLost notes when the relay account lost its connection, if it is the account.
func (r *readers) setLost(acc *account, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if acc == r.account && (at.IsZero() || r.lostAt.IsZero()) {
		r.lostAt = at
	}
}

// isLost reports whether the relay account has had no connection for so long that the others must not wait for it.
func (r *readers) isLost() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.lostAt.IsZero() && time.Since(r.lostAt) > r.cfg.OutageNotice
}
