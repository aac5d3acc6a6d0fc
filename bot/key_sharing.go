package bot

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/task"
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

// takeBack makes it a room's turn again: looking through it failed.
func (k *keyRounds) takeBack(roomID id.RoomID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.last, roomID)
}

// reset makes it all rooms' turn: somebody's devices changed.
func (k *keyRounds) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.last)
}

// shareTime is how long handing out a room's key may take: thousands of devices, and homeservers that don't answer.
const shareTime = 5 * time.Minute

// shareTries is how often a room's key is made anew because members or devices changed while it was handed out.
const shareTries = 3

// encrypt encrypts for all devices of a room that are known now. It returns a *relay.MatrixError: nothing was sent.
func (b *Bot) encrypt(ctx context.Context, roomID id.RoomID, evtType event.Type, clear *event.MessageEventContent) (encrypted *event.EncryptedEventContent, err error) {
	ctx, cancel := context.WithTimeout(b.client.Log.WithContext(ctx), shareTime)
	defer cancel()
	b.device.NoteKeyUse()
	for range shareTries {
		before := b.keyChanges.Load()
		err = task.Guard(ctx, func() (err error) { // what a homeserver answers may lead to a panic
			encrypted, err = b.encryptOnce(ctx, roomID, evtType, clear)
			return err
		})
		if err != nil || b.keyChanges.Load() == before {
			break
		}
		// The key may have been stored, by those who did not know of the change, after it was dropped because of it.
		err = b.crypto.Machine().CryptoStore.RemoveOutboundGroupSession(ctx, roomID)
	}
	if err == nil {
		return encrypted, nil
	}
	b.keyRounds.takeBack(roomID)
	failure := &relay.MatrixError{NotSent: true, Err: fmt.Errorf("failed to encrypt: %w", err)}
	if cause := toMatrixError(err); cause.Status == http.StatusTooManyRequests {
		failure.Status, failure.Code, failure.RetryAfter = cause.Status, cause.Code, cause.RetryAfter
	}
	return nil, failure
}

func (b *Bot) encryptOnce(ctx context.Context, roomID id.RoomID, evtType event.Type, clear *event.MessageEventContent) (*event.EncryptedEventContent, error) {
	if err := b.includeAll(ctx, roomID); err != nil {
		return nil, err
	}
	return b.crypto.Encrypt(ctx, roomID, evtType, clear)
}

// includeAll makes up for what mautrix does not try again: members whose homeserver, or ours, could not be asked for their
// devices, and devices for which there was no one-time key and which have written to the bot since. Both get the keys of what
// is said from now on. Those who still cannot be had do not keep the others waiting.
func (b *Bot) includeAll(ctx context.Context, roomID id.RoomID) error {
	if !b.keyRounds.due(roomID, time.Now()) {
		return nil
	}
	mach := b.crypto.Machine()
	unknown, err := b.db.UnknownDevices(ctx, roomID)
	if err != nil {
		return fmt.Errorf("failed to find members without devices: %w", err)
	}
	if len(unknown) > 0 {
		quiet := b.client.Log.Level(zerolog.ErrorLevel).WithContext(ctx) // accounts without devices are no news
		if _, err = mach.FetchKeys(quiet, unknown, true); err != nil {
			return err
		}
	}
	leftOut, err := b.db.LeftOut(ctx, roomID, b.cfg.UserID, b.client.DeviceID)
	if err != nil || !leftOut {
		return err
	}
	b.log.Info().Stringer("room_id", roomID).Msg("Somebody could not be given the room's key before, making a new one")
	return mach.CryptoStore.RemoveOutboundGroupSession(ctx, roomID)
}
