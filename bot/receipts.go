package bot

import (
	"context"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/task"
)

// receipts are the read receipts to be sent: the newest one of each room.
type receipts struct {
	*homeserver

	mu      sync.Mutex
	pending map[id.RoomID]id.EventID
	filled  chan struct{} // holds a value when pending may hold something
}

func newReceipts(h *homeserver) *receipts {
	return &receipts{homeserver: h, pending: make(map[id.RoomID]id.EventID), filled: make(chan struct{}, 1)}
}

// take returns the receipts to be sent, and leaves none.
func (r *receipts) take() map[id.RoomID]id.EventID {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.pending
	r.pending = make(map[id.RoomID]id.EventID)
	return taken
}

// MarkRead implements relay.Matrix.
func (b *Bot) MarkRead(roomID id.RoomID, eventID id.EventID) { b.receipts.put(roomID, eventID) }

// put makes a receipt the one that is sent next for its room.
func (r *receipts) put(roomID id.RoomID, eventID id.EventID) {
	r.mu.Lock()
	r.pending[roomID] = eventID
	r.mu.Unlock()
	select {
	case r.filled <- struct{}{}:
	default:
	}
}

// receiptPause is the pause after receipts. Those of the same room that come meanwhile become one.
const receiptPause = 500 * time.Millisecond

// run sends read receipts until ctx ends. A lost one is made good by the next.
func (r *receipts) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.filled:
		}
		for roomID, eventID := range r.take() {
			r.send(ctx, roomID, eventID)
		}
		if task.Sleep(ctx, receiptPause) != nil {
			return
		}
	}
}

func (r *receipts) send(ctx context.Context, roomID id.RoomID, eventID id.EventID) {
	err := r.ask(ctx, func() error {
		ctx, cancel := r.request(ctx)
		defer cancel()
		return translated(r.client.SendReceipt(ctx, roomID, eventID, event.ReceiptTypeRead, nil))
	})
	if err != nil && ctx.Err() == nil {
		r.log.Warn().Err(err).Stringer("room_id", roomID).Msg("Failed to send a read receipt")
	}
}
