package bot

import (
	"strings"

	relaycommand "wazo-matrix-relay/relay/command"
)

func (c *commands) cmdMute(ce *commandEvent) (string, error) {
	return c.relay.Mute(ce.Ctx, ce.RoomID, ce.Sender, relaycommand.Unquote(ce.RawArgs))
}

func (c *commands) cmdUnmute(ce *commandEvent) (string, error) {
	return c.relay.Unmute(ce.Ctx, ce.RoomID, ce.Sender, relaycommand.Unquote(ce.RawArgs))
}

func (c *commands) cmdAuto(ce *commandEvent) (string, error) {
	return c.relay.SetAuto(ce.Ctx, ce.Sender, strings.ToLower(relaycommand.Unquote(ce.RawArgs)))
}
