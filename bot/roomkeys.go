package bot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// keysInterval is how often at most a room is looked through for people without keys.
const keysInterval = 30 * time.Second

// keyRounds remembers when rooms were last looked through.
type keyRounds struct {
	mu   sync.Mutex
	last map[id.RoomID]time.Time
}

// due reports whether a room's turn has come, and notes that it is over.
func (k *keyRounds) due(roomID id.RoomID, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.last[roomID]) < keysInterval {
		return false
	}
	if k.last == nil {
		k.last = make(map[id.RoomID]time.Time)
	}
	k.last[roomID] = now
	return true
}

// reset makes it all rooms' turn: somebody's devices changed.
func (k *keyRounds) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.last)
}

// includeAll makes up for what mautrix does not try again: members whose homeserver, or ours, could not be asked for their
// devices, and devices for which there was no one-time key and which have written to the bot since. Both get the keys of what
// is said from now on. What cannot be had yet does not keep the others waiting.
func (b *Bot) includeAll(ctx context.Context, roomID id.RoomID) error {
	if !b.keyRounds.due(roomID, time.Now()) {
		return nil
	}
	mach := b.crypto.Machine()
	unknown, err := b.db.UnknownDevices(ctx, roomID)
	if err != nil {
		return &relay.MatrixError{NotSent: true, Err: fmt.Errorf("failed to find members without devices: %w", err)}
	}
	if len(unknown) > 0 {
		quiet := b.client.Log.Level(zerolog.ErrorLevel).WithContext(ctx) // accounts without devices are no news
		if _, err = mach.FetchKeys(quiet, unknown, true); err != nil {
			failure := toMatrixError(err)
			failure.NotSent = true
			return failure
		}
	}
	leftOut, err := b.db.LeftOut(ctx, roomID, b.cfg.UserID, b.client.DeviceID)
	if err == nil && leftOut {
		b.log.Info().Stringer("room_id", roomID).Msg("Somebody could not be given the room's key before, making a new one")
		err = mach.CryptoStore.RemoveOutboundGroupSession(ctx, roomID)
	}
	if err != nil {
		return &relay.MatrixError{NotSent: true, Err: fmt.Errorf("failed to include all devices: %w", err)}
	}
	return nil
}
