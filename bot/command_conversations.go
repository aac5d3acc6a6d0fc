package bot

import (
	"context"
	"strings"

	"maunium.net/go/mautrix/id"

	relaycommand "wazo-matrix-relay/relay/command"
)

func (c *commands) cmdMute(ce *commandEvent) (string, error) { return c.mute(ce, c.relay.Mute) }

func (c *commands) cmdUnmute(ce *commandEvent) (string, error) { return c.mute(ce, c.relay.Unmute) }

// mute mutes or unmutes a conversation. It answers in a direct chat if it is not that of this room: which others a
// person has is not for everybody here.
func (c *commands) mute(ce *commandEvent, run func(ctx context.Context, room id.RoomID, by id.UserID, what string) (string, error)) (string, error) {
	what := relaycommand.Unquote(ce.RawArgs)
	answer, err := run(ce.Ctx, ce.RoomID, ce.Sender, what)
	if err != nil || what == "" {
		return answer, err
	}
	return c.inDirectChat(ce, answer, c.texts.AnsweredInDirectChat())
}

// cmdSMS answers in a direct chat: to whom a person writes is not for everybody in this room.
func (c *commands) cmdSMS(ce *commandEvent) (string, error) {
	number, text := relaycommand.CutNumber(ce.RawArgs)
	if number == "" {
		return c.texts.SMSUsage(), nil
	}
	isEdit := relaycommand.Replaces(ce.Content.Raw) != ""
	answer, err := c.relay.StartSMS(ce.Ctx, ce.Sender, number, text, isEdit)
	if err != nil {
		return "", err
	}
	return c.inDirectChat(ce, answer, c.texts.AnsweredInDirectChat())
}

// cmdNumber shows or sets the own number of a conversation by text messages.
func (c *commands) cmdNumber(ce *commandEvent) (string, error) {
	return c.relay.Number(ce.Ctx, ce.RoomID, ce.Sender, relaycommand.Unquote(ce.RawArgs))
}

func (c *commands) cmdAuto(ce *commandEvent) (string, error) {
	return c.relay.SetAuto(ce.Ctx, ce.Sender, strings.ToLower(relaycommand.Unquote(ce.RawArgs)))
}
