package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// isEncrypted finds out whether a room is encrypted. What the database says is not enough, since a lost state table looks
// like an unencrypted room (docs/matrix.md, "Plaintext leak"); nor is what /sync has said so far, since a room may have
// become encrypted a moment ago. So the homeserver is asked before each event, until it says yes: that never changes.
func (b *Bot) isEncrypted(ctx context.Context, roomID id.RoomID) (bool, error) {
	checked, encrypted := b.rooms.get(roomID)
	if checked && encrypted {
		return true, nil
	}
	var raw json.RawMessage
	err := b.client.StateEvent(ctx, roomID, event.StateEncryption, "", &raw)
	switch {
	case errors.Is(err, mautrix.MNotFound):
		return b.rooms.setChecked(roomID), nil
	case err != nil:
		failure := toMatrixError(err)
		failure.NotSent = true
		return false, failure
	}
	var content event.EncryptionEventContent
	if json.Unmarshal(raw, &content) != nil {
		content = event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1} // whatever it says, the room is encrypted
	}
	if err = b.client.StateStore.SetEncryptionEvent(ctx, roomID, &content); err != nil {
		return false, &relay.MatrixError{NotSent: true, Err: fmt.Errorf("failed to store that a room is encrypted: %w", err)}
	}
	// For whom to encrypt: the state table may be lost, and after a join it holds the bot alone until /sync brings the others.
	if _, err = b.client.Members(ctx, roomID); err != nil {
		failure := toMatrixError(err)
		failure.NotSent = true
		return false, failure
	}
	if b.rooms.setEncrypted(roomID) && checked {
		b.newcomers.arrived(roomID, time.Now()) // it was plain a while ago
	}
	return b.rooms.setChecked(roomID), nil
}

// isEncryptedNow is isEncrypted with the time limit of a request.
func (b *Bot) isEncryptedNow(ctx context.Context, roomID id.RoomID) (bool, error) {
	ctx, cancel := b.request(ctx)
	defer cancel()
	return b.isEncrypted(ctx, roomID)
}

// askEncrypted is isEncrypted for what is not yet being sent; that may change.
func (b *Bot) askEncrypted(ctx context.Context, roomID id.RoomID) (encrypted bool, err error) {
	if checked, encrypted := b.rooms.get(roomID); checked {
		return encrypted, nil
	}
	err = b.call(ctx, func() error {
		encrypted, err = b.isEncryptedNow(ctx, roomID)
		return err
	})
	return encrypted, err
}

// roomStates is what is surely known of rooms since the start.
type roomStates struct {
	mu        sync.Mutex
	checked   map[id.RoomID]bool
	encrypted map[id.RoomID]bool // once true, true for ever
}

func (s *roomStates) get(roomID id.RoomID) (checked, encrypted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checked[roomID], s.encrypted[roomID]
}

// setEncrypted notes that a room is encrypted, and reports whether that is news. Its members are yet to be checked if it was
// plain when it was checked.
func (s *roomStates) setEncrypted(roomID id.RoomID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.encrypted == nil {
		s.encrypted = make(map[id.RoomID]bool)
	}
	if s.encrypted[roomID] {
		return false
	}
	s.encrypted[roomID] = true
	delete(s.checked, roomID)
	return true
}

// forgetMembers makes a room that the bot has left be checked again when it is back.
func (s *roomStates) forgetMembers(roomID id.RoomID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.checked, roomID)
}

// setChecked notes that the homeserver was asked, and returns whether the room is encrypted by now.
func (s *roomStates) setChecked(roomID id.RoomID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checked == nil {
		s.checked = make(map[id.RoomID]bool)
	}
	s.checked[roomID] = true
	return s.encrypted[roomID]
}
