package cases

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// What follows is what people see who use matrix-js-sdk and its Rust crypto, as
// Element does, in encrypted rooms; the other tests play there, too.

// stored is an event as the homeserver has it.
func (p *portal) stored(t *testing.T, eventID id.EventID) *event.Event {
	t.Helper()
	evt, err := p.Robin.Matrix().GetEvent(p.ctx, p.Matrix, eventID)
	require.NoError(t, err)
	return evt
}

// session is the Megolm session that an event is encrypted with.
func (p *portal) session(t *testing.T, eventID id.EventID) string {
	t.Helper()
	evt := p.stored(t, eventID)
	require.Equal(t, event.EventEncrypted.Type, evt.Type.Type)
	session, _ := evt.Content.Raw["session_id"].(string)
	require.NotEmpty(t, session)
	return session
}

func TestWhatIsInsideAndBesideTheCiphertext(t *testing.T) {
	t.Parallel()
	s := open(t, withJSSDK(), stage.Config{})
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	p.post("**hello**")
	shown := p.waitOnMatrix(t, "hello")
	require.True(t, shown.Mautrix.WasEncrypted)
	require.Equal(t, "<strong data-mx-profile-fallback>Alice Martin: </strong><strong>hello</strong>", shown.Content.AsMessage().FormattedBody)
	profile := shown.Content.AsMessage().BeeperPerMessageProfile
	require.NotNil(t, profile)
	require.Equal(t, "Alice Martin", profile.Displayname)

	stored := p.stored(t, shown.ID)
	require.Equal(t, event.EventEncrypted.Type, stored.Type.Type)
	require.Contains(t, stored.Content.Raw, "io.wazo.relay", "the relay finds its own messages without a key")
	require.NotContains(t, stored.Content.Raw, "com.beeper.per_message_profile")
	require.NotContains(t, stored.Content.Raw, "body")
}

func TestTheBotIsTrusted(t *testing.T) {
	t.Parallel()
	s := open(t, withJSSDK(), stage.Config{})
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	p.requireTrusted(t)
	require.NoError(t, s.Relay.Restart(s.ctx))
	p.requireTrusted(t)
}

// requireTrusted has the bot say something, and requires that Robin's client
// warns of neither it nor the bot's device, nor of another identity.
func (p *portal) requireTrusted(t *testing.T) {
	t.Helper()
	shield, err := p.Robin.JS().Shield(p.ctx, p.postWords(t))
	require.NoError(t, err)
	require.Equal(t, harness.NoShield, shield)
	devices, err := p.Robin.JS().Devices(p.ctx, p.BotID())
	require.NoError(t, err)
	require.Len(t, devices, 1)
	require.True(t, devices[0].SignedByOwner, "the bot's device is signed by its owner")
	identity, err := p.Robin.JS().Identity(p.ctx, p.BotID())
	require.NoError(t, err)
	require.Equal(t, harness.Identity{CrossSigning: true}, identity)
}

func TestTheBotUnderstandsMatrixJSSDK(t *testing.T) {
	t.Parallel()
	s := open(t, withJSSDK(), stage.Config{})
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	p.post("a question")
	question := p.waitOnMatrix(t, "a question")

	t.Run("a reply", func(t *testing.T) {
		content := &event.MessageEventContent{MsgType: event.MsgText, Body: "an answer"}
		content.SetReply(question.Event)
		_, err := p.Robin.SendContent(p.ctx, p.Matrix, event.EventMessage, content)
		require.NoError(t, err)
		p.waitOnWazo(t, "an answer")
	})
	t.Run("an edit", func(t *testing.T) {
		sent, err := p.Robin.Send(p.ctx, p.Matrix, "helo")
		require.NoError(t, err)
		p.waitOnWazo(t, "helo")
		content := &event.MessageEventContent{MsgType: event.MsgText, Body: "hello"}
		content.SetEdit(sent)
		_, err = p.Robin.SendContent(p.ctx, p.Matrix, event.EventMessage, content)
		require.NoError(t, err)
		p.waitOnWazo(t, "✏️ hello")
	})
	t.Run("a picture", func(t *testing.T) {
		_, err := p.Robin.SendFile(p.ctx, p.Matrix, harness.File{
			Name: "cat.png", MimeType: "image/png", MsgType: event.MsgImage, Data: make([]byte, 3000),
		})
		require.NoError(t, err)
		p.waitOnWazo(t, "📷 picture: cat.png (3.0 kB)")
	})
}

