package bot

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

func TestRoomsAreNamedForTheirMembersOnly(t *testing.T) {
	t.Parallel()
	const alias = "#board:a.example"
	f := newFixture(t)
	f.start()
	f.first()
	f.hs.addRoom(otherRoom, adminUser)
	f.hs.setState(otherRoom, "m.room.name", map[string]any{"name": "Board"})
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		alias, found := strings.CutPrefix(r.URL.Path, "/_matrix/client/v3/directory/room/")
		if found {
			require.NotContains(t, alias, "b.example", "other servers are not asked")
			_, _ = w.Write(toJSON(map[string]any{"room_id": otherRoom}))
		}
		return found
	})
	name := func(room string, user id.UserID) string { return f.bot.SharedRoomName(t.Context(), room, user) }
	require.Empty(t, name(otherRoom.String(), adminUser), "the bot is not there")

	f.hs.pushTimeline(otherRoom, f.hs.member(botUser, joinedAs("Wazo"), ""), f.hs.member(adminUser, joinedAs("Robin"), ""), f.hs.member(guestUser, `{"membership":"invite"}`, ""))
	f.hs.allSeen()
	require.Equal(t, "Board", name(otherRoom.String(), adminUser))
	require.Equal(t, "Board", name(alias, adminUser))
	require.Empty(t, name("#board:b.example", adminUser))
	for _, stranger := range []id.UserID{guestUser, "@nobody:a.example"} {
		require.Empty(t, name(otherRoom.String(), stranger))
		require.Empty(t, name(alias, stranger))
	}

	f.hs.removeState(otherRoom, "m.room.name")
	require.Empty(t, name(otherRoom.String(), adminUser))
	f.hs.setState(otherRoom, "m.room.canonical_alias", map[string]any{"alias": alias})
	require.Equal(t, alias, name(otherRoom.String(), adminUser))

	f.hs.pushTimeline(otherRoom, f.hs.member(adminUser, hasLeft, joinedAs("Robin")))
	f.hs.allSeen()
	require.Empty(t, name(otherRoom.String(), adminUser), "who has left is a stranger again")
}
