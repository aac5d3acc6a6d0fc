package relay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// shownEvents send and remove the events that show reactions on Wazo: reactions, and notices that say who has reacted.
// That one may be sent is stored before it is, and which event it is after that, or when /sync brings it. They are safe
// for concurrent use.
type shownEvents struct {
	*Relay
	failing failingEvents
}

func newShownEvents(r *Relay) *shownEvents {
	return &shownEvents{Relay: r, failing: failingEvents{since: make(map[string]failingEvent)}}
}

// shownTransactionID identifies the sending of an event. It is the same for each attempt, also after a restart, and
// another one when the same is shown again after it was removed.
func shownTransactionID(s *db.ShownReaction) string {
	sum := sha256.Sum256([]byte(s.Target.String() + "\x00" + s.Emoji))
	return fmt.Sprintf("wazo-%d-reaction-%s-%d", s.PortalID, hex.EncodeToString(sum[:12]), s.SentAt.UnixMilli())
}

// send sends an event. What the homeserver refuses as such is not sent again. An error means that nobody knows yet, or
// that the homeserver cannot take it now: errMayNotSend that the bot may not speak in the room.
func (e *shownEvents) send(ctx context.Context, s *db.ShownReaction, send func(txnID string) (id.EventID, error)) error {
	if err := e.db.ShownReaction.Insert(ctx, s); err != nil {
		return err
	}
	eventID, err := send(shownTransactionID(s))
	ctx = context.WithoutCancel(ctx) // what is known counts most when the relay is being stopped
	failure := classify(err)
	isPoison := e.failing.isPoison(shownTransactionID(s), err, time.Now())
	switch {
	case err == nil:
		_, err = e.db.ShownReaction.ShownAs(ctx, s, eventID)
		return err
	case isPoison:
		zerolog.Ctx(ctx).Warn().Err(err).Stringer("event_id", s.Target).Msg("The homeserver fails over a reaction again and again, gave it up")
		return e.db.ShownReaction.Refuse(ctx, s)
	case failure.Unknown:
		return err
	case failure.Class == ClassService:
		return errors.Join(err, e.db.ShownReaction.Delete(ctx, s))
	case failure.Class == ClassPortal:
		zerolog.Ctx(ctx).Warn().Err(err).Stringer("event_id", s.Target).Msg("The bot may not show a reaction now")
		if err = e.db.ShownReaction.Delete(ctx, s); err != nil {
			return err
		}
		return errMayNotSend
	default:
		zerolog.Ctx(ctx).Warn().Err(err).Stringer("event_id", s.Target).Msg("The homeserver refused to show a reaction")
		return e.db.ShownReaction.Refuse(ctx, s)
	}
}

// remove takes an event back, if it is there.
func (e *shownEvents) remove(ctx context.Context, portal *db.Portal, s *db.ShownReaction) error {
	if s.EventID != "" && !s.Withdrawn {
		err := e.matrix.Redact(ctx, portal.MatrixRoom, s.EventID)
		if err != nil && classify(err).Class == ClassService {
			return err
		} else if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Stringer("event_id", s.EventID).Msg("The homeserver refused to remove a reaction")
		}
	}
	return e.db.ShownReaction.Delete(context.WithoutCancel(ctx), s)
}

// acceptShownEcho accepts the echo of an event that shows reactions on Wazo. If nothing here knows of it, the database
// is an older one that was restored. If another event shows the same, this one was stored late, and is taken back.
func (a *matrixAccept) acceptShownEcho(ctx context.Context, evt Event) error {
	s := &db.ShownReaction{PortalID: a.portal.ID, Target: evt.Tag.About, EventID: evt.ID, SentAt: a.now}
	if evt.Tag.Kind == TagReaction {
		relation, _ := evt.Content.Raw["m.relates_to"].(map[string]any)
		target, _ := relation["event_id"].(string)
		s.Target = id.EventID(target)
		s.Emoji, _ = relation["key"].(string)
	}
	if s.Target == "" || evt.Tag.Kind == TagReaction && s.Emoji == "" {
		return nil // it was redacted
	} else if err := a.db.ShownReaction.Insert(ctx, s); err != nil {
		return err
	}
	shown, err := a.db.ShownReaction.ShownAs(ctx, s, evt.ID)
	if err != nil || shown == evt.ID {
		portalID := a.portal.ID
		db.AfterCommit(ctx, func() { a.tasks.Wake(portalJob(jobRelations, portalID)) })
		return err
	}
	return a.takeBackDuplicate(ctx, evt)
}