func TestNewDeviceOfSomebodyWhoTalks(t *testing.T) {
	t.Parallel()
	s := open(t, withJSSDK(), stage.Config{})
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	p.requireTalk(t)
	second, err := s.NewDevice(s.ctx, s.Robin)
	require.NoError(t, err)

	_, err = second.Send(s.ctx, p.Matrix, "from the new device")
	require.NoError(t, err)
	p.waitOnWazo(t, "from the new device")
	p.post("to both devices")
	for _, device := range []*harness.Client{s.Robin, second} {
		_, err = device.WaitEvent(s.ctx, p.Matrix, harness.All(p.FromWazo(), harness.Says("to both devices")))
		require.NoError(t, err)
	}
	p.requireTalk(t)

	require.NoError(t, s.Robin.JS().LogOut(s.ctx), "the old device is gone")
	_, err = second.Send(s.ctx, p.Matrix, "after the old device")
	require.NoError(t, err)
	p.waitOnWazo(t, "after the old device")
}

func TestSessionsAreRotated(t *testing.T) {
	t.Parallel()
	s := open(t, withJSSDK(), stage.Config{})

	t.Run("by Robin's client when it discards one", func(t *testing.T) {
		p := s.link(t, harness.RoomOptions{Encrypted: true})
		sessions := map[string]bool{}
		for _, text := range []string{"with the first session", "with the second session"} {
			sent, err := s.Robin.Send(s.ctx, p.Matrix, text)
			require.NoError(t, err)
			p.waitOnWazo(t, text)
			sessions[p.session(t, sent)] = true
			require.NoError(t, s.Robin.JS().DiscardSession(s.ctx, p.Matrix))
		}
		require.Len(t, sessions, 2)
		p.requireTalk(t)
	})
	t.Run("by both after every third message, as the room asks", func(t *testing.T) {
		const rotation, count = 3, 12
		p := s.link(t, harness.RoomOptions{Encrypted: true, RotationMessages: rotation})
		d := dialogue{portal: p, lines: count}
		d.run(t)
		d.requireExact(t)
		for side, said := range map[string]harness.Match{
			"the bot": p.FromWazo(), "Robin": harness.From(s.Robin.UserID()),
		} {
			used := map[string]int{}
			for _, entry := range s.Robin.Timeline(p.Matrix) {
				if entry.Type == event.EventMessage && said(entry.Event) {
					used[p.session(t, entry.ID)]++
				}
			}
			for _, times := range used {
				require.LessOrEqual(t, times, rotation, side)
			}
			require.GreaterOrEqual(t, len(used), count/rotation, side)
		}
	})
}

// Members come and go, and devices are added, while both sides talk: nothing is
// lost, and who is new can read what is said from then on.
func TestMembersAndDevicesChangeWhilePeopleTalk(t *testing.T) {
	t.Parallel()
	s := open(t, withJSSDK(), stage.Config{})
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	newcomer, err := s.JSPerson(s.ctx, "newcomer", js)
	require.NoError(t, err)
	p.talkAround(t, func() error { return s.bringIn(p.Matrix, newcomer) })
	var second *harness.Client
	p.talkAround(t, func() (err error) {
		second, err = s.NewDevice(s.ctx, s.Robin)
		return err
	})
	p.requireReadsOn(t, "the newcomer", newcomer)
	p.requireReadsOn(t, "the new device", second)
	_, err = newcomer.Send(s.ctx, p.Matrix, "I am new")
	require.NoError(t, err)
	p.waitOnWazo(t, "I am new")

	before := p.postWords(t)
	p.talkAround(t, func() error {
		if err := newcomer.Leave(s.ctx, p.Matrix); err != nil {
			return err
		}
		_, err := s.Robin.WaitEvent(s.ctx, p.Matrix, harness.Membership(newcomer.UserID(), event.MembershipLeave))
		return err
	})
	require.NotEqual(t, p.session(t, before.ID), p.session(t, p.postWords(t).ID), "who has left has no key")
}

