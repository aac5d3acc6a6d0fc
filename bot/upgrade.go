package bot

import (
	"context"
	"errors"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// upgraded follows a room with portal to the one that replaces it (client-server API, "Room upgrades"). Once the bot is in
// there, followUpgrade does the rest; until it is, who linked the room is told to invite it.
func (b *Bot) upgraded(ctx context.Context, evt *event.Event) error {
	replacement, _ := evt.Content.Raw["replacement_room"].(string)
	portal, err := b.relay.Portal(ctx, evt.RoomID)
	if err != nil || portal == nil || replacement == "" {
		return err
	}
	err = b.call(ctx, func() error {
		_, err := b.client.JoinRoom(ctx, replacement, &mautrix.ReqJoinRoom{Via: []string{evt.Sender.Homeserver()}})
		return translated(err)
	})
	var failure *relay.MatrixError
	if errors.As(err, &failure) && !mayPass(err) {
		return b.relay.SayTo(ctx, portal.LinkedBy, b.texts.CannotFollow(evt.RoomID.String(), replacement, portal.Title))
	} else if err != nil {
		return err
	}
	return b.followUpgrade(ctx, id.RoomID(replacement))
}

// followUpgrade moves the portal of the room that a room replaces, if each names the other: a stranger's room could name any.
func (b *Bot) followUpgrade(ctx context.Context, roomID id.RoomID) error {
	var create event.CreateEventContent
	if err := b.state(ctx, roomID, event.StateCreate, "", &create); err != nil || create.Predecessor == nil {
		return err
	}
	old := create.Predecessor.RoomID
	if portal, err := b.relay.Portal(ctx, old); err != nil || portal == nil {
		return err
	}
	var tombstone event.TombstoneEventContent
	if err := b.state(ctx, old, event.StateTombstone, "", &tombstone); err != nil {
		return err
	} else if tombstone.ReplacementRoom != roomID {
		b.log.Warn().Stringer("room_id", roomID).Stringer("old_room_id", old).Msg("A room claims to replace one that does not know of it")
		return nil
	}
	why, err := b.whyOpen(ctx, roomID)
	if err != nil {
		return err
	}
	return b.relay.Move(ctx, old, roomID, why)
}
