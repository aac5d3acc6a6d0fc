package bot

import (
	relaycommand "wazo-matrix-relay/relay/command"
)

// cmdSearch answers in a direct chat: what a person may see on Wazo is not for everybody in this room.
func (c *commands) cmdSearch(ce *commandEvent) (string, error) {
	name := relaycommand.Unquote(ce.RawArgs)
	if name == "" {
		return c.texts.SearchUsage(), nil
	}
	found, err := c.relay.Search(ce.Ctx, ce.Sender, name)
	if err != nil {
		return "", err
	}
	return c.inDirectChat(ce, found, c.texts.AnsweredInDirectChat())
}

// cmdWho answers in the room: everybody there talks with these people.
func (c *commands) cmdWho(ce *commandEvent) (string, error) {
	return c.relay.Who(ce.Ctx, ce.Sender, ce.RoomID)
}

// cmdPresence answers in a direct chat, except to what was said in this room.
func (c *commands) cmdPresence(ce *commandEvent) (string, error) {
	if ce.RawArgs != "" {
		return c.relay.SetPresence(ce.Ctx, ce.Sender, ce.RawArgs)
	}
	presence, err := c.relay.OwnPresence(ce.Ctx, ce.Sender)
	if err != nil {
		return "", err
	}
	return c.inDirectChat(ce, presence, c.texts.AnsweredInDirectChat())
}

// cmdStart answers in a direct chat: with whom a person speaks is not for everybody in this room.
func (c *commands) cmdStart(ce *commandEvent) (string, error) {
	names, title := relaycommand.CutTitle(ce.RawArgs)
	people := relaycommand.List(names)
	if len(people) == 0 {
		return c.texts.StartUsage(), nil
	}
	answer, err := c.relay.StartChat(ce.Ctx, ce.Sender, people, title)
	if err != nil {
		return "", err
	}
	return c.inDirectChat(ce, answer, c.texts.AnsweredInDirectChat())
}
