package bot

import (
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	relaycommand "wazo-matrix-relay/relay/command"
)

// loginCommand is the name of the command for logging in to Wazo, as in commandList.
const loginCommand = "login"

// cmdLogin answers in a direct chat, where nobody else sees the link or the password.
func (c *commands) cmdLogin(ce *commandEvent) (string, error) {
	if ce.RawArgs != "" { // its key came late, see passwords.take
		return c.texts.LoginAlone(), c.passwords.removeLater(ce.Ctx, &event.Event{ID: ce.ID, RoomID: ce.RoomID, Sender: ce.Sender})
	}
	return c.passwords.startLogin(ce.Ctx, ce.Sender, ce.RoomID)
}

func (c *commands) cmdLogout(ce *commandEvent) (string, error) {
	return c.relay.LogOut(ce.Ctx, ce.Sender)
}

func (c *commands) cmdWhoami(ce *commandEvent) (string, error) {
	who, err := c.relay.WhoAmI(ce.Ctx, ce.Sender)
	switch {
	case err != nil:
		return "", err
	case who.Login != nil:
		return c.texts.LoggedInAs(*who.Login), nil
	case who.MappedTo != nil:
		return c.texts.MappedTo(*who.MappedTo, who.MappedBy.String()), nil
	default:
		return c.texts.NotLoggedIn(), nil
	}
}

// cmdLogins answers in a direct chat: the list says more than this room should know.
func (c *commands) cmdLogins(ce *commandEvent) (string, error) {
	if !c.relay.Rights().IsAdmin(ce.Sender) {
		return c.texts.NoAdmin(), nil
	}
	logins, err := c.relay.Logins(ce.Ctx)
	if err != nil {
		return "", err
	}
	return c.inDirectChat(ce, c.texts.Logins(logins), c.texts.SentToDirectChat())
}

func (c *commands) cmdMap(ce *commandEvent) (string, error) {
	who, wazoUser, _ := strings.Cut(ce.RawArgs, " ")
	user, ok := matrixUser(who)
	if wazoUser = relaycommand.Unquote(wazoUser); !ok || wazoUser == "" {
		return c.texts.MapUsage(), nil
	}
	private, err := c.directChats.isDirect(ce.Ctx, ce.RoomID, ce.Sender)
	if err != nil {
		return "", err
	}
	as, err := c.relay.Map(ce.Ctx, ce.Sender, user, wazoUser, private)
	if err != nil {
		return "", err
	}
	return c.texts.Mapped(user.String(), as), nil
}

func (c *commands) cmdUnmap(ce *commandEvent) (string, error) {
	who := relaycommand.Unquote(ce.RawArgs)
	if who == "" {
		return c.texts.UnmapUsage(), nil
	}
	if user, ok := matrixUser(who); ok {
		who = user.String()
	}
	private, err := c.directChats.isDirect(ce.Ctx, ce.RoomID, ce.Sender)
	if err != nil {
		return "", err
	}
	user, was, err := c.relay.Unmap(ce.Ctx, ce.Sender, who, private)
	if err != nil {
		return "", err
	}
	return c.texts.Unmapped(user.String(), was), nil
}

// matrixUser reads the Matrix user that somebody typed: a user ID, or a link to one.
func matrixUser(text string) (id.UserID, bool) {
	text = relaycommand.Unquote(text)
	if uri, err := id.ParseMatrixURIOrMatrixToURL(text); err == nil && uri.UserID() != "" {
		text = uri.UserID().String()
	}
	_, _, err := id.UserID(text).ParseAndValidateRelaxed()
	return id.UserID(text), err == nil
}
