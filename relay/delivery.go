package relay

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
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

// step does the next thing in a queue.
func (r *Relay) step(ctx context.Context, key db.QueueKey) error {
	switch key {
	case explanations:
		return orIdle(r.explain(ctx))
	case newsOnWazo:
		return orIdle(r.catchUpAll(ctx, r.account))
	}
	portal, err := r.db.Portal.ByID(ctx, key.PortalID)
	if err != nil {
		return err
	} else if portal == nil || portal.Paused != "" && !r.retries.Pop(key) {
		return errIdle
	}
	row, err := r.nextRow(ctx, portal, key.Direction)
	if err != nil {
		return err
	}
	err = guard(ctx, func() error { return r.deliver(ctx, portal, row) })
	return r.judge(ctx, portal, row, err)
}

func orIdle(err error) error {
	if err == nil {
		return errIdle
	}
	return err
}

// nextRow returns what is to be delivered next, errIdle if nothing may be delivered now.
func (r *Relay) nextRow(ctx context.Context, portal *db.Portal, direction db.Direction) (*db.Row, error) {
	if direction == db.ToWazo {
		if err := r.fillGaps(ctx, portal); err != nil {
			return nil, err
		}
		// The notice that opens the link may have been found in a gap.
		current, err := r.db.Portal.ByID(ctx, portal.ID)
		if err != nil {
			return nil, err
		} else if current == nil {
			return nil, errIdle
		}
		*portal = *current
	}
	row, err := r.db.Queue.Next(ctx, portal.ID, direction)
	switch {
	case err != nil:
		return nil, err
	case row == nil:
		return nil, errIdle
	case row.Kind != db.KindMessage:
		return row, nil // the relay's own: they open the way for the others
	case direction == db.ToWazo && !portal.Announced:
		return nil, errIdle // the boundary of the link is not seen yet
	case direction == db.ToMatrix && !r.account.isVerified(portal.ID):
		return nil, errIdle // something older may still be missing
	}
	return row, nil
}

func (r *Relay) deliver(ctx context.Context, portal *db.Portal, row *db.Row) error {
	if row.Direction == db.ToWazo {
		return r.deliverToWazo(ctx, portal, row)
	}
	return r.deliverToMatrix(ctx, portal, row)
}

// judge decides what the result of a delivery means. It returns nil if the queue goes on, errIdle if it does not,
// and the error if it goes on after a pause.
func (r *Relay) judge(ctx context.Context, portal *db.Portal, row *db.Row, err error) error {
	log := zerolog.Ctx(ctx)
	switch {
	case err == nil:
		r.delivered(ctx, portal, row)
		return nil
	case errors.Is(err, errIdle):
		return errIdle
	case r.workers.stopping():
		return errIdle
	}
	failure := classify(err)
	log.Err(err).Str("source", row.Source).Int("attempts", row.Attempts).Msg("Failed to deliver")
	if saveErr := r.db.Portal.SetLastError(ctx, portal.ID, failure.Words); saveErr != nil {
		return saveErr
	}
	switch failure.Class {
	case ClassMessage:
		return r.park(ctx, portal, row, failure.Words)
	case ClassPortal:
		if row.Kind == db.KindIntroduction {
			return r.giveUpLink(ctx, portal, failure.Words)
		}
		if err = r.pause(ctx, portal, failure.Pause); err != nil {
			return err
		}
		return errIdle
	default:
		return err
	}
}

// park takes a row out of the way until a person decides, and tells the people of the Matrix room.
func (r *Relay) park(ctx context.Context, portal *db.Portal, row *db.Row, why string) error {
	if row.Kind == db.KindIntroduction {
		return r.giveUpLink(ctx, portal, why)
	}
	if err := r.db.Queue.SetState(ctx, row.ID, db.StateParked, why); err != nil {
		return err
	}
	if row.Direction == db.ToWazo {
		r.matrix.Notice(ctx, portal.MatrixRoom, words.NotDelivered(why), id.EventID(row.Source))
		return nil
	}
	r.matrix.Notice(ctx, portal.MatrixRoom, words.CannotShow(r.parkedName(ctx, row), why), "")
	return nil
}

