package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func TestInvite(t *testing.T) { withEachClient(t, testInvite) }

func testInvite(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	for _, kind := range kinds {
		t.Run("by an administrator is accepted with a hello "+kind.name, func(t *testing.T) {
			room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: kind.encrypted})
			s.waitBot(t, s.Robin, room, harness.Notice("!wazo link"))
		})
		t.Run("while the relay is down is answered after its start "+kind.name, func(t *testing.T) {
			require.NoError(t, s.Relay.Stop())
			room, err := s.Robin.CreateRoom(s.ctx, harness.RoomOptions{Encrypted: kind.encrypted, Invite: []id.UserID{s.BotID()}})
			require.NoError(t, err)
			require.NoError(t, s.Relay.Restart(s.ctx))
			s.waitBot(t, s.Robin, room, harness.Notice("Hello!"))
		})
	}
	t.Run("by an allowed person is accepted", func(t *testing.T) {
		s.invite(t, s.person(t, "ally", harness.Plain), harness.RoomOptions{})
	})
	t.Run("by anybody else is declined with a reason", func(t *testing.T) {
		s, between := openBehindProxy(t, robin)
		stranger := s.person(t, "stranger", harness.Plain)
		room, err := stranger.CreateRoom(s.ctx, harness.RoomOptions{Invite: []id.UserID{s.BotID()}})
		require.NoError(t, err)
		_, err = stranger.WaitEvent(s.ctx, room, harness.Membership(s.BotID(), event.MembershipLeave))
		require.NoError(t, err)
		// Dendrite drops the reason, so it is looked for on its way there.
		require.NoError(t, between.until(s.ctx, func() bool { return len(between.leaves) > 0 }))
		require.Contains(t, between.leaves[0], "You may not invite this bot")
		for _, entry := range stranger.Timeline(room) {
			require.False(t, harness.Membership(s.BotID(), event.MembershipJoin)(entry.Event), "the bot was never in the room")
		}
	})
}
