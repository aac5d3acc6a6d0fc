package relay

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/wazoapi"
)

// The topic of a conversation by text messages names the own numbers. It is set anew when they have changed: when Wazo
// tells so, and when they are asked for again for another reason, since that is not told to everybody.

// numbersLearned has the topic of a Wazo room's conversation looked at: its own numbers were asked for.
func (c *conversations) numbersLearned(room wazoapi.UUID) {
	c.tasks.Go(func(ctx context.Context) {
		portal, err := c.db.Portal.ByWazoRoom(ctx, string(room))
		if err != nil {
			c.log.Err(err).Stringer("wazo_room", room).Msg("Failed to read the conversation of a room")
		} else if portal != nil {
			c.topics.Add(portal.ID)
			c.wake(portal.ID)
		}
	})
}

// numbersChanged has the topics of the conversations looked at that an account reads: its numbers have changed.
func (c *conversations) numbersChanged(acc *account) {
	c.tasks.Go(func(ctx context.Context) {
		rows, err := c.db.Outside.OfReader(ctx, acc.row.ID)
		if err != nil {
			c.log.Err(err).Msg("Failed to read who is outside Wazo")
		}
		for _, row := range rows {
			c.topics.Add(row.PortalID)
			c.wake(row.PortalID)
		}
	})
}

// retopic sets the topic of a conversation by text messages if it may be outdated. Nobody else can set it.
func (f *following) retopic(ctx context.Context) error {
	if !f.topics.Has(f.portal.ID) {
		return nil
	}
	outside, err := f.outsideOf(ctx, f.portal)
	reader := f.readers.of(f.portal)
	if err != nil || outside == nil || reader == nil {
		return err
	}
	f.topics.Remove(f.portal.ID) // before the numbers are read: they may change meanwhile
	topic, err := f.openings.outsideTopic(ctx, reader, wazoapi.UUID(f.portal.WazoRoom), outside.Number)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up the own numbers for a room's topic")
		return nil // the old one is better
	}
	now, err := f.matrix.RoomTopic(ctx, f.portal.MatrixRoom)
	if err == nil && now != topic {
		err = f.matrix.SetRoomTopic(ctx, f.portal.MatrixRoom, topic)
	}
	if err != nil {
		f.topics.Add(f.portal.ID)
		return fmt.Errorf("failed to set the topic of a room: %w", err)
	}
	return nil
}
