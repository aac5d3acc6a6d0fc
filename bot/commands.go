package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	mxcommands "maunium.net/go/mautrix/commands"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay"
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
	name, usage, help string
	run               func(c *commands, ce *commandEvent) (string, error) // returns what to answer, "" for nothing
}

func commandList() []command {
	return []command{
		{"help", "help", "shows this list", (*commands).cmdHelp},
		{"rooms", "rooms", "sends you the list of Wazo chats in our direct chat", (*commands).cmdRooms},
		{"link", "link <uuid | number | name>", "links this room with a Wazo chat", (*commands).cmdLink},
		{"create", `create <name>[, <name>…] [as "Title"]`, "creates a Wazo chat with these people, or finds it, and links this room with it", (*commands).cmdCreate},
		{"unlink", "unlink [room id]", "ends the link of this room, or of the room that an administrator of the relay names", (*commands).cmdUnlink},
		{"status", "status", "shows how this room is linked and which messages are waiting", (*commands).cmdStatus},
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
	c.processor.PreValidator = mxcommands.FuncPreValidator[*commands](c.takePrefix)
	for _, cmd := range c.list {
		c.processor.Register(&mxcommands.Handler[*commands]{Name: cmd.name, Func: func(ce *commandEvent) { c.run(ce, cmd.run) }})
	}
	c.processor.Register(&mxcommands.Handler[*commands]{
		Name: mxcommands.UnknownCommandName, Func: func(ce *commandEvent) { c.run(ce, (*commands).cmdUnknown) },
	})
	return c
}

// takePrefix takes the prefix off; the prefix alone asks for help. White space of any kind separates words.
func (c *commands) takePrefix(ce *commandEvent) bool {
	prefix, rest := firstWord(ce.RawInput)
	if !strings.EqualFold(prefix, c.cfg.CommandPrefix) {
		return false
	}
	name, args := firstWord(rest)
	ce.Command, ce.RawArgs, ce.Args = strings.ToLower(cmp.Or(name, "help")), args, strings.Fields(args)
	return true
}

// firstWord cuts a text after its first word.
func firstWord(text string) (word, rest string) {
	text = strings.TrimSpace(text)
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		return text, ""
	}
	return text[:end], strings.TrimSpace(text[end:])
}

// obey obeys what a person typed, if they may say anything and it is fresh.
func (c *commands) obey(ctx context.Context, evt *event.Event, age time.Duration) error {
	if !c.relay.Rights().IsAllowed(evt.Sender) && !c.mayUnlink(ctx, evt) {
		if !c.refusals.first(evt.Sender, time.Now()) {
			return nil
		}
		return c.relay.Say(ctx, evt.RoomID, c.texts.NotAllowed(), evt.ID)
	} else if age > commandAge {
		return c.relay.Say(ctx, evt.RoomID, c.texts.Away(), evt.ID)
	}
	evt.Type.Class = event.MessageEventType
	evt.Unsigned.Age = max(0, age).Milliseconds() // the homeserver may have told none
	if err := evt.Content.ParseRaw(evt.Type); err != nil {
		return fmt.Errorf("failed to parse a command: %w", err)
	}
	c.processor.Process(ctx, evt)
	return nil
}

// run runs a command and answers.
func (c *commands) run(ce *commandEvent, run func(*commands, *commandEvent) (string, error)) {
	answer, err := run(c, ce)
	var refused *relay.UserError
	switch {
	case errors.As(err, &refused):
		answer = refused.Words
	case err != nil:
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
