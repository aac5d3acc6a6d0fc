package bot

import (
	"context"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// SharedRoomName implements relay.Matrix. An alias is only looked up if it is of the bot's own homeserver: people could
// make that ask any server otherwise.
func (b *Bot) SharedRoomName(ctx context.Context, room string, user id.UserID) string {
	roomID := id.RoomID(room)
	if strings.HasPrefix(room, "#") {
		if roomID = b.roomOfAlias(ctx, id.RoomAlias(room)); roomID == "" {
			return ""
		}
	}
	if !b.hasJoined(ctx, roomID, b.UserID()) || !b.hasJoined(ctx, roomID, user) {
		return ""
	}
	if name := b.RoomName(ctx, roomID); name != "" {
		return name
	}
	var alias event.CanonicalAliasEventContent
	if err := b.state(ctx, roomID, event.StateCanonicalAlias, "", &alias); err != nil {
		b.log.Warn().Err(err).Stringer("room_id", roomID).Msg("Failed to read a room's alias")
	}
	return alias.Alias.String()
}

// roomOfAlias returns the room that an alias of the bot's homeserver means, "" if there is none.
func (b *Bot) roomOfAlias(ctx context.Context, alias id.RoomAlias) (room id.RoomID) {
	if _, server, _ := strings.Cut(alias.String(), ":"); server != b.UserID().Homeserver() {
		return ""
	}
	err := b.ask(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		found, err := b.client.ResolveAlias(ctx, alias)
		if err == nil {
			room = found.RoomID
		}
		return translated(err)
	})
	if err != nil {
		b.log.Debug().Err(err).Stringer("alias", alias).Msg("Failed to look up an alias")
	}
	return room
}

// hasJoined reports whether somebody has joined a room, as far as that is known here. It makes no request.
func (b *Bot) hasJoined(ctx context.Context, room id.RoomID, user id.UserID) bool {
	return b.client.StateStore.IsMembership(ctx, room, user, event.MembershipJoin)
}
