package cases

import (
	"net/http"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// upgrade replaces a room as Element does (client-server API, "Room upgrades").
func (s *fixture) upgrade(t *testing.T, room id.RoomID) id.RoomID {
	t.Helper()
	client := s.Robin.Matrix()
	version := "11"
	if s.Homeserver.Software() == harness.Synapse {
		version = "12" // the one that it makes rooms of
	}
	var answer struct {
		Replacement id.RoomID `json:"replacement_room"`
	}
	_, err := client.MakeRequest(s.ctx, http.MethodPost, client.BuildURL(mautrix.ClientURLPath{"v3", "rooms", room, "upgrade"}),
		map[string]string{"new_version": version}, &answer)
	require.NoError(t, err)
	return answer.Replacement
}

func TestUpgradedRoomIsFollowed(t *testing.T) { withEachClient(t, testUpgradedRoomIsFollowed) }

func testUpgradedRoomIsFollowed(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			p := s.link(t, harness.RoomOptions{Encrypted: kind.encrypted})
			p.requireTalk(t)
			// The new room is entered by invite only: whoever linked the old one is told.
			room := s.upgrade(t, p.Matrix)
			p.waitToldOfReplacement(t, room)
			p.post("wazo line of the meantime")
			require.NoError(t, s.Robin.Invite(s.ctx, room, s.BotID()))
			s.waitBot(t, s.Robin, room, harness.Notice("This room replaces the one that was linked"))
			p.Portal.Matrix = room
			p.requireTalk(t)
			require.Equal(t, []string{"wazo line of the meantime"}, lines(fromWazo, p.onMatrix(t)))
		})
	}
}

func TestRoomThatOnlyClaimsToReplaceAnotherIsNotFollowed(t *testing.T) {
	inEachSetting(t, testRoomThatOnlyClaimsToReplaceAnotherIsNotFollowed)
}

func testRoomThatOnlyClaimsToReplaceAnotherIsNotFollowed(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
	client := s.Robin.Matrix()
	created, err := client.CreateRoom(s.ctx, &mautrix.ReqCreateRoom{
		Preset: "private_chat", Invite: []id.UserID{s.BotID()},
		CreationContent: map[string]any{"predecessor": &event.Predecessor{RoomID: p.Matrix, EventID: "$any"}},
	})
	require.NoError(t, err)
	s.waitBot(t, s.Robin, created.RoomID, harness.Says("!wazo link"))
	p.requireTalk(t)
}

// waitToldOfReplacement waits until Robin is told that the bot cannot follow.
func (p *portal) waitToldOfReplacement(t *testing.T, room id.RoomID) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.joinDirectChat(t)
	p.waitBot(t, p.Robin, p.direct, harness.Notice(room.String()))
}
