package bot

import (
	"context"
	"sync"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// receipts are the read receipts to be sent: the newest one of each room.
type receipts struct {
	mu      sync.Mutex
	pending map[id.RoomID]id.EventID
	filled  chan struct{}
}

func (r *receipts) init() {
	r.pending = make(map[id.RoomID]id.EventID)
	r.filled = make(chan struct{}, 1)
}

func (r *receipts) take() map[id.RoomID]id.EventID {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.pending
	r.pending = make(map[id.RoomID]id.EventID)
	return taken
}

// MarkRead implements relay.Matrix.
func (b *Bot) MarkRead(roomID id.RoomID, eventID id.EventID) {
	b.receipts.mu.Lock()
	b.receipts.pending[roomID] = eventID
	b.receipts.mu.Unlock()
	select {
	case b.receipts.filled <- struct{}{}:
	default:
	}
}

// sendReceipts sends read receipts until ctx ends. A lost one is made good by the next.
func (b *Bot) sendReceipts(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.receipts.filled:
		}
		for roomID, eventID := range b.receipts.take() {
			b.sendReceipt(ctx, roomID, eventID)
		}
	}
}

func (b *Bot) sendReceipt(ctx context.Context, roomID id.RoomID, eventID id.EventID) {
	err := b.call(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		return translated(b.client.SendReceipt(ctx, roomID, eventID, event.ReceiptTypeRead, nil))
	})
	if err != nil && ctx.Err() == nil {
		b.log.Warn().Err(err).Stringer("room_id", roomID).Msg("Failed to send a read receipt")
	}
}
