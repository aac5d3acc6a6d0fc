package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// redact takes what an event says back, for all who are in a room. It may be done again. It does nothing if there is no
// such event.
func (h *homeserver) redact(ctx context.Context, room id.RoomID, target id.EventID, reason string) error {
	request := mautrix.ReqRedact{Reason: reason, TxnID: syntheticID("redact", room, target.String()).String()}
	err := h.call(ctx, func() error {
		ctx, cancel := h.request(ctx)
		defer cancel()
		_, err := h.client.RedactEvent(ctx, room, target, request)
		return translated(err)
	})
	var failure *relay.MatrixError
	if errors.As(err, &failure) && failure.Status == http.StatusNotFound {
		return nil
	} else if err != nil {
		return fmt.Errorf("failed to redact %s: %w", target, err)
	}
	return nil
}

// Redact implements relay.Matrix.
func (b *Bot) Redact(ctx context.Context, roomID id.RoomID, target id.EventID) error {
	return b.redact(ctx, roomID, target, "")
}
