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

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

// encryptedRooms knows which rooms are encrypted. What it knows is lost when the bot stops.
type encryptedRooms struct {
	*homeserver
	newcomers *newcomers

	mu        sync.Mutex
	checked   map[id.RoomID]bool         // the homeserver was asked; if the room is encrypted, its members are known too
	encrypted map[id.RoomID]bool         // once true, true for ever
	early     map[id.RoomID]*earlyAnswer // for the next event
}

// earlyAnswer is the answer to a question that was asked before the event was ready for which it is asked.
type earlyAnswer struct {
	asked     time.Time
	done      chan struct{} // closed when the answer is there
	encrypted bool
	err       error
}

// errTokenChanges says that nothing is asked in advance while somebody waits to change the access token. The request
// for which it is asked may be under way already: then that waits for the answer, whoever changes the token for the
// request, and the question would wait for the change.
var errTokenChanges = errors.New("the access token is being changed")

// earlyAnswerAge is how old an early answer may be. It is asked for while the event is made ready. If that takes
// longer, the homeserver is asked again.
const earlyAnswerAge = 500 * time.Millisecond

func newEncryptedRooms(h *homeserver, n *newcomers) *encryptedRooms {
	return &encryptedRooms{homeserver: h, newcomers: n, checked: make(map[id.RoomID]bool), encrypted: make(map[id.RoomID]bool), early: make(map[id.RoomID]*earlyAnswer)}
}

// isEncrypted finds out whether a room is encrypted. What the database says is not enough, since a lost state table
// looks like an unencrypted room (docs/matrix.md, "Plaintext leak"); nor is what /sync has said so far, since a room
// may have become encrypted a moment ago. So the homeserver is asked before each event, until it says yes: that never
// changes.
func (r *encryptedRooms) isEncrypted(ctx context.Context, roomID id.RoomID) (bool, error) {
	early := r.takeAhead(roomID)
	if early != nil {
		select {
		case <-early.done:
		case <-ctx.Done():
			return false, &relay.MatrixError{NotSent: true, Err: ctx.Err()}
		}
	}
	checked, encrypted := r.get(roomID)
	if checked && encrypted {
		return true, nil
	} else if early != nil && early.err == nil && !early.encrypted && !encrypted && time.Since(early.asked) < earlyAnswerAge {
		return false, nil
	}
	return r.askEncrypted(ctx, roomID)
}

// AskAhead implements relay.Matrix.
func (b *Bot) AskAhead(ctx context.Context, roomID id.RoomID) { b.encryptedRooms.askAhead(ctx, roomID) }

// askAhead asks in advance for the next event whether its room is encrypted. It does not block. The answer serves one
// event, and only if nothing was sent to the room since the question: so at most one event crosses the news that the
// room has become encrypted.
func (r *encryptedRooms) askAhead(ctx context.Context, roomID id.RoomID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.checked[roomID] && r.encrypted[roomID] {
		return
	} else if early := r.early[roomID]; early != nil && time.Since(early.asked) < earlyAnswerAge {
		return
	}
	early := &earlyAnswer{asked: time.Now(), done: make(chan struct{})}
	r.early[roomID] = early
	go func() {
		defer close(early.done)
		if !r.token.TryRLock() {
			early.err = errTokenChanges
			return
		}
		defer r.token.RUnlock()
		early.err = r.withTokenHeld(func() (err error) {
			early.encrypted, err = r.askEncrypted(ctx, roomID)
			return err
		})
	}()
}

// takeAhead returns what was asked in advance, nil if nothing was. It is not returned again.
func (r *encryptedRooms) takeAhead(roomID id.RoomID) *earlyAnswer {
	r.mu.Lock()
	defer r.mu.Unlock()
	early := r.early[roomID]
	delete(r.early, roomID)
	return early
}

// sent drops what was asked of a room before an event was sent to it.
func (r *encryptedRooms) sent(roomID id.RoomID) { r.takeAhead(roomID) }

