package relay

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// share puts a person into a room with a name and an alias.
func (f *fakeMatrix) share(user id.UserID, name string, ids ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shared == nil {
		f.shared = make(map[id.UserID]map[string]string)
	}
	if f.shared[user] == nil {
		f.shared[user] = make(map[string]string)
	}
	for _, room := range ids {
		f.shared[user][room] = name
	}
}

func TestLinksToRoomsAreNamedForThoseWhoAreThere(t *testing.T) {
	t.Parallel()
	const secret, team = "https://matrix.to/#/!secret:a.example", "https://matrix.to/#/%23team:a.example"
	f := newFixture(t)
	f.start()
	f.link()
	f.matrix.share(adminUser, "Board", "!secret:a.example", "#team:a.example")
	f.matrix.share(botUser, "Board", "!secret:a.example", "#team:a.example")

	f.matrix.say(adminUser, "see "+secret)
	f.matrix.say(adminUser, "see matrix:roomid/secret:a.example and "+team)
	guessed := f.matrix.say(bea, "see "+secret+" and "+team)
	f.awaitRelayed("see Board", "see Board and Board", "see "+secret+" and #team:a.example")

	f.reply(adminUser, guessed, "what?")
	f.awaitOnWazo("what?\n\n> bea: see https://matrix.to/#/!secret:a.examp…")

	f.wazo.Post(f.room.UUID, f.alice, "see "+secret, "")
	f.awaitShown("Alice Martin: see " + secret)
	f.reply(adminUser, f.shownEvent("see "+secret), "no")
	f.awaitOnWazo("no\n\n> Alice Martin: see https://matrix.to/#/!secret:a.examp…")
}

func TestFewRoomsOfAMessageAreLookedUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	text := ""
	for _, room := range numbered("!room", 20) {
		text += " https://matrix.to/#/" + room + ":a.example"
	}
	f.matrix.say(adminUser, "many"+strings.Repeat(text, 2))
	f.awaitRelayed("many" + strings.Repeat(text, 2))
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	require.Len(t, f.matrix.lookedRooms, maxRoomLinks)
}
