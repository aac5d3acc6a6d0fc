package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// Send implements relay.Matrix. Everything that the bot says goes through here: never plaintext into an encrypted room,
// and our own key on every event. What the homeserver's rate limit refuses is sent again when its time is over.
func (b *Bot) Send(ctx context.Context, roomID id.RoomID, out relay.Outgoing, txnID string) (eventID id.EventID, err error) {
	picture := b.avatarFor(ctx, roomID, out)
	err = b.gate.pass(ctx, func() error {
		eventID, err = b.sendOnce(ctx, roomID, out, picture, txnID)
		return err
	})
	return eventID, err
}

func (b *Bot) sendOnce(ctx context.Context, roomID id.RoomID, out relay.Outgoing, picture *avatar, txnID string) (id.EventID, error) {
	ctx, cancel := b.request(ctx)
	defer cancel()
	encrypted, err := b.isEncrypted(ctx, roomID)
	if err != nil {
		return "", err
	}
	clear := out.Content
	if encrypted && out.Instead != nil {
		clear = out.Instead
	}
	clear = withAvatar(clear, picture, encrypted)
	evtType, content := out.Type, any(clear)
	if encrypted {
		evtType = event.EventEncrypted
		if err = b.includeAll(ctx, roomID); err != nil {
			return "", err
		}
		if content, err = b.crypto.Encrypt(ctx, roomID, out.Type, clear); err != nil {
			return "", &relay.MatrixError{NotSent: true, Err: fmt.Errorf("failed to encrypt: %w", err)}
		}
	}
	tagged, err := withTag(content, out.Tag)
	if err != nil {
		return "", &relay.MatrixError{NotSent: true, Err: err}
	}
	// Not by SendMessageEvent, which would encrypt by its own lights and log the content when it fails.
	var resp mautrix.RespSendEvent
	_, err = b.client.MakeFullRequest(ctx, mautrix.FullRequest{
		Method: http.MethodPut, URL: b.client.BuildClientURL("v3", "rooms", roomID, "send", evtType.String(), txnID),
		RequestJSON: tagged, ResponseJSON: &resp, SensitiveContent: true,
	})
	if err != nil {
		return "", toMatrixError(err)
	}
	return resp.EventID, nil
}

// request returns the context of a request: limited in time, and with the client's quieter log.
func (b *Bot) request(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.client.Log.WithContext(ctx), requestTimeout)
}

// withTag puts our own key beside the content, or the ciphertext.
func withTag(content any, tag relay.Tag) (map[string]json.RawMessage, error) {
	data, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("failed to encode content: %w", err)
	}
	var fields map[string]json.RawMessage
	if err = json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("failed to encode content: %w", err)
	}
	if fields[relay.TagKey], err = json.Marshal(tag); err != nil {
		return nil, fmt.Errorf("failed to encode tag: %w", err)
	}
	return fields, nil
}

// syncFresh is how old the last answer of /sync may be for its silence to mean something: longer than a poll without news.
const syncFresh = longPoll + 10*time.Second

// isEncrypted finds out whether a room is encrypted. It asks the homeserver before the first event to a room after a start,
// since a lost state table looks like an unencrypted room (matrix.md, "Plaintext leak"), and while /sync would not say that
// the room has become encrypted.
func (b *Bot) isEncrypted(ctx context.Context, roomID id.RoomID) (bool, error) {
	if checked, encrypted := b.rooms.get(roomID); checked && (encrypted || time.Since(b.LastSync()) < syncFresh) {
		return encrypted, nil
	}
	var content event.EncryptionEventContent
	err := b.client.StateEvent(ctx, roomID, event.StateEncryption, "", &content)
	switch {
	case errors.Is(err, mautrix.MNotFound):
		return b.rooms.setChecked(roomID), nil
	case err != nil:
		failure := toMatrixError(err)
		failure.NotSent = true
		return false, failure
	}
	if err = b.client.StateStore.SetEncryptionEvent(ctx, roomID, &content); err != nil {
		return false, &relay.MatrixError{NotSent: true, Err: fmt.Errorf("failed to store that a room is encrypted: %w", err)}
	}
	if err = b.knowMembers(ctx, roomID); err != nil {
		return false, err
	}
	b.rooms.setEncrypted(roomID)
	return b.rooms.setChecked(roomID), nil
}

// askEncrypted finds out whether a room is encrypted, for what is not yet being sent: that may change.
func (b *Bot) askEncrypted(ctx context.Context, roomID id.RoomID) (encrypted bool, err error) {
	if checked, encrypted := b.rooms.get(roomID); checked {
		return encrypted, nil
	}
	err = b.gate.pass(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		encrypted, err = b.isEncrypted(ctx, roomID)
		return err
	})
	return encrypted, err
}

// knowMembers makes sure that it is known for whom to encrypt: what /sync said, or the homeserver if the state table is lost.
func (b *Bot) knowMembers(ctx context.Context, roomID id.RoomID) error {
	if b.client.StateStore.IsInRoom(ctx, roomID, b.cfg.UserID) {
		return nil
	}
	if _, err := b.client.Members(ctx, roomID); err != nil {
		failure := toMatrixError(err)
		failure.NotSent = true
		return failure
	}
	return nil
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

// setEncrypted notes that a room is encrypted. Its members are yet to be checked if it was plain when it was checked.
func (s *roomStates) setEncrypted(roomID id.RoomID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.encrypted == nil {
		s.encrypted = make(map[id.RoomID]bool)
	}
	if !s.encrypted[roomID] {
		s.encrypted[roomID] = true
		delete(s.checked, roomID)
	}
}

// forgetPlain makes rooms that are believed to be plain be checked again: the news that one became encrypted may be missed.
func (s *roomStates) forgetPlain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for roomID := range s.checked {
		if !s.encrypted[roomID] {
			delete(s.checked, roomID)
		}
	}
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

// translated is toMatrixError for an error that may be nil.
func translated(err error) error {
	if err == nil {
		return nil
	}
	return toMatrixError(err)
}

// toMatrixError tells the core what an error of mautrix means.
func toMatrixError(err error) *relay.MatrixError {
	failure := &relay.MatrixError{Err: err}
	var known *relay.MatrixError
	var httpErr mautrix.HTTPError
	var dial *net.OpError
	switch {
	case errors.As(err, &known):
		return known
	case !errors.As(err, &httpErr):
	case httpErr.Response == nil:
		failure.NotSent = errors.As(err, &dial) && dial.Op == "dial"
	default:
		failure.Status = httpErr.Response.StatusCode
		if httpErr.RespError != nil {
			failure.Code = httpErr.RespError.ErrCode
		}
		if failure.Status == http.StatusTooManyRequests {
			failure.RetryAfter = retryAfter(httpErr)
		}
	}
	return failure
}
