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
	delivered outcome = iota // the row, or one part of it, is on the other side and recorded
	changed                  // the row is not what was read, or there is nothing to deliver in it: look for the next one
	blocked                  // the row cannot go on now; whoever changes that wakes the queue
)

// stepQueue delivers the next row of a queue.
func (r *Relay) stepQueue(ctx context.Context, j job) (task.Outcome, error) {
	pauses, err := r.activePauses(ctx, j.queue())
	if err != nil {
		return task.Idle, err
	} else if !r.mayTry(j, pauses) {
		return task.Idle, nil
	}
	portal, row, err := r.next(ctx, j.queue())
	if err != nil || row == nil {
		return task.Idle, err
	}
	var result outcome
	err = task.Guard(ctx, func() (err error) {
		result, err = r.deliver(ctx, portal, row)
		return err
	})
	switch {
	case err != nil:
		return r.handleFailure(ctx, portal, row, err)
	case result == delivered:
		return task.Again, r.delivered(ctx, portal, row, pauses)
	case result == changed && len(pauses) > 0:
		r.retries.Add(j) // nothing was tried
	case result == blocked:
		return task.Idle, nil
	}
	return task.Again, nil
}

// next returns the row that is delivered next, with its portal, and no row if nothing may be delivered now.
func (r *Relay) next(ctx context.Context, queue db.QueueKey) (*db.Portal, *db.Row, error) {
	synced := r.startup.isSynced() // read before the gaps and the queue: an answer of /sync may come in between
	if queue.Direction == db.ToWazo {
		if err := r.fillGaps(ctx, queue.PortalID); err != nil {
			return nil, nil, err
		}
	}
	portal, err := r.db.Portal.ByID(ctx, queue.PortalID)
	if err != nil {
		return nil, nil, err
	} else if portal == nil {
		r.uploads.forget(queue.PortalID)
		return nil, nil, nil
	}
	row, err := r.db.Queue.Next(ctx, queue.PortalID, queue.Direction)
	switch {
	case err != nil:
		return nil, nil, err
	case row == nil:
		return nil, nil, r.queueEmpty(ctx, queue, synced)
	case row.Kind != db.KindMessage:
		return portal, row, nil // the relay's own messages open the way for the others
	case queue.Direction == db.ToWazo && (!portal.StartedOnMatrix || r.startup.phase(queue) == phaseUnknown):
		return nil, nil, nil // the start of the link is not seen yet, or what was delivered before this start is not
	case queue.Direction == db.ToMatrix && !r.account.isVerified(portal.ID):
		return nil, nil, nil // something older may still be missing
	case queue.Direction == db.ToMatrix && r.startup.phase(queue) == phaseUnknown:
		if known, err := r.learnDeliveredToMatrix(ctx, queue, synced); err != nil || !known {
			return nil, nil, err
		}
		// What was found in a gap may have been this row.
		row, err = r.db.Queue.Next(ctx, queue.PortalID, queue.Direction)
	}
	return portal, row, err
}

// queueEmpty notes that a queue has nothing to deliver.
func (r *Relay) queueEmpty(ctx context.Context, queue db.QueueKey, synced bool) error {
	if queue.Direction == db.ToMatrix {
		r.uploads.forget(queue.PortalID)
		return nil
	} else if !synced {
		return nil
	}
	return r.forgetOrphans(ctx, queue)
}

// deliver delivers a row, or the next part of it.
func (r *Relay) deliver(ctx context.Context, portal *db.Portal, row *db.Row) (outcome, error) {
	if row.Direction == db.ToWazo {
		return (&wazoDelivery{r, portal, row}).run(ctx)
	}
	return (&matrixDelivery{r, portal, row}).run(ctx)
}

// delivered ends what earlier failures began.
func (r *Relay) delivered(ctx context.Context, portal *db.Portal, row *db.Row, pauses []*db.Pause) error {
	r.lastDelivery[row.Direction].store(time.Now())
	r.poison.Forget(row.ID)
	if row.Direction == db.ToWazo && r.outages.end(portal.ID) {
		if err := r.Say(ctx, portal.MatrixRoom, r.texts.OutageOver(words.ServiceWazo), ""); err != nil {
			return err
		}
	}
	if len(pauses) > 0 {
		return r.unpause(ctx, portal, pauses...)
	}
	return nil
}

// handleFailure decides what a failed delivery means for its queue. It returns the error if the row is tried again after a
// pause.
func (r *Relay) handleFailure(ctx context.Context, portal *db.Portal, row *db.Row, err error) (task.Outcome, error) {
	if r.tasks.Stopping() {
		return task.Idle, nil // the error may only say that
	}
	failure := classify(err)
	poisonous := failure.Unknown && r.poison.Failed(row.ID, time.Now(), r.lastDelivery[row.Direction].load())
	if saveErr := r.db.Portal.SetLastError(ctx, portal.ID, r.texts.LastError(time.Now(), r.texts.Why(failure.Why))); saveErr != nil {
		return task.Idle, saveErr
	}
	if failure.Class == ClassService && !poisonous {
		return task.Again, fmt.Errorf("failed to deliver %s: %w", row.SourceID, err)
	}
	zerolog.Ctx(ctx).Err(err).Str("source_id", row.SourceID).Int("attempts", row.Attempts).Msg("Failed to deliver")
	if failure.Class != ClassService {
		r.outages.end(portal.ID)
	}
	r.poison.Forget(row.ID)
	switch {
	case row.Kind != db.KindMessage && failure.Class != ClassPortal, row.Kind == db.KindIntroduction:
		return task.Idle, r.giveUpLink(ctx, portal, r.texts.Why(failure.Why))
	case failure.Class == ClassPortal:
		return task.Idle, r.pause(ctx, portal, failure.Pause, row.Direction)
	default:
		return task.Again, r.park(ctx, portal, row, r.texts.Why(failure.Why))
	}
}

// park takes a row out of the way until a person decides, and tells the people of the Matrix room.
func (r *Relay) park(ctx context.Context, portal *db.Portal, row *db.Row, why string) error {
	notice, replyTo := r.texts.NotDelivered(why), id.EventID(row.SourceID)
	if row.Direction == db.ToMatrix {
		notice, replyTo = r.texts.CannotShow(r.parkedName(ctx, row), why), ""
	}
	return r.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := r.db.Queue.SetState(ctx, row.ID, db.StateParked, why); err != nil {
			return err
		}
		return r.Say(ctx, portal.MatrixRoom, notice, replyTo)
	})
}
