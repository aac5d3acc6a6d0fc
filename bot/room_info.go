package bot

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

// roomInfo asks the homeserver who may do what in a room, and who can read it.
type roomInfo struct {
	*homeserver
	texts words.Texts
}

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

// whyOpen says in words why strangers can read a room, "" if they can't. Guest access does not matter by itself: guests come
// in only where the join rule lets them (client-server API, "Guest access").
func (r *roomInfo) whyOpen(ctx context.Context, roomID id.RoomID) (string, error) {
	var join event.JoinRulesEventContent
	var history event.HistoryVisibilityEventContent
	if err := r.state(ctx, roomID, event.StateJoinRules, "", &join); err != nil {
		return "", err
	} else if err = r.state(ctx, roomID, event.StateHistoryVisibility, "", &history); err != nil {
		return "", err
	}
	switch {
	case join.JoinRule == event.JoinRulePublic:
		return r.texts.OpenJoin(), nil
	case history.HistoryVisibility == event.HistoryVisibilityWorldReadable:
		return r.texts.OpenHistory(), nil
	}
	return "", nil
}

// powerLevels reads a room's power levels from the homeserver.
func (r *roomInfo) powerLevels(ctx context.Context, roomID id.RoomID) (*event.PowerLevelsEventContent, error) {
	levels := &event.PowerLevelsEventContent{}
	if err := r.state(ctx, roomID, event.StatePowerLevels, "", levels); err != nil {
		return nil, err
	}
	// Since room version 12 the creators stand above all levels.
	err := r.call(ctx, func() (err error) {
		ctx, cancel := r.request(ctx)
		defer cancel()
		levels.CreateEvent, err = r.client.FullStateEvent(ctx, roomID, event.StateCreate, "")
		return translated(err)
	})
	if err != nil {
		return nil, fmt.Errorf("failed to read who made the room: %w", err)
	}
	return levels, nil
}
