package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

// keySharing encrypts what is said for all devices of a room, and makes sure that they all get the room's key.
type keySharing struct {
	*homeserver
	device  *device.Manager
	db      *db.Database
	rounds  keyRounds
	changes atomic.Int64 // how often members or devices have changed, see encrypt
}

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

// errEncryptPanic is a panic over what a homeserver answers about devices. What is said waits until that is over.
var errEncryptPanic = errors.New("panic while encrypting")

// encrypt encrypts for all devices of a room that are known now. It returns a *relay.MatrixError: nothing was sent.
func (s *keySharing) encrypt(ctx context.Context, roomID id.RoomID, evtType event.Type, clear *event.MessageEventContent) (encrypted *event.EncryptedEventContent, err error) {
	ctx, cancel := context.WithTimeout(s.client.Log.WithContext(ctx), shareTime)
	defer cancel()
	s.device.NoteMadeKeys()
	for range shareTries {
		before := s.changes.Load()
		err = task.Guard(ctx, func() (err error) { // what a homeserver answers may lead to a panic
			encrypted, err = s.encryptOnce(ctx, roomID, evtType, clear)
			return err
		})
		if err != nil || s.changes.Load() == before {
			break
		}
		// The key may have been stored, by those who did not know of the change, after it was dropped because of it.
		err = s.crypto.Machine().CryptoStore.RemoveOutboundGroupSession(ctx, roomID)
	}
	if err == nil {
		return encrypted, nil
	}
	s.rounds.takeBack(roomID)
	var panicked *task.PanicError
	if errors.As(err, &panicked) {
		err = errEncryptPanic // to the core, a panic would be the fault of the message, which then would be parked
	}
	failure := &relay.MatrixError{NotSent: true, Err: fmt.Errorf("failed to encrypt: %w", err)}
	if cause := toMatrixError(err); cause.Status == http.StatusTooManyRequests {
		failure.Status, failure.Code, failure.RetryAfter = cause.Status, cause.Code, cause.RetryAfter
	}
	return nil, failure
}

func (s *keySharing) encryptOnce(ctx context.Context, roomID id.RoomID, evtType event.Type, clear *event.MessageEventContent) (*event.EncryptedEventContent, error) {
	if err := s.includeAll(ctx, roomID); err != nil {
		return nil, err
	}
	return s.crypto.Encrypt(ctx, roomID, evtType, clear)
}

// includeAll makes up for what mautrix does not try again: members whose homeserver, or ours, could not be asked for
// their devices, and devices for which there was no one-time key and which have written to the bot since. Both get the
// keys of what is said from now on. Those who still cannot be had do not keep the others waiting.
func (s *keySharing) includeAll(ctx context.Context, roomID id.RoomID) error {
	if !s.rounds.due(roomID, time.Now()) {
		return nil
	}
	mach := s.crypto.Machine()
	unknown, err := s.db.UnknownDevices(ctx, roomID)
	if err != nil {
		return fmt.Errorf("failed to find members without devices: %w", err)
	}
	if len(unknown) > 0 {
		quiet := s.client.Log.Level(zerolog.ErrorLevel).WithContext(ctx) // accounts without devices are no news
		if _, err = mach.FetchKeys(quiet, unknown, true); err != nil {
			return err
		}
	}
	leftOut, err := s.db.LeftOut(ctx, roomID, s.userID, s.client.DeviceID)
	if err != nil || !leftOut {
		return err
	}
	s.log.Info().Stringer("room_id", roomID).Msg("Somebody could not be given the room's key before, making a new one")
	return mach.CryptoStore.RemoveOutboundGroupSession(ctx, roomID)
}

// giveKey answers a device that asks for the key of a room, because it did not get the key or could not decrypt it.
// mautrix gives a key only to devices with which it was shared before (client-server API, "Key requests"). mautrix
// v0.30.0 would answer in a goroutine, with the context of the answer of /sync, which has ended by then
// (docs/matrix.md, "Requests for keys").
func (s *keySharing) giveKey(ctx context.Context, evt *event.Event) {
	ctx, cancel := context.WithTimeout(s.client.Log.WithContext(ctx), device.RequestTimeout)
	defer cancel()
	evt.Type.Class = event.ToDeviceEventType
	if err := evt.Content.ParseRaw(evt.Type); err != nil {
		s.log.Warn().Err(err).Stringer("user_id", evt.Sender).Msg("Ignored a request for a key that cannot be parsed")
		return
	}
	s.crypto.Machine().HandleRoomKeyRequest(ctx, evt.Sender, evt.Content.AsRoomKeyRequest())
}
