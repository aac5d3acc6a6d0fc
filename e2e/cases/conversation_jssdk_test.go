package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// A person who uses matrix-js-sdk logs in, accepts the invitations to conversations that open by themselves, reads and
// answers there. The client shows a conversation of two people among the direct chats, and one of several among the
// rooms.
func TestConversationsInMatrixJSSDK(t *testing.T) {
	t.Parallel()
	s := open(t, withJSSDK(), stage.Config{})
	p, own := s.ownPortal(t, true)
	p.logInByDialogue(t, own)
	author := s.Hire("Alan", "Dale")

	direct := &chat{fixture: s, room: s.Wazo.CreateRoom("", own, author), own: own, author: author}
	room := direct.requireOpens(t, harness.ShownRoom{Name: "Alan Dale", DirectWith: s.BotID(), Encrypted: true})
	listed := map[id.UserID][]id.RoomID{s.BotID(): {room}}
	require.Equal(t, listed, direct.directChats(t))

	group := &chat{fixture: s, room: s.Wazo.CreateRoom("Merry Men", own, author, s.Cast.Alice), own: own, author: author}
	group.requireOpens(t, harness.ShownRoom{Name: "Merry Men", Encrypted: true})
	require.Equal(t, listed, direct.directChats(t))

	p.requireTalkOf(t, own)
}

// requireOpens has people talk in a chat that opens by itself. The client of Robin must show its room in a certain way,
// before and after the invitation is accepted, and must warn of nothing that the bot says. It returns the room.
func (c *chat) requireOpens(t *testing.T, shown harness.ShownRoom) id.RoomID {
	t.Helper()
	client := c.Robin.JS()
	c.post("are you there?")
	room, err := c.Robin.WaitInvite(c.ctx, c.BotID())
	require.NoError(t, err)
	shown.Membership = event.MembershipInvite
	now, err := client.Room(c.ctx, room)
	require.NoError(t, err)
	if homeserver.Software() == harness.Dendrite { // its invitations show nothing of the room (docs/matrix.md, "Dendrite")
		now.Name, now.Encrypted = shown.Name, shown.Encrypted
	}
	require.Equal(t, shown, now, "the invitation")

	require.NoError(t, client.Accept(c.ctx, room))
	opening := c.waitBot(t, c.Robin, room, harness.Says("are you there?"))
	require.True(t, opening.Mautrix.WasEncrypted)
	shown.Membership = event.MembershipJoin
	now, err = client.Room(c.ctx, room)
	require.NoError(t, err)
	require.Equal(t, shown, now, "the room")

	_, err = c.Robin.Send(c.ctx, room, "here I am")
	require.NoError(t, err)
	_, err = c.Wazo.WaitMessage(c.ctx, c.room.UUID, func(m wazotest.Message) bool {
		return m.UserUUID == c.own.UUID && m.Content == "here I am" && (m.Alias == nil || *m.Alias == "")
	})
	require.NoError(t, err)
	c.post("welcome")
	for _, entry := range []harness.Entry{opening, c.waitBot(t, c.Robin, room, harness.Says("welcome"))} {
		shield, err := client.Shield(c.ctx, entry)
		require.NoError(t, err)
		require.Equal(t, harness.NoShield, shield, "%s", entry.Content.AsMessage().Body)
	}
	return room
}

// directChats returns what the client of Robin lists as direct chats.
func (c *chat) directChats(t *testing.T) map[id.UserID][]id.RoomID {
	t.Helper()
	direct, err := c.Robin.JS().Direct(c.ctx)
	require.NoError(t, err)
	return direct
}
