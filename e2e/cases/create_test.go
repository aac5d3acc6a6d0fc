package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
)

func TestCreate(t *testing.T) { inEachSetting(t, testCreate) }

func testCreate(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	s.Hire("Max", "Muster")
	s.Hire("Max", "Muster")
	cast := s.Cast

	for _, test := range []struct {
		name    string
		command string
		author  wazotest.User
		members []string
		title   string // of the Wazo room; "" is none
	}{
		{"people by name, with a title", `Alice Martin, Bob Stone as "Project X"`, cast.Alice, []string{cast.Alice.UUID, cast.Bob.UUID}, "Project X"},
		{"somebody by name, without accents", "chloe roy", cast.Chloe, []string{cast.Chloe.UUID}, ""},
		{"somebody by extension", "1002", cast.Bob, []string{cast.Bob.UUID}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: encrypted})
			require.Contains(t, s.ask(t, s.Robin, room, "!wazo create "+test.command), "Linking")
			s.waitBot(t, s.Robin, room, harness.Notice("Linked with"))
			made := s.newestRoom(t)
			require.ElementsMatch(t, append(test.members, cast.Relay.UUID), made.Members)
			if test.title == "" {
				require.True(t, made.Name == nil || *made.Name == "", "the room has no name")
			} else {
				require.NotNil(t, made.Name)
				require.Equal(t, test.title, *made.Name)
			}
			p := &portal{fixture: s, Portal: stage.Portal{Matrix: room, Wazo: made.UUID}, author: test.author}
			p.requireTalk(t)

			again := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: encrypted})
			answer := s.ask(t, s.Robin, again, "!wazo create "+test.command)
			require.Contains(t, answer, "already linked with another Matrix room", "the same people are the same room")
			require.Contains(t, answer, room.String())
		})
	}

	before := len(s.Wazo.Rooms())
	room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: encrypted})
	for _, test := range []struct{ name, command, answer string }{
		{"nobody is found", "create Zebulon Zorro", "I found nobody called `Zebulon Zorro`"},
		{"one of several is not found", "create Alice Martin, Zebulon Zorro", "I found nobody called `Zebulon Zorro`"},
		{"several are found", "create Max Muster", "Several people match `Max Muster`"},
		{"nobody is named", "create", "With whom?"},
		{"only the relay itself is named", "create Matrix Relay", "somebody besides the relay's Wazo account"},
	} {
		t.Run("is refused when "+test.name, func(t *testing.T) {
			require.Contains(t, s.ask(t, s.Robin, room, "!wazo "+test.command), test.answer)
		})
	}
	require.Len(t, s.Wazo.Rooms(), before, "refused commands leave no room behind")
}

func (s *fixture) newestRoom(t *testing.T) wazotest.Room {
	t.Helper()
	rooms := s.Wazo.Rooms()
	require.NotEmpty(t, rooms)
	return rooms[len(rooms)-1]
}