// askEncrypted asks the homeserver whether a room is encrypted.
func (r *encryptedRooms) askEncrypted(ctx context.Context, roomID id.RoomID) (bool, error) {
	checked, _ := r.get(roomID)
	ctx, cancel := r.request(ctx)
	defer cancel()
	var raw json.RawMessage
	err := r.client.StateEvent(ctx, roomID, event.StateEncryption, "", &raw)
	switch {
	case errors.Is(err, mautrix.MNotFound) && r.setPlain(roomID):
		return false, nil
	case errors.Is(err, mautrix.MNotFound): // /sync has said meanwhile that the room is encrypted
		return r.askMembers(ctx, roomID, checked)
	case err != nil:
		failure := toMatrixError(err)
		failure.NotSent = true
		return false, failure
	}
	var content event.EncryptionEventContent
	if json.Unmarshal(raw, &content) != nil {
		content = event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1} // whatever it says, the room is encrypted
	}
	if err = r.client.StateStore.SetEncryptionEvent(ctx, roomID, &content); err != nil {
		return false, &relay.MatrixError{NotSent: true, Err: fmt.Errorf("failed to store that a room is encrypted: %w", err)}
	}
	return r.askMembers(ctx, roomID, checked)
}

// askMembers asks the homeserver for whom to encrypt in a room that is encrypted: the state table may be lost, and
// after a join it holds the bot alone until /sync brings the others. wasChecked says that the room was plain, or its
// members were known, when the homeserver was asked before.
func (r *encryptedRooms) askMembers(ctx context.Context, roomID id.RoomID, wasChecked bool) (encrypted bool, err error) {
	watched, failed := db.WatchFailures(ctx) // mautrix only logs that it could not store them
	if _, err = r.client.Members(watched, roomID); err != nil {
		failure := toMatrixError(err)
		failure.NotSent = true
		return false, failure
	} else if err = failed(); err != nil {
		return false, &relay.MatrixError{NotSent: true, Err: fmt.Errorf("failed to store the members of a room: %w", err)}
	}
	if r.setEncrypted(roomID) && wasChecked {
		r.newcomers.arrived(roomID, time.Now()) // it was plain a while ago
	}
	return r.setChecked(roomID), nil
}

// wasEncrypted reports whether a room was encrypted when the homeserver was last asked. It asks now if that has not
// been done yet. The answer may be out of date, so it is not for an event that is being sent.
func (r *encryptedRooms) wasEncrypted(ctx context.Context, roomID id.RoomID) (encrypted bool, err error) {
	if checked, encrypted := r.get(roomID); checked {
		return encrypted, nil
	}
	err = r.ask(ctx, func() error {
		encrypted, err = r.isEncrypted(ctx, roomID)
		return err
	})
	return encrypted, err
}

// get returns what is known of a room: whether the homeserver was asked, and whether the room is encrypted.
func (r *encryptedRooms) get(roomID id.RoomID) (checked, encrypted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.checked[roomID], r.encrypted[roomID]
}

// setEncrypted notes that a room is encrypted, and reports whether that is news. Its members are yet to be checked if
// it was plain when it was checked.
func (r *encryptedRooms) setEncrypted(roomID id.RoomID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.encrypted[roomID] {
		return false
	}
	r.encrypted[roomID] = true
	delete(r.checked, roomID)
	return true
}

// forgetMembers makes a room that the bot has left be checked again when it is back.
func (r *encryptedRooms) forgetMembers(roomID id.RoomID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.checked, roomID)
}

// setPlain notes that the homeserver was asked, and said that a room is not encrypted. It reports false, and notes
// nothing, if the room is known to be encrypted by now: then its members are yet to be checked.
func (r *encryptedRooms) setPlain(roomID id.RoomID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.encrypted[roomID] {
		r.checked[roomID] = true
	}
	return !r.encrypted[roomID]
}

// setChecked notes that the homeserver was asked, and returns whether the room is encrypted by now.
func (r *encryptedRooms) setChecked(roomID id.RoomID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checked[roomID] = true
	return r.encrypted[roomID]
}
