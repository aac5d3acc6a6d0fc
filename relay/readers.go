package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wazo-matrix-relay/db"
)

// The history of a portal is always read by the portal's reader, which is one of the accounts that are members of the
// Wazo room. What this hears is accepted. What only others hear shows that it may not be a member any more.

// readers listen to Wazo for all accounts, look for news, and find a reader for each portal. They are safe for
// concurrent use.
type readers struct {
	*Relay
	connections atomic.Uint64 // how many there were, of all accounts
	looked      atomic.Bool   // see haveLooked
	wg          sync.WaitGroup

	mu        sync.Mutex
	ctx       context.Context // of run; nil before
	mode      streaming
	listening map[*account]*listening
	overheard map[int64][]heardMessage // by portal: what others than the reader have heard
	lostAt    time.Time                // when the relay account lost its connection; zero: it has one
}

func newReaders(r *Relay) *readers {
	readers := &readers{Relay: r, listening: make(map[*account]*listening), overheard: make(map[int64][]heardMessage)}
	if r.account == nil {
		readers.mode = streamsOwn
	}
	return readers
}

// of returns the account that reads a portal, nil if it cannot be used any more.
func (r *readers) of(portal *db.Portal) *account {
	if acc := r.accounts.withID(portal.ReaderID); acc != nil && !acc.refused.Load() {
		return acc
	}
	return nil
}

// isVerified reports whether everything that was said in a portal's Wazo room while nobody listened is accepted.
func (r *readers) isVerified(portal *db.Portal) bool {
	acc := r.of(portal)
	return acc != nil && acc.isVerified(portal.ID)
}

// eventsFlow reports whether events of Wazo are heard, or there is nobody for whom they could be.
func (r *readers) eventsFlow() bool {
	if r.account != nil {
		return r.account.own.connected.Load()
	}
	all := r.accounts.inUse()
	return len(all) == 0 || slices.ContainsFunc(all, func(acc *account) bool { return acc.own.connected.Load() })
}

// haveLooked reports whether all accounts that there were at the start have looked for news since then, or tried to.
func (r *readers) haveLooked() bool {
	if !r.looked.Load() && !slices.ContainsFunc(r.accounts.inUse(), func(acc *account) bool { return !acc.looked.Load() }) {
		r.looked.Store(true) // who logs in later has missed nothing
	}
	return r.looked.Load()
}

// countConnections returns how many connections for events of Wazo are open, and how many should be.
func (r *readers) countConnections() (open, due int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for acc := range r.listening {
		if due++; acc.own.connected.Load() {
			open++
		}
	}
	return open, due
}

// run listens and looks for news until ctx ends.
func (r *readers) run(ctx context.Context) {
	r.mu.Lock()
	r.ctx = ctx
	r.mu.Unlock()
	r.listenWhereDue()
	r.keepCaughtUp(ctx)
	r.wg.Wait()
}

// wakeUnread has a reader looked for for the portals that nobody can read.
func (r *readers) wakeUnread(ctx context.Context) error {
	ids, err := r.db.Portal.Readers(ctx)
	if err != nil {
		return fmt.Errorf("failed to look for portals that need another reader: %w", err)
	}
	for _, accountID := range ids {
		if r.of(&db.Portal{ReaderID: accountID}) != nil {
			continue
		}
		portals, err := r.db.Portal.OfReader(ctx, accountID)
		if err != nil {
			return fmt.Errorf("failed to look for portals that need another reader: %w", err)
		}
		for _, portal := range portals {
			r.wakePortal(portal.ID)
		}
	}
	return nil
}

// wakePortalsOf has the reader of the portals looked at that an account reads or has read, and their queues.
func (r *readers) wakePortalsOf(ctx context.Context, acc *account) {
	portals, err := r.db.Portal.OfReader(ctx, acc.row.ID)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Err(err).Msg("Failed to look for portals that need another reader")
		}
		return
	}
	for _, portal := range portals {
		r.wakePortal(portal.ID)
	}
}

// began notes that an account of a person has come into use: it listens, and perhaps there are portals that only it can
// read.
func (r *readers) began(acc *account) {
	r.listenWhereDue()
	r.tasks.Wake(accountJob(jobProbe, acc))
	r.tasks.Go(func(ctx context.Context) {
		r.wakePortalsOf(ctx, acc)
		if err := r.wakeUnread(ctx); err != nil && ctx.Err() == nil {
			r.log.Err(err).Msg("Failed to let somebody read what nobody could")
		}
	})
}

