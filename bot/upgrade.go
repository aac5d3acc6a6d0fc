package bot

import (
	"context"
	"errors"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// upgraded follows a room with portal to the one that replaces it (client-server API, "Room upgrades"). Once the bot is
// in there, followUpgrade does the rest; until it is, who linked the room is told to invite it.
func (i *inbox) upgraded(ctx context.Context, evt *event.Event) error {
	replacement, _ := evt.Content.Raw["replacement_room"].(string)
	portal, err := i.relay.Portal(ctx, evt.RoomID)
	if err != nil || portal == nil || replacement == "" {
		return err
	}
	err = i.call(ctx, func() error {
		_, err := i.client.JoinRoom(ctx, replacement, &mautrix.ReqJoinRoom{Via: []string{evt.Sender.Homeserver()}})
		return translated(err)
	})
	var failure *relay.MatrixError
	if errors.As(err, &failure) && !mayPass(err) {
		return i.relay.SayToOwners(ctx, portal, i.texts.CannotFollow(evt.RoomID.String(), replacement, portal.Title))
	} else if err != nil {
		return err
	}
	return i.followUpgrade(ctx, id.RoomID(replacement))
}

// followUpgrade moves the portal of the room that a room replaces, if each names the other: a stranger's room could
// name any.
func (i *inbox) followUpgrade(ctx context.Context, roomID id.RoomID) error {
	var create event.CreateEventContent
	if err := i.state(ctx, roomID, event.StateCreate, "", &create); err != nil || create.Predecessor == nil {
		return err
	}
	old := create.Predecessor.RoomID
	if portal, err := i.relay.Portal(ctx, old); err != nil || portal == nil {
		return err
	}
	var tombstone event.TombstoneEventContent
	if err := i.state(ctx, old, event.StateTombstone, "", &tombstone); err != nil {
		return err
	} else if tombstone.ReplacementRoom != roomID {
		i.log.Warn().Stringer("room_id", roomID).Stringer("old_room_id", old).Msg("A room claims to replace one that does not know of it")
		return nil
	}
	why, err := i.info.whyOpen(ctx, roomID)
	if err != nil {
		return err
	}
	return i.relay.Move(ctx, old, roomID, why)
}
