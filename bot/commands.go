package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	mxcommands "maunium.net/go/mautrix/commands"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay"
	relaycommand "wazo-matrix-relay/relay/command"
	"wazo-matrix-relay/relay/words"
)

// commandAge is how old a command may be to be obeyed: the person who waited longer has done something else meanwhile.
const commandAge = 2 * time.Minute

type commandEvent = mxcommands.Event[*commands]

// commands obeys what people type to the bot.
type commands struct {
	*Bot
	processor *mxcommands.Processor[*commands]
	list      []command
	refusals  refusals
}

// command is one command.
type command struct {
	name        string
	usage, help words.Phrase                                        // in the catalogue of messages
	run         func(c *commands, ce *commandEvent) (string, error) // returns what to answer, "" for nothing
}

func commandList() []command {
	return []command{
		{"help", "help", "shows this list", (*commands).cmdHelp},
		{"rooms", "rooms", "sends you the list of your Wazo chats in our direct chat", (*commands).cmdRooms},
		{"link", "link <uuid | number | name>", "links this room with a Wazo chat", (*commands).cmdLink},
		{"create", `create <name>[, <name>…] [as "Title"]`, "creates a Wazo chat with these people, or finds it, and links this room with it", (*commands).cmdCreate},
		{"unlink", "unlink [room id]", "ends the link of this room, or of the room that an administrator of the relay names", (*commands).cmdUnlink},
		{"start", `start <name>[, <name>…] [as "Title"]`, "starts a conversation with people on Wazo, and opens a room for it", (*commands).cmdStart},
		{"search", "search <name>", "looks people up on Wazo, with their extension and presence", (*commands).cmdSearch},
		{"who", "who", "shows the members of the Wazo chat with which this room is linked", (*commands).cmdWho},
		{"presence", "presence [state] [text]", "shows or sets how you are shown on Wazo", (*commands).cmdPresence},
		{"login", "login", "logs you in to Wazo with your own account, in our direct chat", (*commands).cmdLogin},
		{"logout", "logout", "ends your log-in to Wazo", (*commands).cmdLogout},
		{"whoami", "whoami", "shows as whom you are known on Wazo", (*commands).cmdWhoami},
		{"logins", "logins", "sends administrators of the relay the list of the people who are logged in to Wazo", (*commands).cmdLogins},
		{"map", "map <Matrix user> <Wazo user>", "lets an administrator of the relay say that both are the same person, without a log-in", (*commands).cmdMap},
		{"unmap", "unmap <Matrix user or Wazo user>", "ends such a mapping", (*commands).cmdUnmap},
		{"mute", "mute [Wazo chat]", "stops me from inviting you again to the Wazo chat of this room, or to one that you name", (*commands).cmdMute},
		{"unmute", "unmute [Wazo chat]", "lets me invite you again", (*commands).cmdUnmute},
		{"auto", "auto [on | off | direct]", "shows or sets which of your Wazo chats open by themselves: all, none, or those with one other person", (*commands).cmdAuto},
		{"sms", "sms <number> [text]", "starts a conversation by text messages with a telephone number", (*commands).cmdSMS},
		{"number", "number [number]", "shows or sets from which of your numbers you write text messages in this room", (*commands).cmdNumber},
		{"status", "status [all]", "shows how this room is linked and which messages are waiting; `all` sends administrators of the relay the list of the rooms with problems", (*commands).cmdStatus},
		{"retry", "retry", "tries again to deliver messages that are waiting or parked (could not be delivered)", (*commands).cmdRetry},
		{"drop", "drop", "drops messages that are parked or wait for a key", (*commands).cmdDrop},
		{"ping", "ping", "checks that the bot responds", (*commands).cmdPing},
		{"version", "version", "shows the version of the relay", (*commands).cmdVersion},
	}
}

func newCommands(b *Bot) *commands {
	c := &commands{Bot: b, processor: mxcommands.NewProcessor[*commands](b.client), list: commandList()}
	// NewProcessor registers a handler for unknown commands that does not know our prefix.
	c.processor.CommandContainer = mxcommands.NewCommandContainer[*commands]()
	c.processor.Meta = c
	c.processor.PreValidator = mxcommands.FuncPreValidator[*commands](c.read)
	for _, cmd := range c.list {
		c.processor.Register(&mxcommands.Handler[*commands]{Name: cmd.name, Func: func(ce *commandEvent) { c.run(ce, cmd.run) }})
	}
	c.processor.Register(&mxcommands.Handler[*commands]{
		Name: mxcommands.UnknownCommandName, Func: func(ce *commandEvent) { c.run(ce, (*commands).cmdUnknown) },
	})
	return c
}

// read gives a command event what was typed.
func (c *commands) read(ce *commandEvent) bool {
	typed, ok := c.relay.Command(ce.Event)
	ce.Command, ce.RawArgs, ce.Args = typed.Name, typed.Args, typed.Words()
	return ok
}

// obey obeys what a person typed, if they may say anything and it is fresh. An edit is a command, too, if it follows
// soon.
func (c *commands) obey(ctx context.Context, evt *event.Event, age time.Duration) error {
	editedAfter, err := c.relay.EditedAfter(ctx, evt)
	if err != nil {
		return fmt.Errorf("failed to look up an edited command: %w", err)
	}
	// Clients show a reply to an edit only if it names the original.
	evt.ID = cmp.Or(relaycommand.Replaces(evt.Content.Raw), evt.ID)
	if !c.relay.Rights().IsAllowed(evt.Sender) && !c.mayUnlink(ctx, evt) {
		if !c.refusals.first(evt.Sender, time.Now()) {
			return nil
		}
		return c.relay.Say(ctx, evt.RoomID, c.texts.NotAllowed(), evt.ID)
	} else if age > commandAge {
		return c.relay.Say(ctx, evt.RoomID, c.texts.Away(), evt.ID)
	} else if editedAfter > commandAge {
		return c.relay.Say(ctx, evt.RoomID, c.texts.EditTooLate(), evt.ID)
	}
	evt.Type.Class = event.MessageEventType
	evt.Unsigned.Age = max(0, age).Milliseconds() // the homeserver may have told none
	// The processor knows fewer forms of commands than read does, so it is shown a simple one.
	evt.Content.Parsed = &event.MessageEventContent{MsgType: event.MsgText, Body: c.cfg.CommandPrefix}
	c.processor.Process(ctx, evt)
	return nil
}

// run runs a command and answers.
func (c *commands) run(ce *commandEvent, run func(*commands, *commandEvent) (string, error)) {
	answer, err := run(c, ce)
	var refused *relay.UserError
	if errors.As(err, &refused) {
		answer, err = refused.Words, nil
		if refused.Private {
			answer, err = c.inDirectChat(ce, refused.Words, c.texts.AnsweredInDirectChat())
		}
	}
	if err != nil {
		c.log.Err(err).Str("command", ce.Command).Stringer("room_id", ce.RoomID).Msg("Failed to run a command")
		answer = c.texts.CommandFailed(c.relay.WhyFailed(err))
	}
	if answer == "" {
		return
	}
	if err = c.relay.Say(ce.Ctx, ce.RoomID, answer, ce.ID); err != nil {
		c.log.Err(err).Stringer("room_id", ce.RoomID).Msg("Failed to answer a command")
	}
}
