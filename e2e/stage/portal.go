package stage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Parts of the relay's notices and pages by which a stage recognises them.
const (
	wordHello    = "!wazo link"
	wordLinked   = "Linked"
	wordUnlinked = "Unlinked"
	wordIntro    = "Matrix"
	wordLoggedIn = "You are logged in"
)

// commandTimeout is how long a person waits for the answer to a command, and for the
// bot to join.
const commandTimeout = time.Minute

// Portal is a Matrix room that is linked with a Wazo room.
type Portal struct {
	Matrix id.RoomID
	Wazo   string // the Wazo room's uuid
}

// BotID is the relay's Matrix user.
func (s *Stage) BotID() id.UserID { return id.UserID(s.Bot.User) }

// Link makes a portal as a person does: it creates a room, invites the bot, waits
// for its greeting, sends the command with the Wazo room's uuid, and waits for the
// notices in both rooms.
func (s *Stage) Link(ctx context.Context, person *harness.Client, options harness.RoomOptions, wazoRoom string) (Portal, error) {
	return s.link(ctx, person, options, wazoRoom, wazoRoom)
}

// LinkByName is like Link, but the command has the name of the Wazo room, as people
// prefer. The room must have a name that no other Wazo room has.
func (s *Stage) LinkByName(ctx context.Context, person *harness.Client, options harness.RoomOptions, room wazotest.Room) (Portal, error) {
	return s.link(ctx, person, options, room.UUID, *room.Name)
}

func (s *Stage) link(ctx context.Context, person *harness.Client, options harness.RoomOptions, wazoRoom, named string) (Portal, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	options.Invite = append(options.Invite, s.BotID())
	portal := Portal{Wazo: wazoRoom}
	var err error
	if portal.Matrix, err = person.CreateRoom(ctx, options); err != nil {
		return portal, err
	}
	if _, err = person.WaitEvent(ctx, portal.Matrix, harness.Membership(s.BotID(), event.MembershipJoin)); err != nil {
		return portal, fmt.Errorf("the bot did not join: %w", err)
	}
	if _, err = s.waitBot(ctx, person, portal, harness.Says(wordHello)); err != nil {
		return portal, fmt.Errorf("the bot did not say hello: %w", err)
	}
	if _, err = person.Send(ctx, portal.Matrix, "!wazo link "+named); err != nil {
		return portal, err
	}
	if _, err = s.waitBot(ctx, person, portal, harness.Notice(wordLinked)); err != nil {
		return portal, fmt.Errorf("the bot did not confirm the link: %w", err)
	}
	if _, err = s.Wazo.WaitMessage(ctx, wazoRoom, s.isIntroduction); err != nil {
		return portal, fmt.Errorf("the relay did not introduce itself on Wazo: %w", err)
	}
	return portal, nil
}

// Unlink ends the link of a portal by a command and waits for the confirmation.
func (s *Stage) Unlink(ctx context.Context, person *harness.Client, portal Portal) error {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	if _, err := person.Send(ctx, portal.Matrix, "!wazo unlink"); err != nil {
		return err
	}
	if _, err := s.waitBot(ctx, person, portal, harness.Notice(wordUnlinked)); err != nil {
		return fmt.Errorf("the bot did not confirm the end of the link: %w", err)
	}
	return nil
}

func (s *Stage) waitBot(ctx context.Context, person *harness.Client, portal Portal, match harness.Match) (harness.Entry, error) {
	return person.WaitEvent(ctx, portal.Matrix, harness.All(harness.From(s.BotID()), match))
}

func (s *Stage) isIntroduction(message wazotest.Message) bool {
	return s.FromRelay(message) && strings.Contains(message.Content, wordIntro)
}

// FromRelay says whether the relay's own account wrote a message on Wazo.
func (s *Stage) FromRelay(message wazotest.Message) bool {
	return message.UserUUID == s.Cast.Relay.UUID
}

// FromWazo matches the messages that the bot relays, but not its own notices.
func (s *Stage) FromWazo() harness.Match {
	return harness.All(harness.From(s.BotID()), func(evt *event.Event) bool {
		return evt.Type == event.EventMessage && evt.Content.AsMessage().MsgType != event.MsgNotice
	})
}
