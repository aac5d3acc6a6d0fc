package app

import (
	"context"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/wazoapi"
)

// checkAdminRoom looks whether the bot can tell administrators of problems in ADMIN_ROOM, and who can read that. It
// says nothing there.
func (c *checker) checkAdminRoom(ctx context.Context, cfg *config, matrix *bot.Bot) {
	if cfg.AdminRoom == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	report, err := matrix.InspectRoom(ctx, id.RoomID(cfg.AdminRoom))
	detail := string(cfg.AdminRoom)
	switch {
	case err != nil:
		err = matrixHint(err)
	case !report.Joined:
		err = hint(errors.New("the bot has not joined this room, so it cannot tell administrators of problems there"),
			"start the relay and invite the bot to the room; it accepts the invite of an administrator or of somebody in ALLOWED_USERS. Also check ADMIN_ROOM: it must be the ID of the room, not an alias")
	case !report.MaySpeak:
		err = hint(errors.New("the bot may not send messages in this room"), "raise the bot's power level in the room to that for sending messages")
	case report.Encrypted:
		detail += ", encrypted"
	default:
		detail += ", not encrypted: the homeserver can read what the bot says there"
	}
	if report.Open != "" {
		detail += "; strangers can read it: " + report.Open
	}
	c.result("ADMIN_ROOM", detail, err)
}

// checkSelfProbe looks whether the relay can send itself something through Wazo. Nothing is wrong if it cannot: then it
// does not notice that events do not come while the connection for them is open.
func (c *checker) checkSelfProbe(ctx context.Context, cfg *config, account *wazoapi.Account) {
	if cfg.WazoEvents == eventsWebhook {
		return // it is noticed in another way that nothing comes
	} else if cfg.ProbeMinutes == 0 {
		fmt.Fprintln(c.w, "skipped: self-probe of Wazo (PROBE_MINUTES is 0, so the relay does not notice if the events of Wazo do not come)")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	token, err := account.Token(ctx)
	why := ""
	if err == nil {
		why, err = relay.WhyNotProbed(ctx, account, token.UserUUID)
	}
	switch {
	case err != nil:
		c.result("self-probe of Wazo", "", wazoHint(err))
	case why != "":
		fmt.Fprintf(c.w, "skipped: self-probe of Wazo (%s, so the relay does not notice if the events of Wazo do not come; see Self-probe in docs/administration.md)\n", why)
	default:
		c.result("self-probe of Wazo", "", nil)
	}
}
