package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/olm"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

// decryption decrypts what others have said. It also looks after the keys that the bot lacks, see
// missing_keys.go.
type decryption struct {
	*homeserver
	db    *db.Database
	relay *relay.Relay
}

// Decrypt implements relay.Matrix. Of a login command with a password nothing is left.
func (b *Bot) Decrypt(ctx context.Context, evt *event.Event) (*event.Event, error) {
	decrypted, err := b.decryption.decryptOrExplain(ctx, evt)
	if err != nil {
		return nil, err
	}
	return b.passwords.takeLate(ctx, decrypted)
}

// decrypt decrypts an event with the keys that are there. Its errors are those of mautrix.
func (d *decryption) decrypt(ctx context.Context, evt *event.Event) (decrypted *event.Event, err error) {
	// mautrix stores which message was decrypted with which key. After a power cut the event comes again, with the same.
	ctx = db.WithoutSync(ctx)
	parsed := *evt
	parsed.Type.Class = event.MessageEventType
	if parsed.Content.Parsed == nil {
		if err = parseEncrypted(&parsed.Content); err != nil {
			return nil, err
		}
	}
	err = task.Guard(ctx, func() (err error) {
		decrypted, err = d.crypto.Decrypt(ctx, &parsed)
		return err
	})
	if err != nil {
		return nil, err
	}
	decrypted.Unsigned = evt.Unsigned
	// The core reads all contents unparsed.
	raw := decrypted.Content.VeryRaw
	decrypted.Content = event.Content{}
	if err = json.Unmarshal(raw, &decrypted.Content); err != nil {
		return nil, fmt.Errorf("failed to read decrypted content: %w", err)
	}
	return decrypted, nil
}

// parseEncrypted parses the content of an encrypted event. Clients copy the relation of what they encrypt beside the
// ciphertext; one that makes no sense does not keep the message from being read.
func parseEncrypted(content *event.Content) error {
	parsed := *content
	err := parsed.ParseRaw(event.EventEncrypted)
	if err != nil {
		var fields map[string]json.RawMessage
		if json.Unmarshal(content.VeryRaw, &fields) == nil && fields["m.relates_to"] != nil {
			delete(fields, "m.relates_to")
			parsed = event.Content{}
			if data, encodeErr := json.Marshal(fields); encodeErr != nil {
				err = encodeErr
			} else if err = json.Unmarshal(data, &parsed); err == nil {
				err = parsed.ParseRaw(event.EventEncrypted)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("failed to parse encrypted content: %w", err)
	}
	*content = parsed
	return nil
}

// decryptOrExplain decrypts an event with the keys that are there. Its errors are those of relay.Matrix.Decrypt.
func (d *decryption) decryptOrExplain(ctx context.Context, evt *event.Event) (*event.Event, error) {
	decrypted, err := d.decrypt(ctx, evt)
	if err != nil {
		return nil, d.explain(ctx, evt, err)
	}
	return decrypted, nil
}

// decryptWithin decrypts an event, waiting up to a while for its key.
func (d *decryption) decryptWithin(ctx context.Context, evt *event.Event, wait time.Duration) (*event.Event, error) {
	decrypted, err := d.decryptOrExplain(ctx, evt)
	if !errors.Is(err, relay.ErrNoKey) {
		return decrypted, err
	}
	content, parseErr := encryptedContent(evt)
	if parseErr != nil || !d.crypto.WaitForSession(ctx, evt.RoomID, content.SenderKey, content.SessionID, wait) {
		return nil, errors.Join(err, ctx.Err())
	}
	return d.decryptOrExplain(ctx, evt)
}

// explain says in the core's terms why an event could not be decrypted.
func (d *decryption) explain(ctx context.Context, evt *event.Event, err error) error {
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
	withheld, lookErr := d.db.Withheld.Has(ctx, evt.Sender, content.SessionID)
	switch {
	case lookErr != nil:
		return fmt.Errorf("failed to find out whether a key is withheld: %w", lookErr)
	case withheld:
		return fmt.Errorf("%w: %w", relay.ErrKeyWithheld, err)
	}
	return fmt.Errorf("%w: %w", relay.ErrNoKey, err)
}

// encryptedContent parses the content of an encrypted event that nobody has parsed yet.
func encryptedContent(evt *event.Event) (*event.EncryptedEventContent, error) {
	content := evt.Content
	if err := parseEncrypted(&content); err != nil {
		return nil, err
	}
	return content.AsEncrypted(), nil
}
