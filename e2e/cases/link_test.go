package cases

import (
	"regexp"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func TestLinkNames(t *testing.T) { withEachClient(t, testLinkNames) }

func testLinkNames(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	for _, kind := range kinds {
		t.Run("a number of the list in the direct chat "+kind.name, func(t *testing.T) {
			wazoRoom, author := s.newWazoRoom("Numbered " + kind.name)
			room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: kind.encrypted, Invite: []id.UserID{s.guest(t, kind.name).UserID()}})
			require.Contains(t, s.ask(t, s.Robin, room, "!wazo rooms"), "our direct chat")
			list := s.listInDirectChat(t, wazoRoom)
			s.requireLinks(t, room, numberIn(t, list, wazoRoom), wazoRoom, author)
		})
		t.Run("the uuid "+kind.name, func(t *testing.T) {
			wazoRoom, author := s.newWazoRoom("")
			room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: kind.encrypted})
			s.requireLinks(t, room, wazoRoom.UUID, wazoRoom, author)
		})
		t.Run("the name "+kind.name, func(t *testing.T) {
			name := "Project " + kind.name
			wazoRoom, author := s.newWazoRoom(name)
			room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: kind.encrypted})
			s.requireLinks(t, room, name, wazoRoom, author)
		})
	}
}

// guest makes a room larger than a direct chat.
func (s *fixture) guest(t *testing.T, where string) *harness.Client {
	t.Helper()
	return s.person(t, regexp.MustCompile(`\W+`).ReplaceAllString("guest-"+where, "-"), harness.Plain)
}

// listInDirectChat is the list that names a room, as the bot gives it to Robin in
// their direct chat, which Robin joins when invited.
func (s *fixture) listInDirectChat(t *testing.T, wazoRoom wazotest.Room) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joinDirectChat(t)
	return s.waitBot(t, s.Robin, s.direct, harness.Notice(wazoRoom.UUID)).Content.AsMessage().Body
}

// joinDirectChat has Robin accept the bot's invitation to their direct chat, once.
// mu must be held.
func (s *fixture) joinDirectChat(t *testing.T) {
	t.Helper()
	if s.direct != "" {
		return
	}
	chat, err := s.Robin.WaitInvite(s.ctx, s.BotID())
	require.NoError(t, err)
	require.NoError(t, s.Robin.Join(s.ctx, chat))
	s.direct = chat
}

// The chat is encrypted from its creation on; a hello that is faster than the
// homeserver's own events of the creation must not go out in plain.
func TestNothingIsSaidInPlainInTheDirectChat(t *testing.T) {
	inEachSetting(t, testNothingIsSaidInPlainInTheDirectChat)
}

func testNothingIsSaidInPlainInTheDirectChat(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	wazoRoom, _ := s.newWazoRoom("Secret")
	room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: encrypted, Invite: []id.UserID{s.guest(t, "talk").UserID()}})
	require.Contains(t, s.ask(t, s.Robin, room, "!wazo rooms"), "our direct chat")
	s.listInDirectChat(t, wazoRoom)
	said := 0
	for _, entry := range s.Robin.Timeline(s.direct) {
		if entry.Sender == s.BotID() && entry.Type == event.EventMessage {
			said++
			require.True(t, entry.Mautrix.WasEncrypted, "%q was encrypted", entry.Content.AsMessage().Body)
		}
	}
	require.Positive(t, said)
}

// numberIn returns the number before a room in a list.
func numberIn(t *testing.T, list string, wazoRoom wazotest.Room) string {
	t.Helper()
	match := regexp.MustCompile(`(?m)^(\d+)\..*` + wazoRoom.UUID).FindStringSubmatch(list)
	require.NotNil(t, match, list)
	return match[1]
}

// requireLinks links a room with what the name means, which must be wazoRoom.
func (s *fixture) requireLinks(t *testing.T, room id.RoomID, name string, wazoRoom wazotest.Room, author wazotest.User) {
	t.Helper()
	require.Contains(t, s.ask(t, s.Robin, room, "!wazo link "+name), "Linking")
	s.waitBot(t, s.Robin, room, harness.Notice("Linked with"))
	p := &portal{fixture: s, Portal: stage.Portal{Matrix: room, Wazo: wazoRoom.UUID}, author: author}
	p.requireTalk(t)
}

func TestLinkIsRefused(t *testing.T) { inEachSetting(t, testLinkIsRefused) }

func testLinkIsRefused(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	ally := s.person(t, "ally", harness.Encrypted)
	wazoRoom, _ := s.newWazoRoom("Wanted")
	hosted := s.invite(t, ally, harness.RoomOptions{Encrypted: encrypted, Invite: []id.UserID{s.Robin.UserID()}})
	s.join(t, s.Robin, hosted)

	t.Run("by an administrator without the power in the room", func(t *testing.T) {
		require.Contains(t, s.ask(t, s.Robin, hosted, "!wazo link "+wazoRoom.UUID), "power level 50")
	})
	t.Run("by a moderator who is no administrator of the relay", func(t *testing.T) {
		require.Contains(t, s.ask(t, ally, hosted, "!wazo link "+wazoRoom.UUID), "Only the relay's administrators")
	})
	t.Run("by somebody who may not use the bot at all", func(t *testing.T) {
		stranger := s.person(t, "stranger", harness.Encrypted)
		require.NoError(t, ally.Invite(s.ctx, hosted, stranger.UserID()))
		s.join(t, stranger, hosted)
		require.Contains(t, s.ask(t, stranger, hosted, "!wazo link "+wazoRoom.UUID), "You may not use this bot")
	})
	t.Run("for a room that the relay account does not know", func(t *testing.T) {
		room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: encrypted})
		foreign := s.Wazo.CreateRoom("Foreign", s.Cast.Alice, s.Cast.Bob)
		for _, unknown := range []string{foreign.UUID, "6ac7e2f2-0000-4000-8000-000000000000", "Foreign", "99"} {
			require.Contains(t, s.ask(t, s.Robin, room, "!wazo link "+unknown), "I found no Wazo chat")
		}
	})
	t.Run("for a name that fits several", func(t *testing.T) {
		room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: encrypted})
		s.newWazoRoom("Sales north")
		s.newWazoRoom("Sales south")
		answer := s.ask(t, s.Robin, room, "!wazo link sales")
		require.Contains(t, answer, "Sales north")
		require.Contains(t, answer, "Sales south")
	})
	t.Run("without saying which", func(t *testing.T) {
		room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: encrypted})
		require.Contains(t, s.ask(t, s.Robin, room, "!wazo link"), "Which Wazo chat?")
	})
	require.Empty(t, s.Wazo.Messages(wazoRoom.UUID), "nothing was said in the room that nobody could link")
}

func TestSecondLinkIsRefused(t *testing.T) { inEachSetting(t, testSecondLinkIsRefused) }

func testSecondLinkIsRefused(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	first := s.link(t, harness.RoomOptions{Encrypted: encrypted})
	t.Run("of the Matrix room, and names the first", func(t *testing.T) {
		other, _ := s.newWazoRoom("Other")
		answer := s.ask(t, s.Robin, first.Matrix, "!wazo link "+other.UUID)
		require.Contains(t, answer, "already linked with **Support**")
		require.Empty(t, s.Wazo.Messages(other.UUID))
	})
	t.Run("of the Wazo room, and says where the first is", func(t *testing.T) {
		room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: encrypted})
		answer := s.ask(t, s.Robin, room, "!wazo link "+first.Portal.Wazo)
		require.Contains(t, answer, "already linked with another Matrix room")
		require.Contains(t, answer, first.Matrix.String())
	})
	first.requireTalk(t)
}
