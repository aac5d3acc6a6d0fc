package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/agnivade/levenshtein"
	mxcommands "maunium.net/go/mautrix/commands"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// commandAge is how old a command may be to be obeyed: the person who waited longer has done something else meanwhile.
const commandAge = 2 * time.Minute

// powerToLink is the power level in a room that linking it takes.
const powerToLink = 50

type commandEvent = mxcommands.Event[*Bot]

// commands is what people can type.
type commands struct {
	processor *mxcommands.Processor[*Bot]
	list      []command
}

// command is one command.
type command struct {
	name, usage, help string
	run               func(b *Bot, ce *commandEvent) (string, error) // returns what to answer, "" for nothing
}

func commandList() []command {
	return []command{
		{"help", "help", "shows this list", (*Bot).cmdHelp},
		{"rooms", "rooms", "sends you the list of Wazo chats in our direct chat", (*Bot).cmdRooms},
		{"link", "link <uuid | number | name>", "links this room with a Wazo chat", (*Bot).cmdLink},
		{"create", `create <name>[, <name>…] [as "Title"]`, "creates a Wazo chat with these people, or finds it, and links this room with it", (*Bot).cmdCreate},
		{"unlink", "unlink", "ends the link of this room", (*Bot).cmdUnlink},
		{"status", "status", "shows how this room is linked and which messages are waiting", (*Bot).cmdStatus},
		{"retry", "retry", "tries again to deliver messages that are waiting or parked (could not be delivered)", (*Bot).cmdRetry},
		{"drop", "drop", "drops messages that are parked or wait for a key", (*Bot).cmdDrop},
		{"ping", "ping", "checks that the bot responds", (*Bot).cmdPing},
		{"version", "version", "shows the version of the relay", (*Bot).cmdVersion},
	}
}

func newCommands(b *Bot) *commands {
	c := &commands{processor: mxcommands.NewProcessor[*Bot](b.client), list: commandList()}
	// NewProcessor registers a handler for unknown commands that does not know our prefix.
	c.processor.CommandContainer = mxcommands.NewCommandContainer[*Bot]()
	c.processor.Meta = b
	c.processor.PreValidator = mxcommands.FuncPreValidator[*Bot](b.takePrefix)
	for _, cmd := range c.list {
		c.processor.Register(&mxcommands.Handler[*Bot]{Name: cmd.name, Func: func(ce *commandEvent) { b.runCommand(ce, cmd.run) }})
	}
	c.processor.Register(&mxcommands.Handler[*Bot]{
		Name: mxcommands.UnknownCommandName, Func: func(ce *commandEvent) { b.runCommand(ce, (*Bot).cmdUnknown) },
	})
	return c
}

