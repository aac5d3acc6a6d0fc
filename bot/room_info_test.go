package bot

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// TestPowerOfCreators is about the versions of rooms in which the power of who made the room is not the same
// (client-server API, "m.room.power_levels"; room version 12, "Room creators").
func TestPowerOfCreators(t *testing.T) {
	t.Parallel()
	const (
		sender  = id.UserID("@creator:a.example") // of m.room.create, see fakeHomeserver.state
		named   = id.UserID("@named:a.example")   // by its content
		second  = id.UserID("@second:a.example")  // an additional creator
		listed  = id.UserID("@listed:a.example")  // in m.room.power_levels
		nobody  = id.UserID("@nobody:a.example")
		highest = math.MaxInt
	)
	for _, test := range []struct {
		version    any  // nil: not told, which means 1
		withLevels bool // the room has m.room.power_levels

		sender, named, second, listed, nobody int
		state                                 int // what takes changing the room's state
	}{
		{nil, false, 0, 100, 0, 0, 0, 0},
		{nil, true, 5, 5, 5, 60, 5, 50},
		{"1", false, 0, 100, 0, 0, 0, 0},
		{"1", true, 5, 5, 5, 60, 5, 50},
		{"10", false, 0, 100, 0, 0, 0, 0},
		{"10", true, 5, 5, 5, 60, 5, 50},
		{"11", false, 100, 0, 0, 0, 0, 0},
		{"11", true, 5, 5, 5, 60, 5, 50},
		{"12", false, highest, 0, highest, 0, 0, 0},
		{"12", true, highest, 5, highest, 60, 5, 50},
	} {
		version, _ := test.version.(string)
		name := "version " + version + " without levels"
		if test.withLevels {
			name = "version " + version + " with levels"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.first()
			f.hs.addRoom(roomID)
			create := map[string]any{"creator": named, "additional_creators": []id.UserID{second}}
			if test.version != nil {
				create["room_version"] = test.version
			}
			f.hs.setState(roomID, "m.room.create", create)
			f.hs.removeState(roomID, "m.room.power_levels")
			if test.withLevels {
				f.hs.setState(roomID, "m.room.power_levels", map[string]any{"users": map[id.UserID]int{listed: 60}, "users_default": 5})
			}
			levels, err := f.bot.info.powerLevels(t.Context(), roomID)
			require.NoError(t, err)
			for user, want := range map[id.UserID]int{
				sender: test.sender, named: test.named, second: test.second, listed: test.listed, nobody: test.nobody,
			} {
				require.Equal(t, want, levels.GetUserLevel(user), user)
			}
			require.Equal(t, test.state, levels.GetEventLevel(event.StateTopic))
			require.Equal(t, 0, levels.GetEventLevel(event.EventMessage))
		})
	}
}

func TestPowerLevelsOfOldRoomsMayBeTexts(t *testing.T) {
	t.Parallel()
	levels, err := parsePowerLevels([]byte(`{"users":{"@robin:a.example":"100","@sam:a.example":" 50 "},"users_default":"5","events":{"m.room.message":"10"},"events_default":0,"state_default":"75"}`))
	require.NoError(t, err)
	require.Equal(t, 100, levels.GetUserLevel("@robin:a.example"))
	require.Equal(t, 50, levels.GetUserLevel("@sam:a.example"))
	require.Equal(t, 5, levels.GetUserLevel("@eve:a.example"))
	require.Equal(t, 10, levels.GetEventLevel(event.EventMessage))
	require.Equal(t, 75, levels.GetEventLevel(event.StateTopic))

	_, err = parsePowerLevels([]byte(`{"users":{"@robin:a.example":"much"}}`))
	require.Error(t, err)
	_, err = parsePowerLevels([]byte(`[]`))
	require.Error(t, err)
}
