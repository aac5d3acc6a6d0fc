package bot

import (
	"context"
	"errors"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
)

// redact takes an event back, with a reason. An event that is gone, or that the bot may not take back, stays as it is: that is only
// logged. It returns a *relay.MatrixError.
func (b *Bot) redact(ctx context.Context, roomID id.RoomID, eventID id.EventID, reason string) error {
	return b.call(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		_, err := b.client.RedactEvent(ctx, roomID, eventID, mautrix.ReqRedact{Reason: reason, TxnID: "redact-" + eventID.String()})
		if errors.Is(err, mautrix.MForbidden) || errors.Is(err, mautrix.MNotFound) {
			b.log.Warn().Err(err).Stringer("room_id", roomID).Stringer("event_id", eventID).Msg("Failed to take an event back")
			return nil
		}
		return translated(err)
	})
}
