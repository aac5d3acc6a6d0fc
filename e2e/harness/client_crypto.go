package harness

import (
	"context"
	"errors"
	"fmt"

	_ "github.com/mattn/go-sqlite3" // the driver of the key database
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// logInEncrypted logs in with the device of the crypto store, or with a new one.
func (c *Client) logInEncrypted(ctx context.Context, login *mautrix.ReqLogin) error {
	// The pickle key protects keys at rest; these belong to nobody and don't
	// outlive the run.
	helper, err := cryptohelper.NewCryptoHelper(c.mx, []byte("e2e"), c.cfg.CryptoStore)
	if err != nil {
		return err
	}
	c.crypto = helper
	helper.LoginAs = login
	if err = helper.Init(ctx); err != nil {
		return err
	}
	// Nobody in a test compares emojis: send keys to every device, and answer
	// the key requests of every device.
	helper.Machine().SendKeysMinTrust = id.TrustStateUnset
	helper.Machine().ShareKeysMinTrust = id.TrustStateUnset
	byDefault := helper.Machine().AllowKeyShare
	helper.Machine().AllowKeyShare = func(ctx context.Context, device *id.Device, key event.RequestedKeyInfo) *crypto.KeyShareRejection {
		if c.givesKeys.Load() {
			return nil
		} else if c.keepsKeys.Load() {
			return &crypto.KeyShareRejectNoResponse
		}
		return byDefault(ctx, device, key)
	}
	c.mx.Crypto = helper
	return nil
}

// ShareKeyOnlyWith gives the key of what the client says in a room from now on to those users only, and answers nobody's
// requests for keys until GiveRequestedKeys. The client must not have said anything there yet.
func (c *Client) ShareKeyOnlyWith(ctx context.Context, room id.RoomID, users ...id.UserID) error {
	if err := c.prepare(ctx, room); err != nil {
		return err
	}
	c.keepsKeys.Store(true)
	return c.crypto.Machine().ShareGroupSession(ctx, room, users)
}

// GiveRequestedKeys answers from now on whoever asks for a key.
func (c *Client) GiveRequestedKeys() { c.givesKeys.Store(true) }

// prepare makes sure, once per room, that the client knows whether the room is
// encrypted: with an empty state store mautrix would send plaintext.
func (c *Client) prepare(ctx context.Context, room id.RoomID) error {
	c.mu.Lock()
	done := c.prepared[room]
	c.mu.Unlock()
	if done {
		return nil
	}
	if err := c.seen.waitSettled(ctx, room); err != nil {
		return fmt.Errorf("%s has not joined %s: %w", c.UserID(), room, err)
	}
	var encryption event.EncryptionEventContent
	err := c.mx.StateEvent(ctx, room, event.StateEncryption, "", &encryption)
	if err != nil && !errors.Is(err, mautrix.MNotFound) {
		return fmt.Errorf("failed to ask whether %s is encrypted: %w", room, err)
	} else if err == nil {
		if err = c.waitEncrypted(ctx, room); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prepared[room] = true
	return nil
}

func (c *Client) waitEncrypted(ctx context.Context, room id.RoomID) error {
	if c.crypto == nil {
		return fmt.Errorf("%s cannot send to %s: the room is encrypted, the client is not", c.UserID(), room)
	}
	return c.seen.until(ctx, func() (bool, error) { return c.mx.StateStore.IsEncrypted(ctx, room) })
}

// decrypt returns evt in clear if it is encrypted and the key is there, and evt
// itself otherwise.
func (c *Client) decrypt(ctx context.Context, evt *event.Event) *event.Event {
	if evt.Type != event.EventEncrypted || c.crypto == nil {
		return evt
	}
	decrypted, err := c.crypto.Decrypt(ctx, evt)
	if err != nil {
		return evt
	}
	return decrypted
}
