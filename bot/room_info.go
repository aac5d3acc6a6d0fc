package bot

import (
	"context"
	"errors"
	"fmt"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
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
	err := b.call(ctx, func() error {
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
		return b.texts.OpenJoin(), nil
	case history.HistoryVisibility == event.HistoryVisibilityWorldReadable:
		return b.texts.OpenHistory(), nil
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
	err := b.call(ctx, func() (err error) {
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
