package bot

import (
	"context"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
	relaycommand "wazo-matrix-relay/relay/command"
	"wazo-matrix-relay/wazoapi"
)

// powerToLink is the power level in a room that linking it takes.
const powerToLink = 50

// mayUnlink reports whether a command is an unlink by a moderator of the room, who may always do that.
func (c *commands) mayUnlink(ctx context.Context, evt *event.Event) bool {
	typed, ok := c.relay.Command(evt)
	if !ok || typed.Name != "unlink" || typed.Args != "" {
		return false
	}
	levels, err := c.info.powerLevels(ctx, evt.RoomID)
	return err == nil && levels.GetUserLevel(evt.Sender) >= powerToLink
}

// publicFlag is the flag by which an administrator accepts that strangers can read a room.
const publicFlag = "public"

func (c *commands) cmdLink(ce *commandEvent) (string, error) {
	what, public := relaycommand.CutFlag(ce.RawArgs, publicFlag)
	if what == "" && public {
		return c.acceptOpen(ce)
	} else if what == "" {
		return c.linkUsage(ce)
	}
	if err := c.mayLink(ce, public); err != nil {
		return "", err
	}
	room, err := c.relay.RoomToLink(ce.Ctx, relaycommand.Unquote(what), ce.Sender)
	if err != nil {
		return "", err
	}
	return c.link(ce, room, public)
}

// linkUsage explains the command. Who is logged in gets the list of their own Wazo chats.
func (c *commands) linkUsage(ce *commandEvent) (string, error) {
	if !c.relay.IsLoggedIn(ce.Sender) {
		return c.texts.LinkUsage(), c.relay.MayLinkRooms(ce.Sender)
	}
	return c.cmdRooms(ce)
}

// acceptOpen confirms that strangers may read a linked room.
func (c *commands) acceptOpen(ce *commandEvent) (string, error) {
	if !c.relay.Rights().IsAdmin(ce.Sender) {
		return c.texts.NoAdmin(), nil
	}
	linked, err := c.relay.AcceptOpen(ce.Ctx, ce.RoomID)
	if err != nil {
		return "", err
	} else if !linked {
		return c.texts.LinkUsage(), nil
	}
	return c.texts.OpenAccepted(), nil
}

// mayLink checks the rights on the Matrix side: of the person, of the bot, and of strangers.
func (c *commands) mayLink(ce *commandEvent, public bool) error {
	if err := c.relay.MayLinkRooms(ce.Sender); err != nil {
		return err
	}
	levels, err := c.info.powerLevels(ce.Ctx, ce.RoomID)
	if err != nil {
		return err
	}
	if has := levels.GetUserLevel(ce.Sender); has < powerToLink {
		return &relay.UserError{Words: c.texts.PowerTooLow(powerToLink, has)}
	}
	if encrypted, err := c.encryptedRooms.wasEncrypted(ce.Ctx, ce.RoomID); err != nil {
		return err
	} else if !maySpeak(levels, c.userID, encrypted) {
		return &relay.UserError{Words: c.texts.BotPowerTooLow()}
	}
	why, err := c.info.whyOpen(ce.Ctx, ce.RoomID)
	if err != nil {
		return err
	} else if why != "" && !c.relay.Rights().IsAdmin(ce.Sender) {
		return &relay.UserError{Words: c.texts.RoomIsOpenToLink(why)}
	} else if why != "" && !public {
		return &relay.UserError{Words: c.texts.RoomIsOpen(why)}
	}
	return nil
}

// link links the room in which a command was typed with a Wazo chat.
func (c *commands) link(ce *commandEvent, room wazoapi.Room, public bool) (string, error) {
	c.dialogues.End(ce.Ctx, ce.RoomID) // no password may be said in a room that is relayed
	portal, err := c.relay.Link(ce.Ctx, relay.LinkRequest{Room: ce.RoomID, By: ce.Sender, Public: public}, room)
	if err != nil {
		return "", err
	}
	return c.texts.Linking(portal.Title), nil
}

func (c *commands) cmdCreate(ce *commandEvent) (string, error) {
	args, public := relaycommand.CutFlag(ce.RawArgs, publicFlag)
	people, title := relaycommand.CutTitle(args)
	names := relaycommand.List(people)
	if len(names) == 0 {
		return c.texts.CreateUsage(), nil
	} else if !c.relay.Rights().IsAdmin(ce.Sender) {
		return c.texts.NoAdmin(), nil // it is a chat of the relay's account
	}
	if err := c.mayLink(ce, public); err != nil {
		return "", err
	}
	if portal, err := c.relay.Portal(ce.Ctx, ce.RoomID); err != nil {
		return "", err
	} else if portal != nil {
		return c.texts.AlreadyLinkedHere(portal.Title), nil
	}
	private, err := c.directChats.isDirect(ce.Ctx, ce.RoomID, ce.Sender)
	if err != nil {
		return "", err
	}
	room, err := c.relay.CreateRoom(ce.Ctx, names, title, private)
	if err != nil {
		return "", err
	}
	return c.link(ce, room, public)
}

// mayModerate refuses who is neither an administrator of the relay nor a moderator of the room.
func (c *commands) mayModerate(ce *commandEvent, room id.RoomID) error {
	if c.relay.Rights().IsAdmin(ce.Sender) {
		return nil
	}
	levels, err := c.info.powerLevels(ce.Ctx, room)
	if err != nil {
		return err
	} else if has := levels.GetUserLevel(ce.Sender); has < powerToLink {
		return &relay.UserError{Words: c.texts.PowerTooLow(powerToLink, has)}
	}
	return nil
}

// cmdUnlink ends the link of this room, or of the room that an administrator names.
func (c *commands) cmdUnlink(ce *commandEvent) (string, error) {
	room := ce.RoomID
	if len(ce.Args) > 0 {
		room = id.RoomID(relaycommand.Unquote(ce.Args[0]))
	}
	if room != ce.RoomID && !c.relay.Rights().IsAdmin(ce.Sender) {
		return c.texts.NoAdmin(), nil
	}
	if portal, err := c.relay.Portal(ce.Ctx, room); err != nil {
		return "", err
	} else if portal != nil && portal.IsOpened() && !c.relay.Rights().IsAdmin(ce.Sender) {
		return c.texts.CannotUnlinkOpened(), nil
	} else if err := c.mayModerate(ce, room); err != nil {
		return "", err
	}
	if err := c.relay.Unlink(ce.Ctx, room); err != nil {
		return "", err
	} else if room != ce.RoomID {
		return c.texts.UnlinkedRoom(room.String()), nil
	}
	return "", nil // the room is told by the notice that ends the link
}
