package harness

import (
	"context"
	"errors"
	"fmt"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// ShareKeyOnlyWith shares the key of the messages that a mautrix client sends in a
// room from now on with those users only. The client answers no requests for keys
// until GiveRequestedKeys. It must not have sent anything in the room before.
func (c *Client) ShareKeyOnlyWith(ctx context.Context, room id.RoomID, users ...id.UserID) error {
	if err := c.prepare(ctx, room); err != nil {
		return err
	}
	m := c.engine.(*mautrixEngine)
	m.keepsKeys.Store(true)
	return m.crypto.Machine().ShareGroupSession(ctx, room, users)
}

// GiveRequestedKeys makes a mautrix client answer all requests for keys from now on.
func (c *Client) GiveRequestedKeys() { c.engine.(*mautrixEngine).givesKeys.Store(true) }

// prepare makes sure, once per room, that the client knows whether the room is
// encrypted. With an empty state store it would send plaintext.
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
	if !c.engine.encrypts() {
		return fmt.Errorf("%s cannot send to %s: the room is encrypted, the client is not", c.UserID(), room)
	}
	return c.seen.changes.Until(ctx, func() (bool, error) { return c.isEncrypted(ctx, room) })
}

// isEncrypted says whether the client has seen that a room is encrypted.
func (c *Client) isEncrypted(ctx context.Context, room id.RoomID) (bool, error) {
	if !c.engine.encrypts() {
		return false, nil
	}
	return c.mx.StateStore.IsEncrypted(ctx, room)
}
