package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/olm"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

// followKeys tells the core of the keys that come from now on.
func (b *Bot) followKeys() {
	// This is called while an answer of /sync is handled, and must not wait for anything.
	b.crypto.Machine().SessionReceived = func(_ context.Context, _ id.RoomID, session id.SessionID, _ uint32) { b.relay.KeyCame(session) }
}

// keyWithheld notes that a client decided not to share a key. It is kept from mautrix v0.30.0, which stores that in place of
// the key and then fails to store the key if it comes after all.
func (b *Bot) keyWithheld(ctx context.Context, evt *event.Event) {
	evt.Type.Class = event.ToDeviceEventType
	if err := evt.Content.ParseRaw(evt.Type); err != nil {
		b.log.Warn().Err(err).Msg("Ignored a withheld key that cannot be parsed")
		return
	}
	content := evt.Content.AsRoomKeyWithheld()
	if content.SessionID == "" || content.Code == event.RoomKeyWithheldUnavailable {
		return // there is no Olm session with that device, or our request came to one that has no such key
	}
	b.log.Info().Stringer("user_id", evt.Sender).Stringer("room_id", content.RoomID).Str("code", string(content.Code)).Msg("A key is withheld from the bot")
	if err := b.db.Withheld.Note(ctx, evt.Sender, content.SessionID, jsontime.UM(time.Now())); err != nil {
		b.log.Err(err).Msg("Failed to note that a key is withheld")
	}
	b.relay.KeyCame(content.SessionID)
}

// Decrypt implements relay.Matrix.
func (b *Bot) Decrypt(ctx context.Context, evt *event.Event) (*event.Event, error) {
	decrypted, err := b.decrypt(ctx, evt)
	if err != nil {
		return nil, b.explainKey(ctx, evt, err)
	}
	return decrypted, nil
}

// explainKey says in the core's terms why an event could not be decrypted.
func (b *Bot) explainKey(ctx context.Context, evt *event.Event, err error) error {
	switch {
	case db.IsDatabaseError(err), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, crypto.ErrRatchetError):
		return err // the key could not be stored after use
	case errors.Is(err, olm.ErrUnknownMessageIndex):
		return fmt.Errorf("%w: %w", relay.ErrPartialKey, err)
	case errors.Is(err, crypto.ErrGroupSessionWithheld):
		return fmt.Errorf("%w: %w", relay.ErrKeyWithheld, err)
	case !errors.Is(err, crypto.ErrNoSessionFound):
		return fmt.Errorf("%w: %w", relay.ErrUndecryptable, err)
	}
	content, parseErr := encryptedContent(evt)
	if parseErr != nil {
		return fmt.Errorf("%w: %w", relay.ErrUndecryptable, parseErr)
	}
	withheld, lookErr := b.db.Withheld.Has(ctx, evt.Sender, content.SessionID)
	switch {
	case lookErr != nil:
		return fmt.Errorf("failed to find out whether a key is withheld: %w", lookErr)
	case withheld:
		return fmt.Errorf("%w: %w", relay.ErrKeyWithheld, err)
	}
	return fmt.Errorf("%w: %w", relay.ErrNoKey, err)
}

// decryptWithin decrypts an event, waiting up to a while for its key.
func (b *Bot) decryptWithin(ctx context.Context, evt *event.Event, wait time.Duration) (*event.Event, error) {
	decrypted, err := b.Decrypt(ctx, evt)
	if !errors.Is(err, relay.ErrNoKey) {
		return decrypted, err
	}
	content, parseErr := encryptedContent(evt)
	if parseErr != nil || !b.crypto.WaitForSession(ctx, evt.RoomID, content.SenderKey, content.SessionID, wait) {
		return nil, errors.Join(err, ctx.Err())
	}
	return b.Decrypt(ctx, evt)
}

// RequestKey implements relay.Matrix (client-server API, "Key requests").
func (b *Bot) RequestKey(ctx context.Context, evt *event.Event) {
	content, err := encryptedContent(evt)
	if err != nil {
		return
	}
	err = b.call(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		return translated(b.crypto.Machine().SendRoomKeyRequest(ctx, evt.RoomID, content.SenderKey, content.SessionID, "",
			map[id.UserID][]id.DeviceID{evt.Sender: {"*"}})) // which device it was is not told reliably
	})
	if err != nil && ctx.Err() == nil {
		b.log.Warn().Err(err).Stringer("event_id", evt.ID).Msg("Failed to ask for a key")
	}
}

// encryptedContent parses the content of an encrypted event that nobody has parsed yet.
func encryptedContent(evt *event.Event) (*event.EncryptedEventContent, error) {
	content := evt.Content
	if err := parseEncrypted(&content); err != nil {
		return nil, err
	}
	return content.AsEncrypted(), nil
}