// postWords has something new said on Wazo and returns it as Robin sees it.
func (p *portal) postWords(t *testing.T) harness.Entry {
	t.Helper()
	text := p.someWords()
	p.post(text)
	return p.waitOnMatrix(t, text)
}

// bringIn has Robin invite somebody, who joins.
func (s *fixture) bringIn(room id.RoomID, guest *harness.Client) error {
	if err := s.Robin.Invite(s.ctx, room, guest.UserID()); err != nil {
		return err
	}
	if _, err := guest.WaitEvent(s.ctx, room, harness.Membership(guest.UserID(), event.MembershipInvite)); err != nil {
		return err
	}
	return guest.Join(s.ctx, room)
}

// talkAround has both sides talk before, while and after something changes, and
// requires that every line arrives, once and in order.
func (p *portal) talkAround(t *testing.T, change func() error) {
	t.Helper()
	said, heard := lines(fromMatrix, p.saidOnMatrix(t)), lines(fromWazo, p.saidOnWazo())
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	rounds, talked := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(rounds)
		talked <- p.converse(ctx, rounds)
	}()
	<-rounds
	require.NoError(t, change())
	<-rounds // this one may have begun before the change
	<-rounds
	stop()
	require.NoError(t, <-talked)
	p.requireTalk(t)
	requireSame(t, lines(fromMatrix, p.saidOnMatrix(t))[len(said):], lines(fromMatrix, p.onWazo())[len(said):], "from Matrix to Wazo")
	requireSame(t, lines(fromWazo, p.saidOnWazo())[len(heard):], lines(fromWazo, p.onMatrix(t))[len(heard):], "from Wazo to Matrix")
}

// converse has both sides say numbered lines until ctx ends, the next when both
// have arrived. Who waits for a round to be complete hears of it.
func (p *portal) converse(ctx context.Context, rounds chan<- struct{}) error {
	for ctx.Err() == nil {
		n := int(p.words.Add(1))
		p.post(line(fromWazo, n))
		// With the test's own context: a line is sent or not, never cut off.
		if _, err := p.Robin.Send(p.ctx, p.Matrix, line(fromMatrix, n)); err != nil {
			return err
		}
		if _, err := p.Robin.WaitEvent(p.ctx, p.Matrix, harness.All(p.FromWazo(), harness.Says(line(fromWazo, n)))); err != nil {
			return err
		}
		if _, err := p.Wazo().WaitMessage(p.ctx, p.Portal.Wazo, func(message wazotest.Message) bool {
			return p.isRelayed(message) && message.Content == line(fromMatrix, n)
		}); err != nil {
			return err
		}
		select {
		case rounds <- struct{}{}:
		default:
		}
	}
	return nil
}

// requireReadsOn requires that a device, from the first message by the bot and by
// Robin that it can read on, can read all of them.
func (p *portal) requireReadsOn(t *testing.T, name string, device *harness.Client) {
	t.Helper()
	text := p.postWords(t).Content.AsMessage().Body
	_, err := device.WaitEvent(p.ctx, p.Matrix, harness.All(p.FromWazo(), harness.Says(text)))
	require.NoError(t, err)
	for _, sender := range []id.UserID{p.BotID(), p.Robin.UserID()} {
		var read, unread int
		for _, entry := range device.Timeline(p.Matrix) {
			switch {
			case entry.Sender != sender:
			case entry.Type == event.EventMessage:
				read++
			case entry.Type == event.EventEncrypted && read > 0:
				unread++
			}
		}
		require.Positive(t, read, name)
		require.Zero(t, unread, "%s can read %d messages of %s, but not all after the first", name, read, sender)
	}
}

