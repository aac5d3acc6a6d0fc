package bot

import (
	"strings"
	"time"

	"github.com/agnivade/levenshtein"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/relay/words"
)

func (c *commands) cmdHelp(*commandEvent) (string, error) {
	lines := make([]words.Command, len(c.list))
	for i, cmd := range c.list {
		lines[i] = words.Command{Usage: cmd.usage, Help: cmd.help}
	}
	return c.texts.Help(lines), nil
}

func (c *commands) cmdUnknown(ce *commandEvent) (string, error) {
	nearest, best := "", 1+len(ce.Command)/2
	for _, cmd := range c.list {
		if distance := levenshtein.ComputeDistance(ce.Command, cmd.name); distance < best {
			nearest, best = cmd.name, distance
		}
	}
	return c.texts.UnknownCommand(ce.Command, nearest), nil
}

func (c *commands) cmdPing(ce *commandEvent) (string, error) {
	return c.texts.Pong(time.Duration(ce.Unsigned.Age) * time.Millisecond), nil
}

func (c *commands) cmdVersion(*commandEvent) (string, error) {
	return "`" + c.cfg.Version + "`", nil
}

// cmdRooms answers in a direct chat: the list says more than this room should know.
func (c *commands) cmdRooms(ce *commandEvent) (string, error) {
	rooms, err := c.relay.ListRooms(ce.Ctx, ce.Sender)
	if err != nil {
		return "", err
	}
	return c.inDirectChat(ce, rooms, c.texts.SentToDirectChat())
}

// inDirectChat answers in the direct chat with the person who asked, unless nobody else is in the room. It returns what
// to say in the room, which is otherwise elsewhere.
func (c *commands) inDirectChat(ce *commandEvent, answer, elsewhere string) (string, error) {
	direct, err := c.directChats.isDirect(ce.Ctx, ce.RoomID, ce.Sender)
	if err != nil {
		return "", err
	} else if direct {
		return answer, nil
	}
	return elsewhere, c.relay.SayTo(ce.Ctx, ce.Sender, answer)
}

func (c *commands) cmdRetry(ce *commandEvent) (string, error) {
	tried, err := c.relay.Retry(ce.Ctx, ce.RoomID)
	return c.texts.Retried(tried), err
}

// cmdDrop gives up other people's messages, which takes the right to moderate the room.
func (c *commands) cmdDrop(ce *commandEvent) (string, error) {
	if err := c.mayModerate(ce, ce.RoomID); err != nil {
		return "", err
	}
	dropped, err := c.relay.Drop(ce.Ctx, ce.RoomID)
	return c.texts.Dropped(dropped), err
}

// everything is the argument of status that asks about all rooms.
const everything = "all"

func (c *commands) cmdStatus(ce *commandEvent) (string, error) {
	switch {
	case ce.RawArgs == "":
		return c.statusOfRoom(ce)
	case !strings.EqualFold(strings.TrimSpace(ce.RawArgs), everything):
		return c.texts.StatusUsage(), nil
	case !c.relay.Rights().IsAdmin(ce.Sender):
		return c.texts.NoAdmin(), nil
	}
	worst, all, err := c.relay.WorstPortals(ce.Ctx)
	if err != nil || c.relay.IsAdminRoom(ce.RoomID) {
		return c.texts.WorstPortals(worst, all), err
	}
	return c.inDirectChat(ce, c.texts.WorstPortals(worst, all), c.texts.SentToDirectChat())
}

func (c *commands) statusOfRoom(ce *commandEvent) (string, error) {
	status, err := c.relay.Status(ce.Ctx, ce.RoomID)
	if err != nil {
		return "", err
	}
	if c.relay.Rights().IsAdmin(ce.Sender) {
		logIn := c.device.LogInStatus()
		status.LogIn = &logIn
	}
	status.Version = c.cfg.Version
	status.Uptime = time.Since(c.started)
	status.Limited = c.sending.isSerial()
	status.EncryptedRoom, err = c.encryptedRooms.wasEncrypted(ce.Ctx, ce.RoomID)
	status.CannotTellRoom = err != nil
	var shown device.Status
	err = c.ask(ce.Ctx, func() (err error) {
		shown, err = c.device.Status(ce.Ctx)
		return translated(err)
	})
	if err != nil {
		c.log.Warn().Err(err).Msg("Failed to ask for the bot's device")
	}
	status.Device, status.KeyBackup = shown.Words(), c.device.Backup().Words()
	return c.texts.Status(status), nil
}
