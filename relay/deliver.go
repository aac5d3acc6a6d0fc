package relay

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// Pauses between attempts grow from the first to the last.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// step does the next thing in a task.
func (r *Relay) step(ctx context.Context, t task) error {
	switch t.job {
	case jobExplain:
		return orIdle(r.explain(ctx))
	case jobProbe:
		return orIdle(r.probe(ctx, r.account))
	case jobKey:
		return orIdle(r.tryKey(ctx, t.session))
	case jobExpire:
		return orIdle(r.expire(ctx))
	case jobCatchUp:
		return orIdle(r.catchUpPortal(ctx, r.account, t.portalID))
	default:
		return r.stepQueue(ctx, t, db.Direction(t.job))
	}
}

func orIdle(err error) error {
	if err == nil {
		return errIdle
	}
	return err
}

// stepQueue delivers the next thing in a queue.
func (r *Relay) stepQueue(ctx context.Context, t task, direction db.Direction) error {
	held, err := r.holding(ctx, t.portalID, direction)
	if err != nil {
		return err
	} else if !r.mayTry(t, held) {
		return errIdle
	}
	portal, row, err := r.next(ctx, t.portalID, direction)
	if errors.Is(err, errChanged) {
		return nil
	} else if err != nil {
		return err
	}
	err = guard(ctx, func() error { return r.deliver(ctx, portal, row) })
	if err == nil {
		return r.delivered(ctx, portal, row, held)
	} else if errors.Is(err, errChanged) && len(held) > 0 {
		r.retries.Add(t) // nothing was tried
	}
	return r.judge(ctx, portal, row, err)
}

// next returns what is to be delivered next, errIdle if nothing may be delivered now.
func (r *Relay) next(ctx context.Context, portalID int64, direction db.Direction) (*db.Portal, *db.Row, error) {
	synced := r.look.isSynced() // asked before what waits, in gaps or not: an answer may come in between
	if direction == db.ToWazo {
		if err := r.fillGaps(ctx, portalID); err != nil {
			return nil, nil, err
		}
	}
	portal, err := r.db.Portal.ByID(ctx, portalID)
	if err != nil {
		return nil, nil, err
	} else if portal == nil {
		r.uploads.forget(portalID)
		return nil, nil, errIdle
	}
	row, err := r.db.Queue.Next(ctx, portalID, direction)
	switch {
	case err != nil:
		return nil, nil, err
	case row == nil:
		if direction == db.ToMatrix {
			r.uploads.forget(portalID)
		} else if synced {
			err = r.endLook(ctx, portalID)
		}
		return nil, nil, orIdle(err)
	case row.Kind != db.KindMessage:
		return portal, row, nil // the relay's own: they open the way for the others
	case direction == db.ToWazo && (!portal.Announced || !r.look.is(r.look.read, portalID)):
		return nil, nil, errIdle // the boundary of the link is not seen yet, or what was said already is not
	case direction == db.ToMatrix && !r.account.isVerified(portalID):
		return nil, nil, errIdle // something older may still be missing
	case direction == db.ToMatrix:
		if looked, err := r.lookedAtMatrix(ctx, portalID); err != nil || !looked {
			return nil, nil, orIdle(err)
		}
		// What was found may have been this row.
		row, err = r.db.Queue.ByID(ctx, row.ID)
		if err == nil && row == nil {
			err = errChanged
		}
	}
	return portal, row, err
}

func (r *Relay) deliver(ctx context.Context, portal *db.Portal, row *db.Row) error {
	if row.Direction == db.ToWazo {
		return r.deliverToWazo(ctx, portal, row)
	}
	return r.deliverToMatrix(ctx, portal, row)
}

// delivered ends what earlier failures began.
func (r *Relay) delivered(ctx context.Context, portal *db.Portal, row *db.Row, held []*db.Pause) error {
	r.passed.note(row.Direction, time.Now())
	if row.Direction == db.ToWazo && r.outages.end(portal.ID) {
		if err := r.Say(ctx, portal.MatrixRoom, words.OutageOver(words.ServiceWazo), ""); err != nil {
			return err
		}
	}
	if len(held) > 0 {
		return r.unpause(ctx, portal, held...)
	}
	return nil
}

// judge decides what a failed delivery means. It returns nil if the queue goes on, errIdle if it does not, and the error if
// it goes on after a pause.
func (r *Relay) judge(ctx context.Context, portal *db.Portal, row *db.Row, err error) error {
	if errors.Is(err, errChanged) {
		return nil // look again
	} else if errors.Is(err, errIdle) || r.workers.stopping() {
		return errIdle
	}
	failure := classify(err)
	zerolog.Ctx(ctx).Err(err).Str("source", row.Source).Int("attempts", row.Attempts).Msg("Failed to deliver")
	if saveErr := r.db.Portal.SetLastError(ctx, portal.ID, words.LastError(time.Now(), failure.Words)); saveErr != nil {
		return saveErr
	}
	if failure.Class != ClassService {
		r.outages.end(portal.ID)
	}
	switch {
	case failure.Class == ClassService && !(failure.Unknown && r.isPoison(row, time.Now())):
		return &loggedError{err}
	case row.Kind != db.KindMessage && failure.Class != ClassPortal, row.Kind == db.KindIntroduction:
		return r.giveUpLink(ctx, portal, failure.Words)
	case failure.Class == ClassPortal:
		return orIdle(r.pause(ctx, portal, failure.Pause, row.Direction))
	default:
		return r.park(ctx, portal, row, failure.Words)
	}
}

// loggedError is an error that the log tells of already.
type loggedError struct{ error }

// Unwrap returns the error.
func (e *loggedError) Unwrap() error { return e.error }

// park takes a row out of the way until a person decides, and tells the people of the Matrix room.
func (r *Relay) park(ctx context.Context, portal *db.Portal, row *db.Row, why string) error {
	notice, replyTo := words.NotDelivered(why), id.EventID(row.Source)
	if row.Direction == db.ToMatrix {
		notice, replyTo = words.CannotShow(r.parkedName(ctx, row), why), ""
	}
	return r.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := r.db.Queue.SetState(ctx, row.ID, db.StateParked, why); err != nil {
			return err
		}
		return r.Say(ctx, portal.MatrixRoom, notice, replyTo)
	})
}

func (r *Relay) kickPortal(portalID int64) {
	r.workers.kick(portalTask(jobCatchUp, portalID))
	r.kickQueues(portalID)
}

func (r *Relay) kickQueues(portalID int64) {
	r.workers.kick(portalTask(jobToWazo, portalID))
	r.workers.kick(portalTask(jobToMatrix, portalID))
}

// failed returns how long a task pauses after a failure, and tells people when Wazo has been away for long.
func (r *Relay) failed(ctx context.Context, t task, err error, failures int) time.Duration {
	var logged *loggedError
	if !errors.As(err, &logged) && !r.workers.stopping() {
		zerolog.Ctx(ctx).Err(err).Int("failures", failures).Msg("Failed, trying again later")
	}
	if isWazo(err) {
		r.noteOutage(ctx, t)
	}
	return pauseFor(classify(err).Wait, failures)
}

// pauseFor returns the pause before the next attempt: as long as the server asks, otherwise growing, with jitter so that
// queues don't return all at once.
func pauseFor(asked time.Duration, failures int) time.Duration {
	pause := asked
	if pause == 0 {
		pause = lastPause
		if shift := failures - 1; shift < 6 {
			pause = min(lastPause, firstPause<<shift)
		}
	}
	return pause + rand.N(pause/4+1)
}
