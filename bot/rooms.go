package bot

import (
	"context"
	"errors"
	"fmt"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

// MemberName implements relay.Matrix.
func (b *Bot) MemberName(ctx context.Context, roomID id.RoomID, user id.UserID) string {
	member, err := b.client.StateStore.TryGetMember(ctx, roomID, user)
	if err != nil {
		b.log.Err(err).Stringer("room_id", roomID).Msg("Failed to look up a member")
	}
	if member == nil {
		return ""
	}
	return member.Displayname
}

// RoomName implements relay.Matrix.
func (b *Bot) RoomName(ctx context.Context, roomID id.RoomID) string {
	var name event.RoomNameEventContent
	if err := b.state(ctx, roomID, event.StateRoomName, "", &name); err != nil {
		b.log.Warn().Err(err).Stringer("room_id", roomID).Msg("Failed to read a room's name")
	}
	return name.Name
}

// state reads a piece of a room's state from the homeserver; what is not there stays zero.
func (b *Bot) state(ctx context.Context, roomID id.RoomID, evtType event.Type, stateKey string, into any) error {
	err := b.gate.pass(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		return translated(b.client.StateEvent(ctx, roomID, evtType, stateKey, into))
	})
	if errors.Is(err, mautrix.MNotFound) {
		return nil
	}
	return err
}

// whyOpen says in words why strangers can read a room, "" if they can't. Guest access does not matter by itself: guests come
// in only where the join rule lets them (client-server API, "Guest access").
func (b *Bot) whyOpen(ctx context.Context, roomID id.RoomID) (string, error) {
	var join event.JoinRulesEventContent
	var history event.HistoryVisibilityEventContent
	if err := b.state(ctx, roomID, event.StateJoinRules, "", &join); err != nil {
		return "", err
	} else if err = b.state(ctx, roomID, event.StateHistoryVisibility, "", &history); err != nil {
		return "", err
	}
	switch {
	case join.JoinRule == event.JoinRulePublic:
		return words.OpenJoin, nil
	case history.HistoryVisibility == event.HistoryVisibilityWorldReadable:
		return words.OpenHistory, nil
	}
	return "", nil
}

// powerLevels reads a room's power levels from the homeserver.
func (b *Bot) powerLevels(ctx context.Context, roomID id.RoomID) (*event.PowerLevelsEventContent, error) {
	levels := &event.PowerLevelsEventContent{}
	if err := b.state(ctx, roomID, event.StatePowerLevels, "", levels); err != nil {
		return nil, err
	}
	// Since room version 12 the creators stand above all levels.
	err := b.gate.pass(ctx, func() (err error) {
		ctx, cancel := b.request(ctx)
		defer cancel()
		levels.CreateEvent, err = b.client.FullStateEvent(ctx, roomID, event.StateCreate, "")
		return translated(err)
	})
	if err != nil {
		return nil, fmt.Errorf("failed to read who made the room: %w", err)
	}
	return levels, nil
}

// isDirect reports whether the bot is alone with one person in a room.
func (b *Bot) isDirect(ctx context.Context, roomID id.RoomID, user id.UserID) (bool, error) {
	members, err := b.client.StateStore.GetRoomJoinedOrInvitedMembers(ctx, roomID)
	if err != nil {
		return false, fmt.Errorf("failed to read members: %w", err)
	}
	for _, member := range members {
		if member != b.cfg.UserID && member != user {
			return false, nil
		}
	}
	return len(members) == 2, nil
}

// directChat returns the bot's direct chat with a person, making it if there is none.
func (b *Bot) directChat(ctx context.Context, user id.UserID) (id.RoomID, error) {
	b.makingChat.Lock()
	defer b.makingChat.Unlock()
	known, err := b.db.DirectChat.Get(ctx, user)
	if err != nil {
		return "", err
	}
	if known != "" {
		if direct, err := b.isDirect(ctx, known, user); err != nil || direct {
			return known, err
		}
	}
	request := &mautrix.ReqCreateRoom{
		Preset: "trusted_private_chat", IsDirect: true, Invite: []id.UserID{user},
		InitialState: []*event.Event{{
			Type:    event.StateEncryption,
			Content: event.Content{Parsed: &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}},
		}},
	}
	var room id.RoomID
	remembering := context.WithoutCancel(ctx) // a room that is forgotten when the bot is stopped would be made again
	err = b.gate.pass(ctx, func() error {
		ctx, cancel := b.request(remembering)
		defer cancel()
		resp, err := b.client.CreateRoom(ctx, request)
		if err == nil {
			room = resp.RoomID
		}
		return translated(err)
	})
	if err != nil {
		return "", fmt.Errorf("failed to make a direct chat: %w", err)
	}
	// /sync tells only later that it is encrypted, and for whom.
	b.rooms.setEncrypted(room)
	b.rooms.setChecked(room)
	return room, b.db.DirectChat.Put(remembering, user, room)
}

// isOwnChat reports whether the bot made a room to speak to one person, also if it is just being made.
func (b *Bot) isOwnChat(ctx context.Context, roomID id.RoomID) (bool, error) {
	b.makingChat.Lock()
	defer b.makingChat.Unlock()
	return b.db.DirectChat.Has(ctx, roomID)
}
