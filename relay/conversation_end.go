package relay

import (
	"context"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// endingPause is how long a conversation that everybody has left waits for what is still to be delivered to Wazo,
// before that is looked at again.
const endingPause = time.Second

// endIfEmpty ends a conversation when nobody is in its Matrix room or may still come. What was said there is delivered
// first.
func (c *conversations) endIfEmpty(ctx context.Context, portal *db.Portal) error {
	if over, err := c.isEmpty(ctx, portal); err != nil || !over {
		return err
	}
	if delivering, err := c.delivers(ctx, portal); err != nil {
		return err
	} else if delivering {
		c.tasks.Wake(portalJob(jobToWazo, portal.ID))
		c.tasks.WakeAfter(endingPause, portalJob(jobConversation, portal.ID))
		return nil
	}
	return c.db.DoTxn(ctx, func(ctx context.Context) error {
		if over, err := c.isEmpty(ctx, portal); err != nil || !over {
			return err // a message came meanwhile
		}
		return c.end(ctx, portal)
	})
}

func (c *conversations) isEmpty(ctx context.Context, portal *db.Portal) (bool, error) {
	members, err := c.db.PortalMember.Of(ctx, portal.ID)
	isActive := func(m *db.PortalMember) bool { return m.State.IsActive() }
	return !slices.ContainsFunc(members, isActive), err
}

// delivers reports whether something is still to be read from the Matrix room, or delivered from there to Wazo, and
// nothing keeps it from that.
func (c *conversations) delivers(ctx context.Context, portal *db.Portal) (bool, error) {
	paused, err := c.pauses.of(ctx, db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo})
	if err != nil || len(paused) > 0 {
		return false, err
	}
	gap, err := c.db.Gap.First(ctx, portal.ID)
	if err != nil || gap != nil {
		return gap != nil, err
	}
	counts, err := c.db.Queue.Counts(ctx, portal.ID)
	return counts[db.ToWazo].Pending > 0, err
}

// end ends a conversation, within a transaction. Nothing is said on Wazo: nobody there was told of the Matrix room. Who
// said something that is not delivered is told.
func (c *conversations) end(ctx context.Context, portal *db.Portal) error {
	sayers, err := c.db.Queue.Sayers(ctx, portal.ID)
	if err != nil {
		return err
	}
	for _, sayer := range sayers {
		if err = c.SayTo(ctx, id.UserID(sayer), c.texts.EndedWithMessages(portal.Title)); err != nil {
			return err
		}
	}
	until, err := c.db.Queue.NewestOfWazo(ctx, portal.ID)
	if err != nil {
		return err
	}
	for _, known := range []db.WazoTime{portal.ReadUntil, portal.HistoryUntil} {
		if known.After(until.Time) {
			until = known
		}
	}
	if err = c.db.Closed.Put(ctx, portal.WazoRoom, until); err != nil {
		return err
	} else if err = c.db.Portal.Delete(ctx, portal.ID); err != nil {
		return err
	}
	logChange(ctx, c.log, portal, func(line *zerolog.Event) { line.Msg("A conversation is over") })
	return c.openings.leave(ctx, portal.MatrixRoom)
}

// awaitsLogIn reports whether nobody was invited to a conversation yet, because Wazo refused the log-in of who is to
// be, when the room was found.
func (c *conversations) awaitsLogIn(ctx context.Context, portal *db.Portal) (bool, error) {
	members, err := c.db.PortalMember.Of(ctx, portal.ID)
	if err != nil || len(members) > 0 {
		return false, err
	}
	return c.openings.mayLogInAgain(ctx, wazoapi.UUID(portal.WazoRoom))
}