// ended notes that an account of a person is not used any more: others have to read its portals.
func (r *readers) ended(acc *account) {
	r.mu.Lock()
	if listening := r.listening[acc]; listening != nil {
		listening.stop()
		delete(r.listening, acc)
	}
	r.mu.Unlock()
	if r.eventsFlow() && r.account == nil {
		r.health.forget(serviceEvents)
	}
	r.tasks.Go(func(ctx context.Context) { r.wakePortalsOf(ctx, acc) })
}

// lookForGone has the portals looked at whose chats an account has lost: they were deleted, or the account was removed
// from them. Reading their histories tells, and pauses those that nobody else can read.
func (r *readers) lookForGone(ctx context.Context, acc *account) {
	for _, room := range acc.takeGone() {
		portal, err := r.db.Portal.ByWazoRoom(ctx, string(room))
		if err != nil {
			r.log.Err(err).Msg("Failed to look for the portal of a chat that is gone")
		} else if portal != nil && portal.ReaderID == acc.row.ID {
			r.tasks.Wake(portalJob(jobCatchUp, portal.ID))
		}
	}
}

// probeAll looks for news for all accounts. The semaphore reading keeps that from being a storm.
func (r *readers) probeAll() {
	for _, acc := range r.accounts.inUse() {
		r.tasks.Wake(accountJob(jobProbe, acc))
	}
}

// keepCaughtUp looks for news again and again for the accounts that read something, share the connection of the relay
// account, or have not looked since the start: at most 1 % of the time is spent on that. While no events flow it is the
// only way to hear anything, and is done more often. It also lets paused portals try again.
func (r *readers) keepCaughtUp(ctx context.Context) {
	ticker := time.NewTicker(min(retryCatchUp, r.cfg.ProbeInterval))
	defer ticker.Stop()
	last := time.Now()
	probed := make(map[*account]time.Time)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if r.isLost() {
			r.setMode(streamsOwn)
		}
		probed = r.probeWhereDue(ctx, probed)
		if r.eventsFlow() && time.Since(last) < r.cfg.ProbeInterval {
			continue
		}
		last = time.Now()
		r.tasks.Wake(job{kind: jobStreams})
		r.pauses.retryAll(ctx)
	}
}

// probeWhereDue looks for news for the accounts whose time has come, and knows when that was last done for each. It
// returns the same for the next time.
func (r *readers) probeWhereDue(ctx context.Context, probed map[*account]time.Time) map[*account]time.Time {
	ids, err := r.db.Portal.Readers(ctx)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Err(err).Msg("Failed to look which accounts read something")
		}
		return probed
	}
	reads := make(map[int64]bool, len(ids)) // by account
	for _, accountID := range ids {
		reads[accountID] = true
	}
	var reading []*account
	var took time.Duration // by all of them
	for _, acc := range r.accounts.inUse() {
		// Nobody hears for one that shares a connection of rooms that it was added to. One that has none since the
		// start must look all the same: the relay is not well before that, see haveLooked.
		if reads[acc.row.ID] || acc.shared.Load() != nil || !acc.looked.Load() {
			reading = append(reading, acc)
			took += acc.lastProbeTook()
		}
	}
	now, next := time.Now(), make(map[*account]time.Time, len(reading))
	for _, acc := range reading {
		pause := max(min(retryCatchUp, r.cfg.ProbeInterval), took)
		if acc.stream().connected.Load() {
			pause = max(r.cfg.ProbeInterval, 100*took)
		}
		last, known := probed[acc]
		switch {
		case !known:
			next[acc] = now // its connection brings a look for news by itself
		case now.Sub(last) < jittered(pause):
			next[acc] = last
		default:
			next[acc] = now
			r.tasks.Wake(accountJob(jobProbe, acc))
		}
	}
	return next
}

// jittered shortens a pause by up to a quarter, so that the accounts come one after the other.
func jittered(pause time.Duration) time.Duration {
	return pause - time.Duration(rand.Int64N(int64(pause)/4+1))
}
