package chaos

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"golang.org/x/sync/errgroup"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// conversation is a place that opens by itself: somebody on Wazo begins a chat in the
// middle of the run, the bot makes a Matrix room for it, and the people accept the
// invitations.
type conversation struct {
	*place
	title   string // on Wazo; empty: two people
	members []wazotest.User
	// from and to are the part of the run in which people talk there.
	from, to float64
	// kill says at which moment of making the room the relay is killed; nil: it is not.
	kill *aim
	// restored says that the relay gets a copy of its database that is older than the
	// room.
	restored bool
	// opened is closed when everybody has joined the room.
	opened chan struct{}
}

// Names of the faults that are about the making of rooms.
const (
	killedMaking  = "killed while a room is made"
	restoredOlder = "database restored to before a room was made"
)

// How much is said in conversations, and when.
const (
	conversationPart  = 0.3  // of all messages, said in conversations
	conversationLasts = 0.12 // of the run
	// conversationsEnd is before linked places alone have said everything that they
	// say: until then the run goes on whether or not a conversation does.
	conversationsEnd = 0.65
)

// hireConversations decides on the conversations of the run. The relay's account is a
// member of some. The first one has two people on Matrix, lasts longest, and is not
// one of those.
func (s *fixture) hireConversations() {
	if s.cfg.Conversations < 1 {
		return
	}
	sam, kim := s.logins[0], s.logins[1]
	for n := range s.cfg.Conversations {
		from := 0.03 + (conversationsEnd-conversationLasts-0.03)*float64(n)/float64(s.cfg.Conversations)
		window := min(s.cfg.window(), 8)
		c := &conversation{
			place: &place{
				name: fmt.Sprintf("conversation %d", n+1), people: []*harness.Client{sam.person}, private: true, ledger: newLedger(),
				toWazo: newFlow(window, s.cfg.Quiet), toMx: newFlow(window, min(s.cfg.Quiet, patienceUnopened)),
			},
			title: fmt.Sprintf("Topic %d", n+1), from: from, to: from + conversationLasts, opened: make(chan struct{}),
			restored: s.cfg.uses(restoredOlder) && n%5 == 1,
		}
		if s.cfg.uses(killedMaking) && n%2 == 0 {
			c.kill = &aim{class: matrixRooms, late: n%4 == 0}
		}
		own := []wazotest.User{sam.account}
		colleagues := []wazotest.User{s.Hire("Clara", fmt.Sprintf("Moe%d", n)), s.Hire("Denis", fmt.Sprintf("Poe%d", n))}
		switch {
		case n == 0:
			c.people, own, c.to = append(c.people, kim.person), append(own, kim.account), conversationsEnd
		case n%3 == 2:
			c.title, colleagues = "", colleagues[:1]
		case n%3 == 1:
			c.private = false
		}
		c.authors = append(colleagues, own...)
		c.members = slices.Clone(c.authors)
		if !c.private {
			c.members = append(c.members, s.Cast.Relay)
		}
		s.conversations = append(s.conversations, c)
	}
}

// patienceUnopened is how long people on Wazo wait until they write the next message if
// what they have written is not shown. What was said before somebody logged in opens no
// conversation; the next message does.
const patienceUnopened = 10 * time.Second

// expectConversations tells the tally which faults there will be.
func (s *fixture) expectConversations() {
	for _, c := range s.conversations {
		if c.kill != nil {
			s.tally.expect(killedMaking)
		}
		if c.restored {
			s.tally.expect(restoredOlder)
		}
	}
}

// converse has people talk in a conversation until they have said n messages. They
// begin when the run has come so far.
func (s *fixture) converse(ctx context.Context, c *conversation, n int, stream uint64, progress *milestones) error {
	pace := pace{of: progress, all: progress, first: int(c.from * float64(s.cfg.Messages)), last: int(c.to * float64(s.cfg.Messages))}
	if err := progress.reach(ctx, pace.first); err != nil {
		return err
	}
	var older databaseCopy
	if c.restored {
		s.opening.RLock()
		var err error
		if older, err = s.copies.makeNow(ctx); err != nil {
			s.opening.RUnlock()
			return err
		}
	}
	everybody, ctx := errgroup.WithContext(ctx)
	if c.kill != nil {
		everybody.Go(func() error { return s.killWhileMaking(ctx, *c.kill) })
	}
	if !c.restored {
		s.opening.RLock()
	}
	c.Wazo = s.Wazo.CreateRoom(c.title, c.members...).UUID
	s.say("%d messages: %s begins", progress.count(), c.name)
	s.background.Go(func() { s.followWazo(s.whole, c.place) })
	for _, person := range c.people {
		s.background.Go(func() { s.acceptInvitations(s.whole, c, person) })
	}
	s.background.Go(func() { s.awaitOpening(s.whole, c) })
	everybody.Go(func() error {
		return s.talkIn(ctx, c.place, newShares(n, len(c.authors)+len(c.people)), stream, pace, c.opened)
	})
	if c.restored {
		everybody.Go(func() error {
			defer s.opening.RUnlock()
			if err := c.toWazo.arrived.reach(ctx, 1); err != nil {
				return err
			}
			s.tally.add(restoredOlder)
			return s.copies.restoreTo(ctx, older, progress)
		})
	}
	everybody.Go(func() error {
		if !c.restored {
			defer s.opening.RUnlock()
		}
		return s.requireOpened(ctx, c)
	})
	if len(c.people) > 1 {
		everybody.Go(func() error { return s.changeReaders(ctx, c, pace) })
	}
	return everybody.Wait()
}

