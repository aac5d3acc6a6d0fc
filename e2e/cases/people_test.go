package cases

import (
	"slices"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// Somebody who is no administrator looks people up, sees and sets presences, links a chat of their own and starts one.
func TestOrdinaryPersonAndThePeopleOfWazo(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			testOrdinaryPerson(t, kind.encrypted)
		})
	}
}

func testOrdinaryPerson(t *testing.T, encrypted bool) {
	s := open(t, withMautrix(), withPage(t))
	ally := s.person(t, "ally", harness.Encrypted)
	own, colleague := s.Hire("Ally", "Smith"), s.Hire("Will", "Scarlett")
	wazoRoom := s.Wazo.CreateRoom("Allies", own, colleague) // without the relay account
	strangers := s.Wazo.CreateRoom("Strangers", s.Cast.Alice, s.Cast.Relay)
	room := s.invite(t, ally, harness.RoomOptions{Encrypted: encrypted})
	ask := func(command string) string { t.Helper(); return s.ask(t, ally, room, "!wazo "+command) }

	for _, command := range []string{"search bob", "presence", "presence away", "rooms", "start bob"} {
		require.Contains(t, ask(command), "You are not logged in to Wazo", command)
	}
	require.Contains(t, ask("link Allies"), "log in first")
	require.NoError(t, s.LogIn(s.ctx, ally, room, own))

	s.Wazo.SetPhone(s.Cast.Bob, "talking")
	found := ask("search stone")
	require.Contains(t, found, "Bob Stone (1002)")
	require.Contains(t, found, "on the phone")
	require.Contains(t, ask("presence away Back at *two*"), "away, “Back at *two*”")
	require.Contains(t, ask("search Ally Smith"), "away, “Back at *two*”", "it is on Wazo")

	list := ask("rooms")
	require.Contains(t, list, "Allies")
	require.NotContains(t, list, "Strangers")
	require.Contains(t, ask("link "+strangers.UUID), "I found no Wazo chat")
	require.Contains(t, ask("link"), "Allies")
	require.Contains(t, ask("link 1"), "Linking")
	s.waitBot(t, ally, room, harness.Notice("Linked with"))
	posted := s.Wazo.Messages(wazoRoom.UUID)
	require.Len(t, posted, 1)
	require.Equal(t, own.UUID, posted[0].UserUUID, "the person's own account introduces the link")
	_, err := ally.Send(s.ctx, room, "from Matrix")
	require.NoError(t, err)
	_, err = s.Wazo.WaitMessage(s.ctx, wazoRoom.UUID, func(m wazotest.Message) bool { return m.UserUUID == own.UUID && m.Content == "from Matrix" })
	require.NoError(t, err)
	s.Wazo.Post(wazoRoom.UUID, colleague, "from Wazo", "")
	s.waitBot(t, ally, room, harness.Says("from Wazo"))
	members := ask("who")
	require.Contains(t, members, "Will Scarlett")
	require.Contains(t, members, "in this room as "+"`"+ally.UserID().String()+"`")

	// Where others are, the answer comes in the direct chat.
	guest := s.person(t, "guest", harness.Plain)
	shared := s.invite(t, ally, harness.RoomOptions{Encrypted: encrypted, Invite: []id.UserID{guest.UserID()}})
	require.Contains(t, s.ask(t, ally, shared, "!wazo search bob"), "our direct chat")
	direct, err := ally.WaitInvite(s.ctx, s.BotID())
	require.NoError(t, err)
	require.NoError(t, ally.Join(s.ctx, direct))
	s.waitBot(t, ally, direct, harness.Notice("Bob Stone (1002)"))

	s.ask(t, ally, shared, "!wazo start 1002, Will Scarlett as “Merry”")
	_, err = s.Wazo.WaitRoom(s.ctx, func(made wazotest.Room) bool {
		return made.Name != nil && *made.Name == "Merry" && len(made.Members) == 3 && slices.Contains(made.Members, own.UUID)
	})
	require.NoError(t, err)
}
