package relay

import (
	"context"

	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
)

// ownEvent accepts the echo of what the bot sent: the start of a link on Matrix, or a delivery.
func (a *matrixAccept) ownEvent(ctx context.Context, evt Event, position int64) error {
	if evt.Type.Type == event.EventRedaction.Type {
		return a.db.ShownReaction.DeleteEvent(ctx, a.portal.ID, redacted(evt.Event))
	} else if evt.Tag == nil {
		return nil
	}
	switch evt.Tag.Kind {
	case TagReaction, TagReactions:
		return a.acceptShownEcho(ctx, evt)
	case TagLinked:
		return a.startOnMatrix(ctx, evt, position)
	case TagMessage:
		if duplicate, err := a.isDuplicate(ctx, *evt.Tag, evt.ID); err != nil {
			return err
		} else if duplicate {
			return a.takeBackDuplicate(ctx, evt)
		}
		return a.recordEcho(ctx, *evt.Tag, evt.ID)
	}
	return nil
}

// startOnMatrix notes that a link starts after an event at a position: what stands before it is not relayed.
func (a *matrixAccept) startOnMatrix(ctx context.Context, evt Event, position int64) error {
	portal := a.portal
	if evt.Tag.Portal != portal.ID || portal.StartedOnMatrix {
		return nil
	}
	portal.StartedOnMatrix = true
	if err := a.db.Queue.DeleteUpTo(ctx, portal.ID, db.ToWazo, position); err != nil {
		return err
	} else if err = a.db.Gap.DeleteUpTo(ctx, portal.ID, position); err != nil {
		return err
	} else if err = a.db.Portal.SetStartedOnMatrix(ctx, portal.ID); err != nil {
		return err
	}
	return a.recordLinked(ctx, evt.ID)
}