// What the bot sends before it can know of the encryption, which is until its
// /sync has told it, is out of its hands.
func TestRoomThatBecomesEncryptedWhileLinked(t *testing.T) {
	t.Parallel()
	s := open(t, withJSSDK(), stage.Config{})
	p := s.link(t, harness.RoomOptions{})
	p.requireTalk(t)
	// Wazo talks all the while. One event may cross the news on its way to the
	// homeserver; after that the relay may not believe for a moment that the room
	// is still what it was.
	const before, after = 10, 20
	for n := range before + after {
		p.post(line(fromWazo, n))
		if n == before {
			require.NoError(t, s.Robin.Encrypt(s.ctx, p.Matrix))
		}
	}
	p.requireTalk(t)
	require.Contains(t, p.ask(t, s.Robin, p.Matrix, "!wazo status"), "this room is encrypted")

	entries := s.Robin.Timeline(p.Matrix)
	at := slices.IndexFunc(entries, func(entry harness.Entry) bool { return entry.Type == event.StateEncryption })
	require.Positive(t, at)
	said := 0
	for _, entry := range entries[at:] {
		if entry.Sender == p.BotID() && entry.Type == event.EventMessage {
			said++
			require.True(t, entry.Mautrix.WasEncrypted || said == 1, "%q was encrypted", entry.Content.AsMessage().Body)
		}
	}
	require.Greater(t, said, after, "the lines, the talk and the answer")
	require.Len(t, lines(fromWazo, p.onMatrix(t)), before+after)
}

// manyMembers is how many people besides Robin and the bot are in a large room.
const manyMembers = 30

func TestEncryptedRoomWithManyMembers(t *testing.T) {
	t.Parallel()
	s := open(t, withJSSDK(), stage.Config{})
	var members []*harness.Client
	var invited []id.UserID
	for n := range manyMembers {
		member := s.person(t, fmt.Sprintf("member-%d", n), harness.Encrypted)
		members, invited = append(members, member), append(invited, member.UserID())
	}
	p := s.link(t, harness.RoomOptions{Encrypted: true, Invite: invited})
	joined := s.waitBot(t, s.Robin, p.Matrix, harness.Membership(s.BotID(), event.MembershipJoin))
	hello := s.waitBot(t, s.Robin, p.Matrix, harness.Notice("Hello!"))
	t.Logf("the bot's first word to %d people: %s after its join", manyMembers+1, hello.Seen.Sub(joined.Seen).Round(time.Millisecond))
	for _, member := range members {
		s.join(t, member, p.Matrix)
	}
	p.requireAllRead(t, "with the keys that all have", members)

	leaver := members[0]
	require.NoError(t, leaver.Leave(s.ctx, p.Matrix))
	_, err := s.Robin.WaitEvent(s.ctx, p.Matrix, harness.Membership(leaver.UserID(), event.MembershipLeave))
	require.NoError(t, err)
	p.requireTalk(t)
	p.requireAllRead(t, "after somebody has left", members[1:])

	_, err = members[manyMembers-1].Send(s.ctx, p.Matrix, "from the last of them")
	require.NoError(t, err)
	p.waitOnWazo(t, "from the last of them")
}

// requireAllRead has something said on Wazo that everybody must be able to read,
// and logs how long that took.
func (p *portal) requireAllRead(t *testing.T, when string, people []*harness.Client) {
	t.Helper()
	text := p.someWords()
	start := time.Now()
	p.post(text)
	last := start
	for _, person := range append(slices.Clone(people), p.Robin) {
		entry, err := person.WaitEvent(p.ctx, p.Matrix, harness.All(p.FromWazo(), harness.Says(text)))
		require.NoError(t, err)
		if entry.Seen.After(last) {
			last = entry.Seen
		}
	}
	t.Logf("a message from Wazo to %d people %s: %s until the last has read it", len(people)+1, when, last.Sub(start).Round(time.Millisecond))
}
