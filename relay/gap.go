package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.mau.fi/util/exsync"
	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
)

// gapFiller reads what /sync left out of the timelines of portals.
type gapFiller struct {
	*Relay
	locks *exsync.KeyedMutex[int64] // by portal
	bad   task.PoisonDetector[gapPlace]
}

func newGapFiller(r *Relay) *gapFiller {
	return &gapFiller{
		Relay: r, locks: exsync.NewKeyedMutex[int64](),
		bad: task.PoisonDetector[gapPlace]{Failures: poisonAttempts, Period: poisonPeriod, Strict: true},
	}
}

// fill reads what /sync left out of a portal's timeline, before its queue goes on.
// A stretch that cannot be read is given up, and the room is told once.
func (g *gapFiller) fill(ctx context.Context, portalID int64) error {
	g.locks.Lock(portalID)
	defer g.locks.Unlock(portalID)
	for {
		gap, err := g.db.Gap.First(ctx, portalID)
		if err != nil || gap == nil {
			return err
		}
		if err = g.fillOne(ctx, gap); err != nil {
			if classify(err).Class == ClassService && !g.failed(gap, err, time.Now()) {
				return err
			}
			g.log.Err(err).Int64("portal_id", portalID).Msg("Gave up a gap that cannot be read")
			if err = g.giveUp(ctx, gap); err != nil {
				return err
			}
		}
		g.bad.Forget(placeOf(gap))
	}
}

// gapPlace is how far a gap was read.
type gapPlace struct {
	gapID int64
	from  string
}

func placeOf(gap *db.Gap) gapPlace { return gapPlace{gap.ID, gap.From} }

// failed records that a gap could not be read. It reports whether the gap itself is at fault: the homeserver fails to
// read it again and again, and answers /sync all the while.
func (g *gapFiller) failed(gap *db.Gap, err error, now time.Time) bool {
	var failure *MatrixError
	if !errors.As(err, &failure) || failure.Status == http.StatusTooManyRequests {
		return false
	}
	place, synced := placeOf(gap), g.lastSync.load()
	if last := g.bad.Last(place); !last.IsZero() && !synced.After(last) {
		return false // it does not count: perhaps the homeserver is away, or the portal's other queue has just failed here
	}
	return g.bad.Failed(place, now, synced)
}

// giveUp closes a gap unread. If the start of the link lay in it, the link starts anew.
func (g *gapFiller) giveUp(ctx context.Context, gap *db.Gap) error {
	return g.db.DoTxn(ctx, func(ctx context.Context) error {
		portal, err := g.db.Portal.ByID(ctx, gap.PortalID)
		if err != nil || portal == nil {
			return err
		} else if err = g.db.Gap.Delete(ctx, gap.ID); err != nil {
			return err
		}
		if again, err := g.queueLinkedAgain(ctx, portal); err != nil || again {
			return err
		}
		return g.Say(ctx, portal.MatrixRoom, g.texts.GapLost(), "")
	})
}

// fillOne reads one gap backwards, page by page. Each page is accepted in one transaction with how far the gap is read.
func (g *gapFiller) fillOne(ctx context.Context, gap *db.Gap) error {
	for closed := false; !closed; {
		events, next, err := g.matrix.Backfill(ctx, gap.Room, gap.From, gap.To)
		if err != nil {
			return fmt.Errorf("failed to read a gap: %w", err)
		}
		before := placeOf(gap)
		err = g.db.DoTxn(ctx, func(ctx context.Context) error {
			closed, err = g.acceptPage(ctx, gap, events, next)
			return err
		})
		if err != nil {
			return fmt.Errorf("failed to accept events of a gap: %w", err)
		}
		g.bad.Forget(before)
	}
	return nil
}

// acceptPage accepts a page of a gap, newest event first. It reports whether the gap is closed.
func (g *gapFiller) acceptPage(ctx context.Context, gap *db.Gap, events []Event, next string) (closed bool, err error) {
	portal, err := g.db.Portal.ByID(ctx, gap.PortalID)
	if err != nil || portal == nil {
		return true, err // its gaps went with the portal
	}
	accept := matrixAccept{Relay: g.Relay, now: jsontime.UM(time.Now()), portal: portal}
	for _, evt := range events {
		if err = accept.redactMedia(ctx, gap.Room, evt); err != nil {
			return false, err
		}
		if evt.ParseError == nil && isJoinOf(evt, g.matrix.UserID()) {
			next = "" // what was said before the bot came in is not for it
			if _, err = g.queueLinkedAgain(ctx, portal); err != nil {
				return false, err
			}
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
		return true, g.db.Gap.Delete(ctx, gap.ID)
	}
	gap.From = next
	return false, g.db.Gap.Move(ctx, gap)
}
