package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
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
		portal, err := r.db.Portal.ByID(ctx, portalID)
		if err != nil || portal == nil {
			return err
		}
		err = r.fillGap(ctx, gap)
		if err != nil && classify(err).Class != ClassService {
			r.log.Err(err).Int64("portal_id", portalID).Msg("Gave up a gap that cannot be read")
			err = r.giveUpGap(ctx, portal, gap)
		}
		if err != nil {
			return err
		}
	}
}

// giveUpGap closes a gap unread. If the beginning of the link lay in it, the link begins anew.
func (r *Relay) giveUpGap(ctx context.Context, portal *db.Portal, gap *db.Gap) error {
	return r.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := r.db.Gap.Delete(ctx, gap.ID); err != nil {
			return err
		}
		if !portal.Announced && portal.Boundary != 0 {
			db.AfterCommit(ctx, func() { r.workers.kick(task{jobToMatrix, portal.ID}) })
			return r.queueLinked(ctx, portal)
		}
		return r.Say(ctx, portal.MatrixRoom, words.GapLost, "")
	})
}

// errGapSuperseded says that the gap was closed while it was read: the link turned out to begin after it.
var errGapSuperseded = errors.New("the gap is older than the link")

// fillGap reads one gap backwards, page by page. Each page is accepted in one transaction with how far the gap is read.
func (r *Relay) fillGap(ctx context.Context, gap *db.Gap) error {
	for {
		events, next, err := r.matrix.Backfill(ctx, gap.Room, gap.From, gap.To)
		if err != nil {
			return fmt.Errorf("failed to read a gap: %w", err)
		}
		done := false
		err = r.db.DoTxn(ctx, func(ctx context.Context) error {
			done, err = r.acceptPage(ctx, gap.PortalID, gap, events, next)
			return err
		})
		if errors.Is(err, errGapSuperseded) {
			return r.db.Gap.Delete(ctx, gap.ID)
		} else if err != nil {
			return fmt.Errorf("failed to accept events of a gap: %w", err)
		}
		if done {
			return nil
		}
	}
}

// acceptPage accepts a page of a gap, newest event first. It reports whether the gap is closed.
func (r *Relay) acceptPage(ctx context.Context, portalID int64, gap *db.Gap, events []Event, next string) (done bool, err error) {
	portal, err := r.db.Portal.ByID(ctx, portalID)
	if err != nil {
		return false, err
	} else if portal == nil {
		return false, errGapSuperseded
	}
	accept := matrixAccept{Relay: r, since: "gap", now: time.Now().UnixMilli(), portal: portal}
	for _, evt := range events {
		if isOwnJoin(evt, r.matrix.UserID()) {
			next = ""
			break // what was said before the bot came in is not for it
		}
		wasAnnounced := portal.Announced
		if err = r.timelineEvent(ctx, portal, evt, gap.Last); err != nil {
			return false, err
		} else if err = accept.roomBusiness(ctx, evt); err != nil {
			return false, err
		}
		gap.Last--
		if portal.Announced && !wasAnnounced {
			next = "" // the link begins here, what is older does not concern it
			break
		}
	}
	if next == "" {
		return true, r.db.Gap.Delete(ctx, gap.ID)
	}
	gap.From = next
	return false, r.db.Gap.Move(ctx, gap)
}
