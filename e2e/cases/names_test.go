package cases

import (
	"fmt"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// linkNamesakes makes a portal in whose Wazo room two people are called Ann Smith, one of them with an extension.
// Somebody else in it is Marian, who is in the Matrix room, too.
func (s *fixture) linkNamesakes(t *testing.T, encrypted bool) (p *portal, other, marian wazotest.User, guest *harness.Client) {
	t.Helper()
	name := fmt.Sprintf("namesakes-%t", encrypted)
	first := s.Wazo.AddUser(wazotest.User{
		Username: name, Password: "stage-wazo", Firstname: "Ann", Lastname: "Smith", Exten: "2001", Tenant: s.Cast.Relay.Tenant,
	})
	other, marian = s.Hire("Ann", "Smith"), s.Hire("Maid", "Marian")
	room := s.Wazo.CreateRoom(name, first, other, marian, s.Cast.Relay)
	guest = s.person(t, fmt.Sprintf("marian-%t", encrypted), harness.Plain)
	linked, err := s.Link(s.ctx, s.Robin, harness.RoomOptions{Encrypted: encrypted, Invite: []id.UserID{guest.UserID()}}, room.UUID)
	require.NoError(t, err)
	s.join(t, guest, linked.Matrix)
	return &portal{fixture: s, Portal: linked, author: first}, other, marian, guest
}

// shownAs waits for an event with a text and returns its content.
func (p *portal) shownAs(t *testing.T, text string) *event.MessageEventContent {
	t.Helper()
	return p.waitOnMatrix(t, text).Content.AsMessage()
}

// People of one name are told apart on Matrix, and only those can be mentioned from Wazo who are known on both sides.
func TestNamesOfPeopleOnWazo(t *testing.T) {
	withEachClient(t, func(t *testing.T, client client) {
		s := open(t, client, stage.Config{})
		inEachKind(t, func(t *testing.T, encrypted bool) {
			p, other, marian, guest := s.linkNamesakes(t, encrypted)
			p.post("I am one")
			p.Wazo().Post(p.Portal.Wazo, other, "I am two", "")
			for text, name := range map[string]string{"I am one": "Ann Smith (2001)", "I am two": "Ann Smith (" + other.UUID[:4] + ")"} {
				content := p.shownAs(t, text)
				require.Equal(t, name, content.BeeperPerMessageProfile.Displayname)
				require.Equal(t, name+": "+text, content.Body)
			}

			p.post("@Maid Marian, before the mapping")
			require.Empty(t, p.shownAs(t, "before the mapping").Mentions.UserIDs)
			require.Contains(t, s.ask(t, p.Robin, p.Matrix, "!wazo map "+guest.UserID().String()+" "+marian.UUID), "is now mapped")
			p.post("@Maid Marian and @Ann Smith and @room: lunch")
			content := p.shownAs(t, "lunch")
			require.Equal(t, &event.Mentions{UserIDs: []id.UserID{guest.UserID()}}, content.Mentions)
			require.Contains(t, content.FormattedBody, `>@Maid Marian</a> and @Ann Smith and @room: lunch`)
		})
	})
}

// The rest of a very long message is a file, which Robin can read.
func TestVeryLongMessageFromWazo(t *testing.T) {
	withEachClient(t, func(t *testing.T, client client) {
		s := open(t, client, stage.Config{})
		inEachKind(t, func(t *testing.T, encrypted bool) {
			p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
			text := strings.TrimSpace(strings.Repeat(strings.Repeat("and so on ", 100)+"\n\n", 120)) + " and on to the end"
			p.post(text)
			p.post("behind it")
			p.waitOnMatrix(t, "behind it")
			shown := p.onScreen()
			require.Len(t, shown, 5)
			require.Equal(t, encrypted, shown[3].Content.AsMessage().File != nil)
			require.Equal(t, strings.Join(strings.Fields(text), " "), strings.Join(p.wordsOfLong(t, shown[:4]), " "))
		})
	})
}

// wordsOfLong returns the words of a message from Wazo that is shown as some texts and a file.
func (p *portal) wordsOfLong(t *testing.T, shown []harness.Entry) []string {
	t.Helper()
	var all strings.Builder
	texts := len(shown) - 1
	for _, entry := range shown[:texts] {
		all.WriteString(plainText(entry.Event) + " ")
	}
	file := shown[texts].Content.AsMessage()
	require.Equal(t, event.MsgFile, file.MsgType)
	rest, err := p.Robin.ReadFile(p.ctx, file)
	require.NoError(t, err)
	all.Write(rest)
	return strings.Fields(all.String())
}