// killWhileMaking kills the relay when it has the next room made, if that is soon.
func (s *fixture) killWhileMaking(ctx context.Context, a aim) error {
	limited, cancel := context.WithTimeout(ctx, s.cfg.Quiet)
	defer cancel()
	if s.trap(limited, a) {
		s.tally.add(killedMaking)
	}
	return ctx.Err()
}

// acceptInvitations has a person join all rooms that are made for a conversation, as
// soon as they are invited.
func (s *fixture) acceptInvitations(ctx context.Context, c *conversation, person *harness.Client) {
	for n := 0; ; n++ {
		room, err := s.matrix.made.next(ctx, c.Wazo, n)
		if err != nil {
			return
		}
		s.background.Go(func() { s.acceptInvitation(ctx, room, person) })
	}
}

// acceptInvitation has a person join a room as soon as they are invited. The homeserver
// may be away.
func (s *fixture) acceptInvitation(ctx context.Context, room id.RoomID, person *harness.Client) {
	if _, err := person.WaitEvent(ctx, room, harness.Membership(person.UserID(), event.MembershipInvite)); err != nil {
		return
	}
	for ctx.Err() == nil {
		if err := s.joinOnce(ctx, room, person); err == nil {
			s.matrix.made.enter(room)
			return
		}
		_ = sleep(ctx, sendAgain)
	}
}

func (s *fixture) joinOnce(ctx context.Context, room id.RoomID, person *harness.Client) error {
	s.speaking.RLock()
	defer s.speaking.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, healthyWithin)
	defer cancel()
	if err := person.Join(ctx, room); err != nil {
		return err
	}
	// Sending waits until the client knows whether the room is encrypted.
	_, err := person.SendContent(ctx, room, typeHello, map[string]any{})
	return err
}

// awaitOpening waits until everybody is in one of the rooms that were made for a
// conversation. From then on they talk there.
func (s *fixture) awaitOpening(ctx context.Context, c *conversation) {
	room, err := s.matrix.made.complete(ctx, c.Wazo, len(c.people))
	if err != nil {
		return
	}
	c.Matrix = room
	c.openSince.Store(time.Now().UnixNano())
	close(c.opened)
	s.followMatrix(ctx, c.place)
}

// requireOpened returns an error if a conversation has no room when nobody would wait for
// one any more.
func (s *fixture) requireOpened(ctx context.Context, c *conversation) error {
	limited, cancel := context.WithTimeout(ctx, 3*s.cfg.Quiet)
	defer cancel()
	select {
	case <-c.opened:
		return nil
	case <-limited.Done():
		return fmt.Errorf("%s did not open: %w", c.name, limited.Err())
	}
}

// opened returns all conversations that open by themselves, also those with telephones.
func (s *fixture) opened() []*conversation {
	all := slices.Clone(s.conversations)
	for _, ph := range s.phones {
		all = append(all, ph.conversation)
	}
	return all
}

// isOpen says whether people are in the room of a conversation.
func (c *conversation) isOpen() bool {
	select {
	case <-c.opened:
		return true
	default:
		return false
	}
}

// countRooms returns how many conversations have got a room, and how many further rooms
// there are: rooms that were made for the same conversation and in which the bot or
// somebody else still is.
func (s *fixture) countRooms(ctx context.Context) (opened, second int, err error) {
	inUse := make(map[id.RoomID]bool)
	bot, err := mautrix.NewClient(s.Homeserver.URL(), "", "")
	if err != nil {
		return 0, 0, err
	}
	_, err = bot.Login(ctx, &mautrix.ReqLogin{
		Type: mautrix.AuthTypePassword, Password: s.Bot.Password, StoreCredentials: true,
		Identifier: mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: s.Bot.User},
	})
	if err != nil {
		return 0, 0, fmt.Errorf("failed to ask in which rooms the bot is: %w", err)
	}
	clients := []*mautrix.Client{bot}
	for _, l := range s.logins {
		clients = append(clients, l.person.Matrix())
	}
	for _, client := range clients {
		resp, err := client.JoinedRooms(ctx)
		if err != nil {
			return 0, 0, fmt.Errorf("failed to ask in which rooms %s is: %w", client.UserID, err)
		}
		for _, room := range resp.JoinedRooms {
			inUse[room] = true
		}
	}
	_, err = bot.Logout(ctx)
	for _, c := range s.opened() {
		rooms := slices.DeleteFunc(s.matrix.made.of(c.Wazo), func(room id.RoomID) bool { return !inUse[room] })
		if c.isOpen() {
			opened++
		}
		second += max(0, len(rooms)-1)
	}
	return opened, second, err
}

// readFurther adds what the further rooms of a conversation show to what was read of the
// first one.
func (s *fixture) readFurther(ctx context.Context, p *place, r *rooms) error {
	made := s.matrix.made.of(p.Wazo)
	if len(made) < 2 {
		return nil
	}
	joined, err := p.people[0].Matrix().JoinedRooms(ctx)
	if err != nil {
		return err
	}
	for _, room := range made {
		if room == p.Matrix || !slices.Contains(joined.JoinedRooms, room) {
			continue
		}
		history, err := p.people[0].History(ctx, room)
		if err != nil {
			return err
		}
		for _, evt := range history {
			r.addEvent(s, p, evt)
		}
	}
	return nil
}
