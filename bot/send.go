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

	"go.mau.fi/util/random"
	"go.mau.fi/util/retryafter"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/format"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// Send implements relay.Matrix. Everything that the bot says goes through here: never plaintext into an encrypted room,
// and our own key on every event.
func (b *Bot) Send(ctx context.Context, roomID id.RoomID, out relay.Outgoing, txnID string) (id.EventID, error) {
	ctx, cancel := b.request(ctx)
	defer cancel()
	if err := b.gate.wait(ctx); err != nil {
		return "", err
	}
	encrypted, err := b.isEncrypted(ctx, roomID)
	if err != nil {
		return "", err
	}
	evtType, content := out.Type, any(out.Content)
	if encrypted {
		evtType = event.EventEncrypted
		if content, err = b.crypto.Encrypt(ctx, roomID, out.Type, out.Content); err != nil {
			return "", &relay.MatrixError{NotSent: true, Err: fmt.Errorf("failed to encrypt: %w", err)}
		}
	}
	tagged, err := withTag(content, out.Tag)
	if err != nil {
		return "", &relay.MatrixError{NotSent: true, Err: err}
	}
	resp, err := b.client.SendMessageEvent(ctx, roomID, evtType, tagged, mautrix.ReqSendEvent{TransactionID: txnID, DontEncrypt: true})
	if err != nil {
		return "", b.failed(err)
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

// Notice implements relay.Matrix.
func (b *Bot) Notice(ctx context.Context, roomID id.RoomID, markdown string, replyTo id.EventID) {
	content := format.RenderMarkdown(markdown, true, false)
	content.Body = markdown
	content.MsgType = event.MsgNotice
	content.Mentions = &event.Mentions{}
	if replyTo != "" {
		content.RelatesTo = (&event.RelatesTo{}).SetReplyTo(replyTo)
	}
	data, err := json.Marshal(&content)
	if err == nil {
		out := relay.Outgoing{Type: event.EventMessage, Content: data, Tag: relay.Tag{Kind: relay.TagNotice}}
		err = b.sendPatiently(ctx, roomID, out)
	}
	if err != nil && ctx.Err() == nil {
		b.log.Err(err).Stringer("room_id", roomID).Msg("Failed to send a notice")
	}
}

// noticeTries is how often a notice is tried: it is best effort, but a rate limit should not swallow it.
const noticeTries = 4

// sendPatiently repeats what the homeserver certainly did not carry out.
func (b *Bot) sendPatiently(ctx context.Context, roomID id.RoomID, out relay.Outgoing) error {
	txnID := "notice-" + random.String(20)
	for try := 1; ; try++ {
		_, err := b.Send(ctx, roomID, out, txnID)
		matrixErr := toMatrixError(err)
		if err == nil || try == noticeTries || matrixErr.RetryAfter == 0 {
			return err
		}
	}
}

// isEncrypted finds out whether a room is encrypted. It asks the homeserver before the first event to a room after a start,
// since a lost state table looks like an unencrypted room (matrix.md, "Plaintext leak").
func (b *Bot) isEncrypted(ctx context.Context, roomID id.RoomID) (bool, error) {
	if checked, encrypted := b.rooms.get(roomID); checked {
		return encrypted, nil
	}
	var content event.EncryptionEventContent
	err := b.client.StateEvent(ctx, roomID, event.StateEncryption, "", &content)
	switch {
	case errors.Is(err, mautrix.MNotFound):
		return b.rooms.setChecked(roomID), nil
	case err != nil:
		failure := b.failed(err)
		failure.NotSent = true
		return false, failure
	}
	if err = b.client.StateStore.SetEncryptionEvent(ctx, roomID, &content); err != nil {
		return false, &relay.MatrixError{NotSent: true, Err: fmt.Errorf("failed to store that a room is encrypted: %w", err)}
	}
	// For whom to encrypt must be known as surely as that.
	if _, err = b.client.Members(ctx, roomID); err != nil {
		failure := b.failed(err)
		failure.NotSent = true
		return false, failure
	}
	b.rooms.setEncrypted(roomID)
	return b.rooms.setChecked(roomID), nil
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

// failed translates an error and, if it is a rate limit, holds all sends back: the limit is per account.
func (b *Bot) failed(err error) *relay.MatrixError {
	failure := toMatrixError(err)
	if failure.RetryAfter > 0 {
		b.gate.close(failure.RetryAfter)
	}
	return failure
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

// defaultRetryAfter is for a 429 that does not say how long to wait.
const defaultRetryAfter = 5 * time.Second

// retryAfter reads how long a rate limit asks to wait: newer homeservers say it in a header, all in the body.
func retryAfter(err mautrix.HTTPError) time.Duration {
	if err.RespError != nil {
		if ms, ok := err.RespError.ExtraData["retry_after_ms"].(float64); ok && ms > 0 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return retryafter.Parse(err.Response.Header.Get("Retry-After"), defaultRetryAfter)
}

// gate holds all sends back while the homeserver limits the account.
type gate struct {
	mu    sync.Mutex
	until time.Time
}

func (g *gate) close(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(d); until.After(g.until) {
		g.until = until
	}
}

// wait returns when nothing is held back, or an error that says for how long it will be if that is longer than ctx.
func (g *gate) wait(ctx context.Context) error {
	for {
		g.mu.Lock()
		pause := time.Until(g.until)
		g.mu.Unlock()
		if pause <= 0 {
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
			return &relay.MatrixError{Status: http.StatusTooManyRequests, RetryAfter: pause, NotSent: true, Err: errors.New("rate limited")}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return &relay.MatrixError{NotSent: true, Err: ctx.Err()}
		case <-timer.C:
		}
	}
}
