package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
)

// fillGaps reads what /sync left out of a portal's timeline, before its queue goes on.
// A stretch that cannot be read is given up, and the room is told once.
func (r *Relay) fillGaps(ctx context.Context, portalID int64) error {
	r.gapFills.Lock(portalID)
	defer r.gapFills.Unlock(portalID)
	for {
		gap, err := r.db.Gap.First(ctx, portalID)
		if err != nil || gap == nil {
			return err
		}
		if err = r.fillGap(ctx, gap); err != nil {
			if classify(err).Class == ClassService && !r.isHopeless(gap, err, time.Now()) {
				return err
			}
			r.log.Err(err).Int64("portal_id", portalID).Msg("Gave up a gap that cannot be read")
			if err = r.giveUpGap(ctx, gap); err != nil {
				return err
			}
		}
		r.badGaps.Forget(placeOf(gap))
	}
}

// gapPlace is how far a gap was read.
type gapPlace struct {
	gapID int64
	from  string
}

func placeOf(gap *db.Gap) gapPlace { return gapPlace{gap.ID, gap.From} }

// isHopeless records that a gap could not be read. It reports whether the gap itself is at fault: the homeserver fails to
// read it again and again, and answers /sync all the while.
func (r *Relay) isHopeless(gap *db.Gap, err error, now time.Time) bool {
	var failure *MatrixError
	if !errors.As(err, &failure) || failure.Status == http.StatusTooManyRequests {
		return false
	}
	return r.badGaps.Failed(placeOf(gap), now, r.lastSync.load())
}

// giveUpGap closes a gap unread. If the start of the link lay in it, the link starts anew.
func (r *Relay) giveUpGap(ctx context.Context, gap *db.Gap) error {
	return r.db.DoTxn(ctx, func(ctx context.Context) error {
		portal, err := r.db.Portal.ByID(ctx, gap.PortalID)
		if err != nil || portal == nil {
			return err
		} else if err = r.db.Gap.Delete(ctx, gap.ID); err != nil {
			return err
		}
		if !portal.StartedOnMatrix && !portal.StartedOnWazo.IsZero() {
			db.AfterCommit(ctx, func() { r.tasks.Wake(portalJob(jobToMatrix, portal.ID)) })
			return r.queueLinked(ctx, portal)
		}
		return r.Say(ctx, portal.MatrixRoom, r.texts.GapLost(), "")
	})
}

// fillGap reads one gap backwards, page by page. Each page is accepted in one transaction with how far the gap is read.
func (r *Relay) fillGap(ctx context.Context, gap *db.Gap) error {
	for closed := false; !closed; {
		events, next, err := r.matrix.Backfill(ctx, gap.Room, gap.From, gap.To)
		if err != nil {
			return fmt.Errorf("failed to read a gap: %w", err)
		}
		before := placeOf(gap)
		err = r.db.DoTxn(ctx, func(ctx context.Context) error {
			closed, err = r.acceptPage(ctx, gap, events, next)
			return err
		})
		if err != nil {
			return fmt.Errorf("failed to accept events of a gap: %w", err)
		}
		r.badGaps.Forget(before)
	}
	return nil
}

// acceptPage accepts a page of a gap, newest event first. It reports whether the gap is closed.
func (r *Relay) acceptPage(ctx context.Context, gap *db.Gap, events []Event, next string) (closed bool, err error) {
	portal, err := r.db.Portal.ByID(ctx, gap.PortalID)
	if err != nil || portal == nil {
		return true, err // its gaps went with the portal
	}
	accept := matrixAccept{Relay: r, now: jsontime.UM(time.Now()), portal: portal}
	for _, evt := range events {
		if err = r.redactMedia(ctx, gap.Room, evt); err != nil {
			return false, err
		}
		if evt.ParseError == nil && isJoinOf(evt, r.matrix.UserID()) {
			next = "" // what was said before the bot came in is not for it
			break
		}
		startedBefore := portal.StartedOnMatrix
		if err = accept.event(ctx, evt, gap.NextPosition); err != nil {
			return false, err
		}
		gap.NextPosition--
		if portal.StartedOnMatrix && !startedBefore {
			next = "" // the link starts here, what is older does not concern it
			break
		}
	}
	if next == "" {
		return true, r.db.Gap.Delete(ctx, gap.ID)
	}
	gap.From = next
	return false, r.db.Gap.Move(ctx, gap)
}
