package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agnivade/levenshtein"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/login"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

// initLogins connects package login with the account.
func (b *Bot) initLogins() {
	logins := login.New(b.relay, b.texts, b.log)
	if b.cfg.LoginPage != nil {
		b.loginPage = logins.Page(b.cfg.LoginPage, b.cfg.CommandPrefix+" logout")
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

// passwords keeps messages that may contain a password from the core and the database, and removes them from their rooms.
type passwords struct {
	*Bot

	mu       sync.Mutex
	answered map[id.EventID]time.Time // the same event may be received again, if it could not be accepted
}

// takeOut takes what may contain a password out of the events of a room. It returns what the bot has to remove.
func (p *passwords) takeOut(ctx context.Context, room *relay.RoomSync) (removals []relay.InboxItem) {
	room.Events = slices.DeleteFunc(room.Events, func(evt relay.Event) bool {
		if evt.ParseError != nil || !p.take(ctx, evt.Event) {
			return false
		}
		removals = append(removals, relay.InboxItem{Kind: db.InboxRemove, Event: removalOf(evt.Event)})
		return true
	})
	return removals
}

// takeOutOfPage is takeOut for a page of a room's history.
func (p *passwords) takeOutOfPage(ctx context.Context, room id.RoomID, events []relay.Event) ([]relay.Event, error) {
	sync := relay.RoomSync{Room: room, Events: events}
	for _, removal := range p.takeOut(ctx, &sync) {
		if err := p.store(ctx, removal.Event); err != nil {
			return nil, err
		}
	}
	return sync.Events, nil
}

// take takes an event if it may contain a password. It reports whether it did. Then the event is to be removed.
func (p *passwords) take(ctx context.Context, evt *event.Event) bool {
	allowed := p.relay.Rights().IsAllowed(evt.Sender) && !p.relay.Rights().IsIgnored(evt.Sender)
	switch {
	case evt.Sender == p.userID:
		return false
	case allowed && p.dialogues.Take(ctx, evt):
		return true
	case !p.isLoginWithPassword(evt):
		return false
	}
	if allowed {
		p.answer(ctx, evt)
	}
	return true
}

// answer answers, once, a login command with something behind it.
func (p *passwords) answer(ctx context.Context, evt *event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.answered, func(_ id.EventID, at time.Time) bool { return time.Since(at) > time.Hour })
	if _, ok := p.answered[evt.ID]; ok {
		return
	} else if err := p.relay.Say(ctx, evt.RoomID, p.texts.LoginAlone(), ""); err != nil {
		p.log.Err(err).Msg("Failed to answer a command")
		return
	}
	p.answered[evt.ID] = time.Now()
}

// isLoginWithPassword reports whether an event is a login command with something behind it, or was meant to be one.
func (p *passwords) isLoginWithPassword(evt *event.Event) bool {
	typed, ok := p.relay.Command(evt)
	if !ok || typed.Args == "" {
		return false
	}
	name := strings.TrimRight(typed.Name, ":：,;.")
	if slices.ContainsFunc(commandList(), func(c command) bool { return c.name == name }) {
		return name == loginCommand
	}
	spaced := name == "log" && strings.HasPrefix(strings.ToLower(typed.Args), "in ")
	return spaced || levenshtein.ComputeDistance(name, loginCommand) <= 1
}

// removalOf is what the inbox keeps of an event that is to be removed: nothing of what it says.
func removalOf(evt *event.Event) *event.Event {
	return &event.Event{ID: syntheticID("remove", evt.RoomID, evt.ID.String()), RoomID: evt.RoomID, Sender: evt.Sender, Type: event.EventRedaction, Redacts: evt.ID}
}

// removeLater has an event removed that did not come with an answer of /sync.
func (p *passwords) removeLater(ctx context.Context, evt *event.Event) error {
	return p.store(ctx, removalOf(evt))
}

func (p *passwords) store(ctx context.Context, removal *event.Event) error {
	payload, err := json.Marshal(removal)
	if err != nil {
		return fmt.Errorf("failed to store a removal: %w", err)
	}
	err = p.db.Inbox.Insert(ctx, &db.InboxRow{Kind: db.InboxRemove, Room: removal.RoomID, EventID: removal.ID, Payload: string(payload), AcceptedAt: jsontime.UM(time.Now())})
	if err != nil {
		return fmt.Errorf("failed to store a removal: %w", err)
	}
	p.InboxFilled(removal.RoomID)
	return nil
}

// remove removes an event, or asks its sender to do so if the bot may not.
func (p *passwords) remove(ctx context.Context, removal *event.Event) error {
	err := p.redact(ctx, removal.RoomID, removal.Redacts, p.texts.RemovalReason())
	var failure *relay.MatrixError
	if errors.As(err, &failure) && failure.Status == http.StatusForbidden {
		return p.relay.Say(ctx, removal.RoomID, p.texts.CannotRemove(), removal.Redacts)
	}
	return err
}

// startLogin has a person log in who typed the command in a room: by a link to the page, or else by a dialogue. It returns what
// to answer in that room, "" for nothing.
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

// mayAskIn reports whether a person can be asked in a room: nobody else may be there, and for a dialogue it must be a direct
// chat that the bot made.
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
