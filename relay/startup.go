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
	// phaseKnown: what was delivered is known. To Matrix, /sync and its gaps have shown the bot's own events, which
	// carry the uuid of the message that they show. To Wazo, the history has shown the relay account's own messages;
	// those that this database does not know are orphans, with which the rows that wait are compared.
	phaseKnown
	// phaseCompared: every row that waited was compared with the orphans, those of the first answer of /sync included.
	// Something is left with which rows can be compared, and /sync may bring more events that are older than this start
	// (whole_sync.go). These are compared too. Only queues to Wazo come this far.
	phaseCompared
	// phaseMatched: everything was compared.
	phaseMatched
)

// startup remembers the phases of queues since the relay started.
type startup struct {
	mu     sync.Mutex
	began  time.Time
	synced bool // an answer of /sync was accepted
	old    int  // how many of them had something in a portal's room that is older than this start
	whole  bool // they have brought everything that is older
	phases map[db.QueueKey]phase
	// swapped are the texts of which a row was matched with an orphan, or with what its sender's account has posted,
	// that may be that of a later row with the same text. The last of these rows finds none then.
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

// mayBeOlder reports whether something that was written at a time, and waits in a queue to Wazo, may have been posted
// before this start, so that it is compared with what was.
func (s *startup) mayBeOlder(queue db.QueueKey, written time.Time) bool {
	switch s.phase(queue) {
	case phaseMatched:
		return false
	case phaseCompared:
		return written.Before(s.began)
	default:
		return true
	}
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

// isOlder reports whether an event is older than this start.
func (s *startup) isOlder(evt Event) bool {
	return evt.Event != nil && time.UnixMilli(evt.Timestamp).Before(s.began)
}

// noteOld notes an accepted answer of /sync with something in a portal's room that is older than this start.
func (s *startup) noteOld() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old++
}

// oldAnswers returns how often noteOld was called.
func (s *startup) oldAnswers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.old
}

// noteWhole notes that /sync has brought everything that is older than this start.
func (s *startup) noteWhole() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole = true
}

func (s *startup) isWhole() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.whole
}

// learnDeliveredToMatrix fills the gaps of a portal after the first answer of /sync. It reports whether all that the
// bot said in the Matrix room is known then.
func (w *queueWorker) learnDeliveredToMatrix(ctx context.Context, synced bool) (bool, error) {
	if !synced {
		return false, nil
	} else if err := w.gaps.fill(ctx, w.queue.PortalID); err != nil {
		return false, err
	}
	w.startup.reached(w.queue, phaseKnown)
	return true, nil
}

// forgetOrphans ends the search for a portal's orphans: all rows that waited, those of the first answer of /sync
// included, were compared with them. If something is left, the search goes on until the answers were whole.
func (w *queueWorker) forgetOrphans(ctx context.Context, whole bool) error {
	if phase := w.startup.phase(w.queue); phase == phaseUnknown || phase == phaseMatched {
		return nil
	} else if !whole {
		if left, err := w.hasUnmatched(ctx); err != nil {
			return err
		} else if left {
			w.startup.reached(w.queue, phaseCompared)
			return nil
		}
	}
	if err := w.matchParked(ctx); err != nil {
		return err
	}
	if err := w.db.Orphan.Close(ctx, w.queue.PortalID, jsontime.UM(time.Now())); err != nil {
		return err
	}
	w.startup.reached(w.queue, phaseMatched)
	return nil
}

// hasUnmatched reports whether something is on Wazo that may be the message of a row that comes yet: an orphan of a
// person, or what the account of a person has posted before this start and is not shown on Matrix yet.
func (w *queueWorker) hasUnmatched(ctx context.Context) (bool, error) {
	if has, err := w.db.Orphan.HasLater(ctx, w.queue.PortalID, jsontime.UMicroInt(0)); err != nil || has {
		return has, err
	}
	return w.echoes.hasOlder(ctx, w.queue.PortalID, jsontime.UMicro(w.startup.began))
}
