package harness

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// RoomOptions describe a new room. The zero value is a private room without
// encryption.
type RoomOptions struct {
	Name      string
	Encrypted bool
	// RotationMessages is how many messages are encrypted with one session. With
	// 0 the clients decide.
	RotationMessages int
	Public           bool // anyone may join
	Invite           []id.UserID
}

func (o RoomOptions) encryption() *event.EncryptionEventContent {
	return &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1, RotationPeriodMessages: o.RotationMessages}
}

// CreateRoom creates a room and returns when the client has seen it.
func (c *Client) CreateRoom(ctx context.Context, options RoomOptions) (id.RoomID, error) {
	req := &mautrix.ReqCreateRoom{Name: options.Name, Invite: options.Invite, Preset: "private_chat"}
	if options.Public {
		req.Preset = "public_chat"
	}
	if options.Encrypted {
		req.InitialState = append(req.InitialState, &event.Event{
			Type:    event.StateEncryption,
			Content: event.Content{Parsed: options.encryption()},
		})
	}
	resp, err := c.mx.CreateRoom(ctx, req)
	if err != nil {
		return "", fmt.Errorf("%s failed to create a room: %w", c.UserID(), err)
	}
	return resp.RoomID, c.prepare(ctx, resp.RoomID)
}

// Invite invites user. It doesn't wait for an answer: see WaitEvent and
// Membership.
func (c *Client) Invite(ctx context.Context, room id.RoomID, user id.UserID) error {
	_, err := c.mx.InviteUser(ctx, room, &mautrix.ReqInviteUser{UserID: user})
	return err
}

// Kick removes user from the room.
func (c *Client) Kick(ctx context.Context, room id.RoomID, user id.UserID, reason string) error {
	_, err := c.mx.KickUser(ctx, room, &mautrix.ReqKickUser{UserID: user, Reason: reason})
	return err
}

// Join joins a room, invited or public, and returns when the client has seen it.
// It doesn't wait for an invitation: see WaitEvent and Membership.
func (c *Client) Join(ctx context.Context, room id.RoomID) error {
	if _, err := c.mx.JoinRoomByID(ctx, room); err != nil {
		return fmt.Errorf("%s failed to join %s: %w", c.UserID(), room, err)
	}
	return c.seen.waitSettled(ctx, room)
}

// Leave leaves the room.
func (c *Client) Leave(ctx context.Context, room id.RoomID) error {
	_, err := c.mx.LeaveRoom(ctx, room)
	return err
}

// SetPowerLevel changes one user's power level and nothing else.
func (c *Client) SetPowerLevel(ctx context.Context, room id.RoomID, user id.UserID, level int) error {
	var levels event.PowerLevelsEventContent
	if err := c.mx.StateEvent(ctx, room, event.StatePowerLevels, "", &levels); err != nil {
		return fmt.Errorf("failed to read the power levels of %s: %w", room, err)
	}
	levels.SetUserLevel(user, level)
	_, err := c.mx.SendStateEvent(ctx, room, event.StatePowerLevels, "", &levels)
	return err
}

// Encrypt switches the encryption of a room on, and returns when the client has
// seen that.
func (c *Client) Encrypt(ctx context.Context, room id.RoomID) error {
	if err := c.SetState(ctx, room, event.StateEncryption, "", RoomOptions{}.encryption()); err != nil {
		return err
	}
	return c.waitEncrypted(ctx, room)
}

// SetState sends a state event, for example new join rules.
func (c *Client) SetState(ctx context.Context, room id.RoomID, kind event.Type, key string, content any) error {
	_, err := c.mx.SendStateEvent(ctx, room, kind, key, content)
	return err
}

// WaitInvite returns a room to which inviter has invited the client, now or
// later, and which the client has not joined.
func (c *Client) WaitInvite(ctx context.Context, inviter id.UserID) (room id.RoomID, err error) {
	invited := All(From(inviter), Membership(c.UserID(), event.MembershipInvite))
	err = c.seen.changes.Until(ctx, func() (bool, error) {
		room = c.seen.unjoined(invited)
		return room != "", nil
	})
	if err != nil {
		return "", fmt.Errorf("%s: no invitation by %s: %w", c.UserID(), inviter, err)
	}
	return room, nil
}
