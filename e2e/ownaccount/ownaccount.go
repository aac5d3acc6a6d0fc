// Package ownaccount plays how a person with accounts on both sides uses the relay:
// Robin logs in on the page, gets a conversation on Wazo in a new Matrix room with
// its history, answers there and writes in an app of Wazo, starts a conversation by
// name, and logs out. Each step is checked on both servers. The demo shows it, and a
// whole-program test runs it.
package ownaccount

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// patience is how long each step may take.
const patience = time.Minute

// Show gets what happens, in order. It must not be nil.
type Show interface {
	// Note gets a sentence about what happens.
	Note(text string)
	// OnMatrix gets an event as Robin's client has it.
	OnMatrix(evt *event.Event)
	// OnWazo gets a message as Wazo stores it, with the name of its author.
	OnWazo(author string, message wazotest.Message)
}

// play is one performance.
type play struct {
	*stage.Stage
	show   Show
	own    wazotest.User // Robin's account on Wazo
	direct id.RoomID     // in which Robin types commands
}

// Play plays everything on a stage whose relay serves the page for logging in, see
// stage.WithPage. It returns an error if anything is not as it should be.
func Play(ctx context.Context, s *stage.Stage, show Show) error {
	p := &play{Stage: s, show: show, own: s.Hire("Robin", "Hood")}
	sherwood := s.Wazo.CreateRoom("Sherwood", p.own, s.Cast.Alice, s.Cast.Chloe) // without the relay's account
	show.Note("Robin Hood, Alice and Chloé have a chat on Wazo. The relay's account is not in it.")
	p.post(sherwood, s.Cast.Alice, "The meeting is at 14:30 now.")
	p.post(sherwood, s.Cast.Chloe, "That suits me.")
	for _, step := range []func(context.Context) error{
		p.logIn,
		func(ctx context.Context) error { return p.converse(ctx, sherwood) },
		p.start,
		p.logOut,
	} {
		limited, cancel := context.WithTimeout(ctx, patience)
		err := step(limited)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// post has somebody write in an app of Wazo.
func (p *play) post(chat wazotest.Room, author wazotest.User, text string) {
	p.show.OnWazo(author.Firstname+" "+author.Lastname, p.Wazo.Post(chat.UUID, author, text, ""))
}

// logIn has Robin ask for the page in a direct chat, and log in there.
func (p *play) logIn(ctx context.Context) (err error) {
	p.show.Note("Robin, who has a Wazo account too, writes to the bot, and logs in on the relay's page.")
	if p.direct, err = p.Robin.CreateRoom(ctx, harness.RoomOptions{Name: "Wazo", Invite: []id.UserID{p.BotID()}}); err != nil {
		return err
	} else if _, err = p.Robin.WaitEvent(ctx, p.direct, harness.Membership(p.BotID(), event.MembershipJoin)); err != nil {
		return fmt.Errorf("the bot did not join: %w", err)
	}
	if err = p.LogIn(ctx, p.Robin, p.direct, p.own); err != nil {
		return err
	}
	_, err = p.ask(ctx, "!wazo whoami", "Robin Hood")
	return err
}

// ask has Robin type a command, and shows the answer, which must contain a text.
func (p *play) ask(ctx context.Context, command, want string) (answer string, err error) {
	sent, err := p.Robin.Send(ctx, p.direct, command)
	if err != nil {
		return "", err
	}
	entry, err := p.Robin.WaitEvent(ctx, p.direct, harness.HasID(sent))
	if err != nil {
		return "", err
	}
	p.show.OnMatrix(entry.Event)
	reply, err := p.Robin.WaitEvent(ctx, p.direct, harness.All(harness.From(p.BotID()), func(evt *event.Event) bool {
		return evt.Type == event.EventMessage && evt.Content.AsMessage().RelatesTo.GetReplyTo() == sent
	}))
	if err != nil {
		return "", fmt.Errorf("no answer to %s: %w", command, err)
	}
	p.show.OnMatrix(reply.Event)
	if answer = reply.Content.AsMessage().Body; !strings.Contains(answer, want) {
		return "", fmt.Errorf("the answer to %s lacks %q: %s", command, want, answer)
	}
	return answer, nil
}

// question opens the conversation. On Matrix it mentions Robin.
const question = "@Robin Hood, do you bring the plans?"

// converse has a conversation come to Robin by itself.
func (p *play) converse(ctx context.Context, chat wazotest.Room) error {
	p.show.Note("A message on Wazo opens the conversation on Matrix, with what was said before. Robin accepts the invitation.")
	p.post(chat, p.Cast.Alice, question)
	room, err := p.enter(ctx)
	if err != nil {
		return err
	}
	past, err := p.waitBot(ctx, room, "The meeting is at 14:30 now.")
	if err != nil {
		return err
	} else if past.Content.AsMessage().MsgType != event.MsgNotice {
		return fmt.Errorf("the past notifies people: it is %s", past.Content.AsMessage().MsgType)
	}
	asked, err := p.waitBot(ctx, room, "do you bring the plans?")
	if err != nil {
		return err
	} else if mentions := asked.Content.AsMessage().Mentions; mentions == nil || !mentions.Has(p.Robin.UserID()) {
		return fmt.Errorf("Robin is not mentioned: %+v", mentions)
	} else if err = p.checkRoom(ctx, room, chat); err != nil {
		return err
	}
	p.show.Note("Robin answers, and is Robin Hood on Wazo.")
	if err = p.say(ctx, room, chat.UUID, "I bring them."); err != nil {
		return err
	}
	p.show.Note("On the way, Robin writes in an app of Wazo, and is Robin on Matrix.")
	p.post(chat, p.own, "I am at the gate.")
	entry, err := p.waitBot(ctx, room, "I am at the gate.")
	if err != nil {
		return err
	}
	return p.checkName(ctx, room, entry)
}

// enter joins the room of a conversation to which the bot invites Robin. The bot also invites Robin to a direct chat,
// to say that Robin has logged in. Only the room of a conversation says with what it is linked (MSC2346).
func (p *play) enter(ctx context.Context) (id.RoomID, error) {
	for {
		room, err := p.Robin.WaitInvite(ctx, p.BotID())
		if err != nil {
			return "", fmt.Errorf("the bot invites Robin to nothing: %w", err)
		} else if err = p.Robin.Join(ctx, room); err != nil {
			return "", err
		}
		state, err := p.Robin.Matrix().State(ctx, room)
		if err != nil {
			return "", err
		} else if len(state[event.StateBridge]) > 0 {
			return room, nil
		}
	}
}

// waitBot waits for something that the bot says in a room, and shows it.
func (p *play) waitBot(ctx context.Context, room id.RoomID, part string) (harness.Entry, error) {
	entry, err := p.Robin.WaitEvent(ctx, room, harness.All(harness.From(p.BotID()), func(evt *event.Event) bool {
		return evt.Type == event.EventMessage && strings.Contains(evt.Content.AsMessage().Body, part)
	}))
	if err != nil {
		return entry, fmt.Errorf("the bot does not show %q: %w", part, err)
	}
	p.show.OnMatrix(entry.Event)
	return entry, nil
}

// checkRoom checks what the room of a conversation is like.
func (p *play) checkRoom(ctx context.Context, room id.RoomID, chat wazotest.Room) error {
	var name event.RoomNameEventContent
	var encryption event.EncryptionEventContent
	var power event.PowerLevelsEventContent
	var history event.HistoryVisibilityEventContent
	for state, content := range map[event.Type]any{
		event.StateRoomName: &name, event.StateEncryption: &encryption, event.StatePowerLevels: &power, event.StateHistoryVisibility: &history,
	} {
		if err := p.Robin.Matrix().StateEvent(ctx, room, state, "", content); err != nil {
			return fmt.Errorf("the room lacks %s: %w", state.Type, err)
		}
	}
	switch {
	case name.Name != *chat.Name:
		return fmt.Errorf("the room is called %q", name.Name)
	case encryption.Algorithm != id.AlgorithmMegolmV1:
		return fmt.Errorf("the room is encrypted by %q", encryption.Algorithm)
	case power.Invite() != 100:
		return fmt.Errorf("power level %d may invite others", power.Invite())
	case history.HistoryVisibility != event.HistoryVisibilityInvited:
		return fmt.Errorf("the history is visible to %s", history.HistoryVisibility)
	default:
		return nil
	}
}

// say has Robin say something on Matrix, which Robin's own account must post on Wazo.
func (p *play) say(ctx context.Context, room id.RoomID, chat, text string) error {
	sent, err := p.Robin.Send(ctx, room, text)
	if err != nil {
		return err
	}
	entry, err := p.Robin.WaitEvent(ctx, room, harness.HasID(sent))
	if err != nil {
		return err
	}
	p.show.OnMatrix(entry.Event)
	message, err := p.Wazo.WaitMessage(ctx, chat, func(m wazotest.Message) bool { return m.Content == text })
	if err != nil {
		return fmt.Errorf("%q is not on Wazo: %w", text, err)
	}
	if message.UserUUID != p.own.UUID || message.Alias != nil && *message.Alias != "" {
		return fmt.Errorf("%q was posted by another account than Robin's, or with an alias", text)
	}
	p.show.OnWazo(p.own.Firstname+" "+p.own.Lastname, message)
	return nil
}

// checkName checks that an event shows Robin as the author.
func (p *play) checkName(ctx context.Context, room id.RoomID, entry harness.Entry) error {
	member, err := p.Robin.Matrix().State(ctx, room)
	if err != nil {
		return err
	}
	name := p.Robin.UserID().Localpart()
	if evt := member[event.StateMember][p.Robin.UserID().String()]; evt != nil && evt.Content.AsMember().Displayname != "" {
		name = evt.Content.AsMember().Displayname
	}
	if profile := entry.Content.AsMessage().BeeperPerMessageProfile; profile == nil || profile.Displayname != name {
		return fmt.Errorf("what Robin wrote on Wazo is not shown as %q: %+v", name, profile)
	}
	return nil
}

// start has Robin start a conversation with somebody by name.
func (p *play) start(ctx context.Context) error {
	p.show.Note("Robin starts a conversation by name.")
	if _, err := p.ask(ctx, "!wazo start Bob Stone", "Bob Stone"); err != nil {
		return err
	}
	room, err := p.enter(ctx)
	if err != nil {
		return err
	}
	members := []string{p.own.UUID, p.Cast.Bob.UUID}
	chat, err := p.Wazo.WaitRoom(ctx, func(r wazotest.Room) bool {
		return len(r.Members) == len(members) && slices.Contains(r.Members, members[0]) && slices.Contains(r.Members, members[1])
	})
	if err != nil {
		return fmt.Errorf("there is no chat of Robin and Bob: %w", err)
	} else if err = p.say(ctx, room, chat.UUID, "Hello Bob, is the line back?"); err != nil {
		return err
	}
	p.post(chat, p.Cast.Bob, "It is, since noon.")
	_, err = p.waitBot(ctx, room, "It is, since noon.")
	return err
}

// logOut has Robin log out. Nothing of the log-in may be left on Wazo.
func (p *play) logOut(ctx context.Context) error {
	p.show.Note("Robin logs out. Wazo forgets the log-in.")
	if _, err := p.ask(ctx, "!wazo logout", "logged out"); err != nil {
		return err
	} else if left := p.Wazo.RefreshTokensOf(p.own); left > 0 {
		return fmt.Errorf("%d refresh tokens are left on Wazo", left)
	}
	return nil
}
