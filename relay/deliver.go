package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/words"
)

// outcome is what became of a row, unless it failed.
type outcome int

const (
	outcomeDelivered outcome = iota // the row, or one part of it, is on the other side and recorded
	outcomeChanged                  // the row is not what was read, or there is nothing to deliver in it: look for the next one
	outcomeStopped                  // the row cannot go on now; whoever changes that wakes the queue
)

// queueWorker delivers the rows of one queue, one after the other.
type queueWorker struct {
	*Relay
	queue db.QueueKey
}

// step delivers the next row of the queue.
func (w *queueWorker) step(ctx context.Context) (task.Outcome, error) {
	if w.queue.Direction == db.ToWazo {
		defer w.echoes.release(w.queue.PortalID)
	}
	pauses, err := w.pauses.of(ctx, w.queue)
	if err != nil {
		return task.Idle, err
	} else if !w.pauses.claimTry(queueJob(w.queue), pauses) {
		w.waits.note(w.queue, words.WaitNothing, time.Now())
		return task.Idle, nil
	}
	portal, row, err := w.next(ctx)
	if err != nil || row == nil {
		return task.Idle, err
	}
	return w.deliverFrom(ctx, w.delivery(portal, row), pauses)
}

// deliverFrom runs a delivery, and those that are ready behind it.
func (w *queueWorker) deliverFrom(ctx context.Context, d delivery, pauses []*db.Pause) (task.Outcome, error) {
	for d != nil {
		portal, row := d.about()
		ctx := withLookups(withMessageID(ctx, row.SourceID), w.cfg.LookupWait)
		var result outcome
		err := task.Guard(ctx, func() (err error) {
			result, err = d.run(ctx)
			return err
		})
		switch {
		case err != nil:
			return w.handleFailure(ctx, portal, row, err)
		case result == outcomeChanged && len(pauses) > 0:
			w.pauses.retries.Add(queueJob(w.queue)) // nothing was tried
			return task.Again, nil
		case result == outcomeChanged:
			return task.Again, nil
		case result == outcomeStopped:
			return task.Idle, nil
		}
		d = d.following()
		if err = w.endFailures(ctx, portal, row, pauses); err != nil && d == nil {
			return task.Again, err
		} else if err != nil {
			zerolog.Ctx(ctx).Err(err).Msg("Failed to note that a delivery succeeded") // the next one must be sent now
		}
		if d != nil && w.queue.Direction == db.ToWazo {
			w.echoes.recorded(w.queue.PortalID)
		}
		pauses = nil
	}
	return task.Again, nil
}

// next returns the row that is delivered next, with its portal, and no row if nothing may be delivered now.
func (w *queueWorker) next(ctx context.Context) (*db.Portal, *db.Row, error) {
	portal, row, wait, err := w.nextOrWait(ctx)
	w.waits.note(w.queue, wait, time.Now())
	return portal, row, err
}

// nextOrWait is next. Without a row, it says what the queue waits for.
func (w *queueWorker) nextOrWait(ctx context.Context) (*db.Portal, *db.Row, words.Wait, error) {
	synced, whole := w.startup.isSynced(), w.startup.isWhole() // read before the gaps and the queue: an answer of /sync may come in between
	if w.queue.Direction == db.ToWazo {
		if err := w.gaps.fill(ctx, w.queue.PortalID); err != nil {
			return nil, nil, words.WaitGap, err
		}
	}
	portal, err := w.db.Portal.ByID(ctx, w.queue.PortalID)
	if err != nil {
		return nil, nil, words.WaitNothing, err
	} else if portal == nil {
		w.uploads.forget(w.queue.PortalID)
		return nil, nil, words.WaitNothing, nil
	}
	row, err := w.db.Queue.Next(ctx, w.queue.PortalID, w.queue.Direction)
	switch {
	case err != nil:
		return nil, nil, words.WaitNothing, err
	case row == nil:
		return nil, nil, words.WaitNothing, w.finishComparing(ctx, synced, whole)
	case w.queue.Direction == db.ToWazo && w.hasGap(ctx):
		return w.nextOrWait(ctx) // it came with the row, after it was looked for
	case row.Kind != db.KindMessage:
		return portal, row, words.WaitNothing, nil // the relay's own messages open the way for the others
	case !w.logins.isRead(): // as whom people had posted before this start is not known
		return nil, nil, words.WaitLogins, nil
	case w.queue.Direction == db.ToWazo && !portal.StartedOnMatrix:
		return nil, nil, words.WaitStart, nil
	case w.queue.Direction == db.ToWazo && w.startup.phase(w.queue) == phaseUnknown:
		return nil, nil, words.WaitDelivered, nil
	case w.queue.Direction == db.ToMatrix && !w.readers.isVerified(portal): // something older may still be missing
		return nil, nil, words.WaitHistory, nil
	case w.queue.Direction == db.ToMatrix && portal.IsOpened() && !w.conversations.isAttended(ctx, portal):
		return nil, nil, words.WaitJoin, nil // clients refuse what was said before they know the bot's keys (docs/matrix.md, "Newcomers and unsigned devices")
	case w.queue.Direction == db.ToMatrix && w.startup.phase(w.queue) == phaseUnknown:
		if known, err := w.learnDeliveredToMatrix(ctx, synced); err != nil || !known {
			return nil, nil, words.WaitDelivered, err
		}
		// What was found in a gap may have been this row.
		row, err = w.db.Queue.Next(ctx, w.queue.PortalID, w.queue.Direction)
	}
	if err != nil || row == nil || w.queue.Direction == db.ToWazo {
		return portal, row, words.WaitNothing, err
	} else if wait := w.events.settling(row); wait > 0 {
		w.tasks.WakeAfter(wait, queueJob(w.queue))
		return nil, nil, words.WaitLateEvent, nil
	} else if held, err := w.echoes.holds(ctx, row); err != nil || held {
		return nil, nil, words.WaitOwn, err
	} else if w.wazoRelations.replies.awaits(portal, row) {
		return nil, nil, words.WaitReplyMark, nil
	}
	return portal, row, words.WaitNothing, nil
}