// takePrefix takes the prefix off; the prefix alone asks for help. White space of any kind separates words.
func (b *Bot) takePrefix(ce *commandEvent) bool {
	prefix, rest := firstWord(ce.RawInput)
	if !strings.EqualFold(prefix, b.cfg.CommandPrefix) {
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

// command obeys what a person typed, if they may say anything and it is fresh.
func (b *Bot) command(ctx context.Context, evt *event.Event, age time.Duration) error {
	if !b.relay.Rights().IsAllowed(evt.Sender) && !b.mayUnlink(ctx, evt) {
		if !b.refusals.first(evt.Sender, time.Now()) {
			return nil
		}
		return b.relay.Say(ctx, evt.RoomID, b.texts.NotAllowed(), evt.ID)
	} else if age > commandAge {
		return b.relay.Say(ctx, evt.RoomID, b.texts.Away(), evt.ID)
	}
	evt.Type.Class = event.MessageEventType
	if err := evt.Content.ParseRaw(evt.Type); err != nil {
		return fmt.Errorf("failed to parse a command: %w", err)
	}
	b.commands.processor.Process(ctx, evt)
	return nil
}

// refusals remembers who was told that they may not command the bot: once an hour is enough.
type refusals struct {
	mu   sync.Mutex
	told map[id.UserID]time.Time
}

const refusalTime = time.Hour

// first reports whether a person is to be told.
func (r *refusals) first(user id.UserID, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.told, func(_ id.UserID, when time.Time) bool { return now.Sub(when) >= refusalTime })
	if _, ok := r.told[user]; ok {
		return false
	}
	if r.told == nil {
		r.told = make(map[id.UserID]time.Time)
	}
	r.told[user] = now
	return true
}

// mayUnlink reports whether a command is an unlink by a moderator, who may always do that.
func (b *Bot) mayUnlink(ctx context.Context, evt *event.Event) bool {
	body, _ := evt.Content.Raw["body"].(string)
	fields := strings.Fields(body)
	if len(fields) != 2 || !strings.EqualFold(fields[1], "unlink") {
		return false
	}
	levels, err := b.powerLevels(ctx, evt.RoomID)
	return err == nil && levels.GetUserLevel(evt.Sender) >= powerToLink
}

// runCommand runs a command and answers.
func (b *Bot) runCommand(ce *commandEvent, run func(*Bot, *commandEvent) (string, error)) {
	answer, err := run(b, ce)
	var refused *relay.UserError
	switch {
	case errors.As(err, &refused):
		answer = refused.Words
	case err != nil:
		b.log.Err(err).Str("command", ce.Command).Stringer("room_id", ce.RoomID).Msg("Failed to run a command")
		answer = b.texts.CommandFailed(b.relay.WhyFailed(err))
	}
	if answer == "" {
		return
	}
	if err = b.relay.Say(ce.Ctx, ce.RoomID, answer, ce.ID); err != nil {
		b.log.Err(err).Stringer("room_id", ce.RoomID).Msg("Failed to answer a command")
	}
}

func (b *Bot) cmdHelp(*commandEvent) (string, error) {
	lines := make([]words.Command, len(b.commands.list))
	for i, cmd := range b.commands.list {
		lines[i] = words.Command{Usage: cmd.usage, Help: cmd.help}
	}
	return b.texts.Help(lines), nil
}

func (b *Bot) cmdUnknown(ce *commandEvent) (string, error) {
	nearest, best := "", 1+len(ce.Command)/2
	for _, cmd := range b.commands.list {
		if distance := levenshtein.ComputeDistance(ce.Command, cmd.name); distance < best {
			nearest, best = cmd.name, distance
		}
	}
	return b.texts.UnknownCommand(ce.Command, nearest), nil
}

func (b *Bot) cmdPing(ce *commandEvent) (string, error) {
	return b.texts.Pong(time.Duration(ce.Unsigned.Age) * time.Millisecond), nil
}

func (b *Bot) cmdVersion(*commandEvent) (string, error) {
	return "`" + b.cfg.Version + "`", nil
}

// cmdRooms answers in a direct chat: the list says more than this room should know.
func (b *Bot) cmdRooms(ce *commandEvent) (string, error) {
	if !b.relay.Rights().IsAdmin(ce.Sender) {
		return b.texts.NoAdmin(), nil
	}
	rooms, err := b.relay.Rooms(ce.Ctx, ce.Sender)
	if err != nil {
		return "", err
	}
	list := b.texts.Rooms(rooms)
	direct, err := b.isDirect(ce.Ctx, ce.RoomID, ce.Sender)
	if err != nil {
		return "", err
	} else if direct {
		return list, nil
	}
	return b.texts.SentToDirectChat(), b.relay.SayTo(ce.Ctx, ce.Sender, list)
}

// publicFlag is also what keyboards make of two hyphens.
var publicFlag = regexp.MustCompile(`(?:^|\s)(?:--|–|—)public(?:$|\s)`)

func (b *Bot) cmdLink(ce *commandEvent) (string, error) {
	what := strings.TrimSpace(publicFlag.ReplaceAllString(ce.RawArgs, " "))
	public := publicFlag.MatchString(ce.RawArgs)
	if what == "" && public {
		return b.acceptOpen(ce)
	} else if what == "" {
		return b.texts.LinkUsage(), nil
	}
	if err := b.mayLink(ce, public); err != nil {
		return "", err
	}
	room, err := b.relay.FindRoom(ce.Ctx, strings.Trim(what, "`\"“”"), ce.Sender)
	if err != nil {
		return "", err
	}
	return b.link(ce, room, public)
}

// acceptOpen confirms that strangers may read a linked room.
func (b *Bot) acceptOpen(ce *commandEvent) (string, error) {
	if !b.relay.Rights().IsAdmin(ce.Sender) {
		return b.texts.NoAdmin(), nil
	}
	linked, err := b.relay.AcceptOpen(ce.Ctx, ce.RoomID)
	if err != nil {
		return "", err
	} else if !linked {
		return b.texts.LinkUsage(), nil
	}
	return b.texts.OpenAccepted(), nil
}

// mayLink checks the rights on the Matrix side: of the person, of the bot, and of strangers.
func (b *Bot) mayLink(ce *commandEvent, public bool) error {
	if !b.relay.Rights().IsAdmin(ce.Sender) {
		return &relay.UserError{Words: b.texts.NoAdmin()}
	}
	levels, err := b.powerLevels(ce.Ctx, ce.RoomID)
	if err != nil {
		return err
	}
	if has := levels.GetUserLevel(ce.Sender); has < powerToLink {
		return &relay.UserError{Words: b.texts.PowerTooLow(powerToLink, has)}
	}
	speaking := levels.GetEventLevel(event.EventMessage)
	if encrypted, err := b.askEncrypted(ce.Ctx, ce.RoomID); err != nil {
		return err
	} else if encrypted {
		speaking = levels.GetEventLevel(event.EventEncrypted)
	}
	if levels.GetUserLevel(b.cfg.UserID) < speaking {
		return &relay.UserError{Words: b.texts.BotPowerTooLow()}
	}
	why, err := b.whyOpen(ce.Ctx, ce.RoomID)
	if err != nil {
		return err
	} else if why != "" && !public {
		return &relay.UserError{Words: b.texts.RoomIsOpen(why)}
	}
	return nil
}

func (b *Bot) link(ce *commandEvent, room wazoapi.Room, public bool) (string, error) {
	portal, err := b.relay.Link(ce.Ctx, relay.LinkRequest{Room: ce.RoomID, By: ce.Sender, Public: public}, room)
	if err != nil {
		return "", err
	}
	return b.texts.Linking(portal.Title), nil
}

// createArgs are the people and the title of a create command.
var createArgs = regexp.MustCompile(`(?s)^(.*?)(?:(?:^|\s+)as\s+["“”„«](.*)["“”»])?\s*$`)

func (b *Bot) cmdCreate(ce *commandEvent) (string, error) {
	public := publicFlag.MatchString(ce.RawArgs)
	match := createArgs.FindStringSubmatch(strings.TrimSpace(publicFlag.ReplaceAllString(ce.RawArgs, " ")))
	var names []string
	for name := range strings.SplitSeq(match[1], ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return b.texts.CreateUsage(), nil
	}
	if err := b.mayLink(ce, public); err != nil {
		return "", err
	}
	if portal, err := b.relay.Portal(ce.Ctx, ce.RoomID); err != nil {
		return "", err
	} else if portal != nil {
		return b.texts.AlreadyLinkedHere(portal.Title), nil
	}
	room, err := b.relay.CreateRoom(ce.Ctx, names, match[2])
	if err != nil {
		return "", err
	}
	return b.link(ce, room, public)
}

// mayModerate refuses who is neither an administrator of the relay nor a moderator of the room.
func (b *Bot) mayModerate(ce *commandEvent, room id.RoomID) error {
	if b.relay.Rights().IsAdmin(ce.Sender) {
		return nil
	}
	levels, err := b.powerLevels(ce.Ctx, room)
	if err != nil {
		return err
	} else if has := levels.GetUserLevel(ce.Sender); has < powerToLink {
		return &relay.UserError{Words: b.texts.PowerTooLow(powerToLink, has)}
	}
	return nil
}

// cmdUnlink ends the link of this room, or of the room that an administrator names.
func (b *Bot) cmdUnlink(ce *commandEvent) (string, error) {
	room := ce.RoomID
	if len(ce.Args) > 0 {
		room = id.RoomID(ce.Args[0])
	}
	if room != ce.RoomID && !b.relay.Rights().IsAdmin(ce.Sender) {
		return b.texts.NoAdmin(), nil
	} else if err := b.mayModerate(ce, room); err != nil {
		return "", err
	}
	if err := b.relay.Unlink(ce.Ctx, room); err != nil {
		return "", err
	} else if room != ce.RoomID {
		return b.texts.UnlinkedRoom(room.String()), nil
	}
	return "", nil // the room is told by the notice that ends the link
}

func (b *Bot) cmdRetry(ce *commandEvent) (string, error) {
	tried, err := b.relay.Retry(ce.Ctx, ce.RoomID)
	return b.texts.Retried(tried), err
}

// cmdDrop gives up other people's messages, which takes the right to moderate the room.
func (b *Bot) cmdDrop(ce *commandEvent) (string, error) {
	if err := b.mayModerate(ce, ce.RoomID); err != nil {
		return "", err
	}
	dropped, err := b.relay.Drop(ce.Ctx, ce.RoomID)
	return b.texts.Dropped(dropped), err
}

func (b *Bot) cmdStatus(ce *commandEvent) (string, error) {
	status, err := b.relay.Status(ce.Ctx, ce.RoomID)
	if err != nil {
		return "", err
	}
	status.Version = b.cfg.Version
	status.Uptime = time.Since(b.started).Round(time.Second).String()
	status.LastSync = time.Since(b.LastSync())
	status.EncryptedRoom, err = b.askEncrypted(ce.Ctx, ce.RoomID)
	status.CannotTellRoom = err != nil
	var shown device.Status
	err = b.call(ce.Ctx, func() (err error) {
		shown, err = b.device.Status(ce.Ctx)
		return translated(err)
	})
	if err != nil {
		b.log.Warn().Err(err).Msg("Failed to ask for the bot's device")
	}
	status.Device = shown.Words()
	return b.texts.Status(status), nil
}
