package bot

import (
	"context"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/login"
)

// initLogins connects package login with the account.
func (b *Bot) initLogins() {
	logins := login.New(b.relay, b.texts, b.log)
	if b.cfg.LoginPage != nil {
		b.loginPage = logins.Page(b.cfg.LoginPage)
	}
	b.dialogues = logins.Dialogues(b.db, loginChat{b})
	b.passwords = &passwords{Bot: b, answered: make(map[id.EventID]time.Time)}
}

// LoginPage returns the page on which people log in to Wazo, nil if there is none.
func (b *Bot) LoginPage() *login.Page { return b.loginPage }

// loginChat is the chat in which people are asked for their Wazo account.
type loginChat struct{ *Bot }

var _ login.Chat = loginChat{}

// Say implements login.Chat.
func (c loginChat) Say(ctx context.Context, room id.RoomID, markdown string, replyTo id.EventID) error {
	return c.relay.Say(ctx, room, markdown, replyTo)
}

// Go implements login.Chat.
func (c loginChat) Go(do func(ctx context.Context)) { c.tasks.Go(do) }

// IsCommand implements login.Chat.
func (c loginChat) IsCommand(evt *event.Event) bool {
	_, ok := c.relay.Command(evt)
	return ok
}

// startLogin has a person log in who typed the command in a room: by a link to the page, or else by a dialogue. It
// returns what to answer in that room, "" for nothing.
func (p *passwords) startLogin(ctx context.Context, user id.UserID, room id.RoomID) (string, error) {
	if err := p.relay.MayLogIn(ctx, user); err != nil {
		return "", err
	}
	here, err := p.mayAskIn(ctx, user, room)
	if err != nil {
		return "", err
	} else if here {
		return p.ask(ctx, user, room)
	}
	direct, membership, err := p.directChats.get(ctx, user, false)
	if err != nil {
		return "", err
	}
	said := p.texts.LoginHere() // they find it when they come in
	if membership == event.MembershipJoin {
		if said, err = p.ask(ctx, user, direct); err != nil {
			return "", err
		}
	}
	if said != "" {
		if err = p.relay.SayTo(ctx, user, said); err != nil {
			return "", err
		}
	}
	if direct == room {
		return "", nil
	}
	return p.texts.LoginInDirectChat(), nil
}

// mayAskIn reports whether a person can be asked in a room: nobody else may be there, and for a dialogue it must be a
// direct chat that the bot made.
func (p *passwords) mayAskIn(ctx context.Context, user id.UserID, room id.RoomID) (bool, error) {
	if p.loginPage == nil {
		if own, err := p.directChats.isOwn(ctx, room); err != nil || !own {
			return false, err
		}
	}
	return p.directChats.isDirect(ctx, room, user)
}

// ask begins a log-in in a room in which nobody else is. It returns what to say there, "" if that is said already.
func (p *passwords) ask(ctx context.Context, user id.UserID, room id.RoomID) (string, error) {
	if p.loginPage != nil {
		return p.texts.LoginLink(user.String(), p.loginPage.Link(user), login.Life), nil
	}
	if encrypted, err := p.encryptedRooms.wasEncrypted(ctx, room); err != nil {
		return "", err
	} else if !encrypted {
		return p.texts.LoginNotEncrypted(), nil
	}
	if portal, err := p.relay.Portal(ctx, room); err != nil {
		return "", err
	} else if portal != nil {
		return p.texts.LoginLinkedRoom(), nil
	}
	return "", p.dialogues.Begin(ctx, user, room)
}
