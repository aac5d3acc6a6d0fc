package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
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
		if err = r.fillGap(ctx, gap); err == nil {
			r.badGaps.forget(gap.ID)
			continue
		}
		if classify(err).Class != ClassService || r.isHopeless(gap, err, time.Now()) {
			r.badGaps.forget(gap.ID)
			r.log.Err(err).Int64("portal_id", portalID).Msg("Gave up a gap that cannot be read")
			err = r.giveUpGap(ctx, portal, gap)
		}
		if err != nil {
			return err
		}
	}
}

// isHopeless notes that a gap could not be read. It reports whether that is the gap's own fault, as isPoison does for a
// message: the homeserver fails over it again and again and answers /sync all the while.
func (r *Relay) isHopeless(gap *db.Gap, err error, now time.Time) bool {
	var failure *MatrixError
	if !errors.As(err, &failure) || failure.Status == http.StatusTooManyRequests {
		return false
	}
	return r.badGaps.note(gap, now, r.synced.load())
}

// badGaps remembers which gaps could not be read, and how often.
type badGaps struct {
	mu   sync.Mutex
	gaps map[int64]*badGap
}

type badGap struct {
	from        string // how far it was read
	failures    int    // there, each but the first after an answer of /sync
	first, last time.Time
}

// note notes a failure, and when an answer of /sync was last accepted. It reports whether the gap is to be given up.
// A failure counts only if /sync was answered since the one before: when the homeserver is away nothing is the gap's fault.
func (b *badGaps) note(gap *db.Gap, now, synced time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gaps == nil {
		b.gaps = make(map[int64]*badGap)
	}
	bad := b.gaps[gap.ID]
	if bad == nil || bad.from != gap.From {
		b.gaps[gap.ID] = &badGap{from: gap.From, failures: 1, first: now, last: now}
		return false
	}
	if synced.After(bad.last) {
		bad.failures++
	}
	bad.last = now
	return bad.failures >= poisonAttempts && now.Sub(bad.first) >= poisonTime
}

func (b *badGaps) forget(gapID int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.gaps, gapID)
}

// giveUpGap closes a gap unread. If the beginning of the link lay in it, the link begins anew.
func (r *Relay) giveUpGap(ctx context.Context, portal *db.Portal, gap *db.Gap) error {
	return r.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := r.db.Gap.Delete(ctx, gap.ID); err != nil {
			return err
		}
		if !portal.Announced && portal.Boundary != 0 {
			db.AfterCommit(ctx, func() { r.workers.kick(portalTask(jobToMatrix, portal.ID)) })
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
		if err = r.redactMedia(ctx, gap.Room, evt); err != nil {
			return false, err
		}
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