// pause stops a portal until it is repaired, with one notice.
func (r *Relay) pause(ctx context.Context, portal *db.Portal, reason Pause) error {
	if portal.Paused == string(reason) {
		return nil
	}
	if err := r.db.Portal.SetPaused(ctx, portal.ID, string(reason)); err != nil {
		return err
	}
	r.matrix.Notice(ctx, portal.MatrixRoom, words.Paused(reason.Words()), "")
	return nil
}

// Resume lets a paused portal go on.
func (r *Relay) Resume(ctx context.Context, portal *db.Portal) error {
	if portal.Paused == "" {
		return nil
	}
	if err := r.db.Portal.SetPaused(ctx, portal.ID, ""); err != nil {
		return err
	}
	portal.Paused = ""
	r.matrix.Notice(ctx, portal.MatrixRoom, words.GoesOn, "")
	r.kickBoth(portal.ID)
	return nil
}

// retryPaused lets paused portals try one delivery: what was repaired goes on by itself.
func (r *Relay) retryPaused(ctx context.Context) {
	portals, err := r.db.Portal.All(ctx)
	if err != nil {
		r.log.Err(err).Msg("Failed to look for paused portals")
		return
	}
	for _, portal := range portals {
		if portal.Paused == "" || portal.Paused == string(PauseOpened) {
			continue
		}
		r.retries.Add(db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo})
		r.retries.Add(db.QueueKey{PortalID: portal.ID, Direction: db.ToMatrix})
		r.kickBoth(portal.ID)
	}
}

func (r *Relay) kickBoth(portalID int64) {
	r.workers.kick(db.QueueKey{PortalID: portalID, Direction: db.ToWazo})
	r.workers.kick(db.QueueKey{PortalID: portalID, Direction: db.ToMatrix})
}

// delivered ends what earlier failures began.
func (r *Relay) delivered(ctx context.Context, portal *db.Portal, row *db.Row) {
	if portal.Paused != "" {
		if err := r.Resume(ctx, portal); err != nil {
			r.log.Err(err).Int64("portal_id", portal.ID).Msg("Failed to resume a portal")
		}
	}
	if row.Direction == db.ToWazo && r.outages.end(portal.ID) {
		r.matrix.Notice(ctx, portal.MatrixRoom, words.OutageOver(words.ServiceWazo), "")
	}
}

// failed returns how long a queue pauses after a failure, and tells people when Wazo has been away for long.
func (r *Relay) failed(ctx context.Context, key db.QueueKey, err error, failures int) time.Duration {
	failure := classify(err)
	log := zerolog.Ctx(ctx)
	switch {
	case key == newsOnWazo:
		log.Err(err).Msg("Failed to catch up on Wazo")
	case key.PortalID == 0:
		log.Err(err).Msg("Failed to work on a queue")
	case key.Direction == db.ToWazo:
		r.tellOutage(ctx, key.PortalID)
	}
	return pauseFor(failure.Wait, failures)
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

func (r *Relay) tellOutage(ctx context.Context, portalID int64) {
	if !r.outages.begin(portalID, time.Now(), r.cfg.OutageNotice) {
		return
	}
	portal, err := r.db.Portal.ByID(ctx, portalID)
	if err != nil || portal == nil {
		return
	}
	r.matrix.Notice(ctx, portal.MatrixRoom, words.Outage(words.ServiceWazo), "")
}

// outages remembers since when deliveries to Wazo fail, by portal, and whether people were told.
type outages struct {
	mu    sync.Mutex
	since map[int64]time.Time
	told  map[int64]bool
}

// begin notes a failure. It reports whether people are to be told now: once, when it has lasted.
func (o *outages) begin(portalID int64, now time.Time, after time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since == nil {
		o.since, o.told = make(map[int64]time.Time), make(map[int64]bool)
	}
	since, ok := o.since[portalID]
	if !ok {
		o.since[portalID] = now
		return false
	}
	if o.told[portalID] || now.Sub(since) < after {
		return false
	}
	o.told[portalID] = true
	return true
}

// end notes a success. It reports whether people were told of the outage that it ends.
func (o *outages) end(portalID int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	told := o.told[portalID]
	delete(o.since, portalID)
	delete(o.told, portalID)
	return told
}