// hasGap reports whether something older than a row of the queue may be missing.
func (w *queueWorker) hasGap(ctx context.Context) bool {
	gap, err := w.db.Gap.First(ctx, w.queue.PortalID)
	return err != nil || gap != nil // an error is met again when the gap is filled
}

// finishComparing ends what a start began, because the queue has nothing to deliver: what was posted before the start is
// not looked for any more.
func (w *queueWorker) finishComparing(ctx context.Context, synced, whole bool) error {
	if w.queue.Direction == db.ToMatrix {
		w.uploads.forget(w.queue.PortalID)
		return nil
	} else if !synced {
		return nil
	}
	return w.forgetOrphans(ctx, whole)
}

// delivery returns the delivery of a row.
func (w *queueWorker) delivery(portal *db.Portal, row *db.Row) delivery {
	if row.Direction == db.ToWazo {
		return &wazoDelivery{Relay: w.Relay, portal: portal, row: row}
	}
	return newMatrixDelivery(w.Relay, portal, row)
}

// endFailures ends what earlier failures began.
func (w *queueWorker) endFailures(ctx context.Context, portal *db.Portal, row *db.Row, pauses []*db.Pause) error {
	w.lastDelivery[row.Direction].store(time.Now())
	w.noteWorks(deliveryService(row.Direction))
	w.poison.Forget(row.ID)
	if row.Direction == db.ToWazo {
		if err := w.endOutage(ctx, portal); err != nil {
			return err
		}
	}
	if len(pauses) > 0 {
		return w.pauses.end(ctx, portal, pauses...)
	}
	return nil
}

// handleFailure decides what a failed delivery means for its queue. It returns the error if the row is tried again
// after a pause.
func (w *queueWorker) handleFailure(ctx context.Context, portal *db.Portal, row *db.Row, err error) (task.Outcome, error) {
	if w.tasks.Stopping() {
		return task.Idle, nil // the error may only say that
	}
	failure := classify(err)
	// A search that fails says nothing about the row, hence the attempts.
	poisonous := failure.Unknown && w.poison.Failed(row.ID, time.Now(), w.lastDelivery[row.Direction].load()) && row.Attempts >= poisonAttempts
	if saveErr := w.db.Portal.SetLastError(ctx, portal.ID, w.texts.LastError(time.Now(), failure.Why)); saveErr != nil {
		return task.Idle, saveErr
	}
	if failure.Class == ClassService && !poisonous {
		return task.Again, fmt.Errorf("failed to deliver %s: %w", row.SourceID, err)
	}
	paused, pauseErr := w.pauses.of(ctx, w.queue)
	if pauseErr != nil {
		return task.Idle, pauseErr
	}
	level := zerolog.ErrorLevel
	if len(paused) > 0 {
		level = zerolog.DebugLevel // it was tried whether the reason is gone, as often before
	}
	zerolog.Ctx(ctx).WithLevel(level).Err(err).Int("attempts", row.Attempts).Msg("Failed to deliver")
	if row.Direction == db.ToWazo && failure.Class == ClassMessage && isWazo(err) {
		if err := w.endOutage(ctx, portal); err != nil {
			return task.Idle, err
		}
	}
	w.poison.Forget(row.ID)
	switch {
	case row.Kind != db.KindMessage && failure.Class != ClassPortal, row.Kind == db.KindIntroduction:
		return task.Idle, w.giveUpLink(ctx, portal, w.texts.WhyWithoutMessage(failure.Why))
	case failure.Class == ClassPortal:
		return task.Idle, w.pauses.begin(ctx, portal, failure.Pause, row.Direction)
	default:
		return task.Again, w.setAside(ctx, portal, row, failure)
	}
}

// setAside parks a row that cannot be delivered. If the row is that of a merged event, the merge is undone instead, so
// that only the message at fault is parked.
func (w *queueWorker) setAside(ctx context.Context, portal *db.Portal, row *db.Row, failure Failure) error {
	merged, err := w.db.Queue.IsMerged(ctx, row.ID)
	if err != nil {
		return err
	} else if merged {
		return w.db.Queue.SetAlone(ctx, row.ID)
	}
	return w.park(ctx, portal, row, failure)
}

// park takes a row out of the way until a person decides, and tells the people of the Matrix room. It does nothing if
// the row was delivered, edited or taken back since it was read.
func (w *queueWorker) park(ctx context.Context, portal *db.Portal, row *db.Row, failure Failure) error {
	why := w.texts.Why(failure.Why)
	notice, replyTo := w.texts.NotDelivered(why), id.EventID(row.SourceID)
	if row.Direction == db.ToMatrix {
		notice, replyTo = w.texts.CannotShow(w.parkedName(ctx, row), why), ""
	} else if failure.Unknown {
		notice = w.texts.PerhapsDelivered(why)
	}
	return w.db.DoTxn(ctx, func(ctx context.Context) error {
		current, err := w.db.Queue.ByID(ctx, row.ID)
		if err != nil || current == nil || current.Part != row.Part || current.Revision != row.Revision {
			return err
		} else if err = w.db.Queue.SetState(ctx, row.ID, db.StateParked, why); err != nil {
			return err
		}
		w.counts.finished(ctx, row, OutcomeParked)
		return w.Say(ctx, portal.MatrixRoom, notice, replyTo)
	})
}
