package relay

import (
	"context"
	"sync"
	"time"

	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// phase is how far a queue has come since the relay started. The database may be an older one that was restored from a
// backup, so a queue first learns what was delivered before; until then it delivers no messages of people.
type phase int

const (
	// phaseUnknown: what was delivered before this start is not known.
	phaseUnknown phase = iota
	// phaseKnown: what was delivered is known. To Matrix, /sync and its gaps have shown the bot's own events, which carry the
	// uuid of the message that they show. To Wazo, the history has shown the relay account's own messages; those that this
	// database does not know are orphans, with which the rows that wait are compared.
	phaseKnown
	// phaseMatched: every row that waited was compared with the orphans. Only queues to Wazo come this far.
	phaseMatched
)

// startup remembers the phases of queues since the relay started.
type startup struct {
	mu     sync.Mutex
	began  time.Time
	synced bool // an answer of /sync was accepted
	phases map[db.QueueKey]phase
	// swapped are the texts of which a row was matched with an orphan, or with what its sender's account has posted, that may be that
	// of a later row with the same text. The last of these rows finds none then.
	swapped map[saidText]bool
}

// saidText is what somebody said in a portal.
type saidText struct {
	portalID    int64
	author      wazoapi.UUID // as of a form
	alias, text string
}

func newStartup() *startup {
	return &startup{began: time.Now(), phases: make(map[db.QueueKey]phase), swapped: make(map[saidText]bool)}
}

func (s *startup) phase(queue db.QueueKey) phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phases[queue]
}

// noteSwapped notes that a row may have been matched with the orphan of a later row with the same text.
func (s *startup) noteSwapped(text saidText) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.swapped[text] = true
}

func (s *startup) isSwapped(text saidText) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.swapped[text]
}

// reached notes that a queue has come to a phase. A queue never goes back.
func (s *startup) reached(queue db.QueueKey, p phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phases[queue] = max(s.phases[queue], p)
}

// noteSynced notes an accepted answer of /sync. It reports whether it is the first one.
func (s *startup) noteSynced() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.synced
	s.synced = true
	return first
}

func (s *startup) isSynced() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.synced
}

// learnDeliveredToMatrix fills the gaps of a portal after the first answer of /sync. It reports whether all that the bot said
// in the Matrix room is known then.
func (w *queueWorker) learnDeliveredToMatrix(ctx context.Context, synced bool) (bool, error) {
	if !synced {
		return false, nil
	} else if err := w.gaps.fill(ctx, w.queue.PortalID); err != nil {
		return false, err
	}
	w.startup.reached(w.queue, phaseKnown)
	return true, nil
}

// forgetOrphans ends the search for a portal's orphans: all rows that waited, those of the first answer of /sync included,
// were compared with them.
func (w *queueWorker) forgetOrphans(ctx context.Context) error {
	if w.startup.phase(w.queue) != phaseKnown {
		return nil
	} else if err := w.matchParked(ctx); err != nil {
		return err
	}
	if err := w.db.Orphan.Close(ctx, w.queue.PortalID, jsontime.UM(time.Now())); err != nil {
		return err
	}
	w.startup.reached(w.queue, phaseMatched)
	return nil
}
