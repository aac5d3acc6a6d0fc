package relay

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// newAskFixture returns a fixture in which robin has logged in as alice.
func newAskFixture(t *testing.T) *fixture {
	f := newFixture(t)
	f.start()
	f.logIn(robinUser, f.alice)
	return f
}

// hire adds a user on Wazo.
func (f *fixture) hire(username, first, last, exten string) wazotest.User {
	return f.wazo.AddUser(wazotest.User{Username: username, Password: "p", Firstname: first, Lastname: last, Exten: exten, Tenant: f.tenant})
}

// requireRefused requires that a person is told why something cannot be.
func requireRefused(t *testing.T, err error, want string) {
	t.Helper()
	var refused *UserError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, want, refused.Words)
}

func TestWhatTakesALoginSaysHowToLogIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	ask := map[string]func() (string, error){
		"search":       func() (string, error) { return f.core.Search(f.ctx, robinUser, "alice") },
		"presence":     func() (string, error) { return f.core.OwnPresence(f.ctx, robinUser) },
		"set presence": func() (string, error) { return f.core.SetPresence(f.ctx, robinUser, "away") },
		"rooms":        func() (string, error) { return f.core.ListRooms(f.ctx, robinUser) },
		"start":        func() (string, error) { return f.core.StartChat(f.ctx, robinUser, []string{"bob"}, "") },
	}
	for _, ask := range ask {
		_, err := ask()
		requireRefused(t, err, txt.NotLoggedIn())
	}
	f.logIn(robinUser, f.alice)
	f.wazo.RevokeRefreshTokens(f.alice)
	f.wazo.RevokeTokens(f.alice)
	for range 2 { // when that is noticed, and afterwards
		for _, ask := range ask {
			_, err := ask()
			requireRefused(t, err, txt.LogInNotAccepted())
		}
	}
	f.awaitTold(txt.LogInEnded("alice")) // once
}

func TestSearchShowsTenPeopleWithTheirPresences(t *testing.T) {
	t.Parallel()
	f := newAskFixture(t)
	muster := f.hire("max", "Max", "Muster", "1004")
	for i := range 12 {
		f.hire(fmt.Sprint("u", i), "Maxine", fmt.Sprintf("Last%02d", i), fmt.Sprint(2000+i))
	}
	stranger := f.wazo.AddTenant("globex")
	f.wazo.AddUser(wazotest.User{Username: "other", Password: "p", Firstname: "Max", Lastname: "Globex", Tenant: stranger})
	status := "In a *meeting*\n\u202eevil"
	acc := f.client.Account(wazoapi.Credentials{Username: "max", Password: "p"}, nil)
	require.NoError(t, acc.SetPresence(f.ctx, wazoapi.Away, &status))
	f.wazo.SetPhone(muster, "talking")
	f.wazo.SetDoNotDisturb(muster, true)

	found, err := f.core.Search(f.ctx, robinUser, "max muster")
	require.NoError(t, err)
	want := words.People{Shown: []words.Person{{
		Line: "Max Muster (1004)", Presence: &words.Presence{State: "away", Text: "In a *meeting* evil", OnThePhone: true, DoNotDisturb: true},
	}}}
	require.Equal(t, txt.Found("max muster", want), found)

	found, err = f.core.Search(f.ctx, robinUser, "max")
	require.NoError(t, err)
	require.Contains(t, found, "There are 3 more.")
	require.NotContains(t, found, "Globex", "another tenant")
	found, err = f.core.Search(f.ctx, robinUser, "2003")
	require.NoError(t, err)
	require.Contains(t, found, "Maxine Last03 (2003)")

	_, err = f.core.Search(f.ctx, robinUser, "nobody `x`")
	requireRefused(t, err, txt.NobodyHasAccount("nobody `x`"))
	_, err = f.core.Search(f.ctx, robinUser, " \u200b\x00 ")
	requireRefused(t, err, txt.SearchUsage())

	f.wazo.Faults().PresencesNotReady()
	found, err = f.core.Search(f.ctx, robinUser, "max muster")
	require.NoError(t, err, "names are worth something without presences")
	require.Equal(t, txt.Found("max muster", words.People{Shown: []words.Person{{Line: "Max Muster (1004)"}}, NoPresences: true}), found)
}

func TestSearchGoesThroughThePersonsOwnAccount(t *testing.T) {
	t.Parallel()
	f := newAskFixture(t)
	before := f.wazo.RequestsBy(f.alice)
	_, err := f.core.Search(f.ctx, robinUser, "bob")
	require.NoError(t, err)
	const presences = "GET /api/chatd/1.0/users/presences"
	require.Equal(t, before[presences]+1, f.wazo.RequestsBy(f.alice)[presences])
	require.Zero(t, f.wazo.RequestsBy(f.relay)[presences])
	f.wazo.SetACL(f.alice, []string{"!dird.directories.default.sources.read"})
	f.wazo.RevokeTokens(f.alice) // rights count from the next token on
	_, err = f.core.Search(f.ctx, robinUser, "bob")
	requireRefused(t, err, txt.AccountLacksPermission())
}

func TestWhoShowsTheMembersOfTheChat(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	_, err := f.core.Who(f.ctx, robinUser, roomID)
	requireRefused(t, err, txt.NotLinked())
	f.link()
	f.matrix.call(robinUser, "Robin", false)
	f.mapTo(robinUser, f.alice)
	f.mapTo(eveUser, f.bob) // who is not in the room
	list := func(alice, bob words.Person) string {
		return txt.Who("Project", words.People{Shown: []words.Person{alice, bob, {Line: "Matrix Relay", Relay: true, Presence: &words.Presence{}}}})
	}
	unavailable := &words.Presence{State: "unavailable"}
	alice := words.Person{Line: "Alice Martin", Presence: unavailable, Here: robinUser.String()}
	shown, err := f.core.Who(f.ctx, adminUser, roomID)
	require.NoError(t, err)
	require.Equal(t, list(alice, words.Person{Line: "Bob Stone", Presence: unavailable}), shown)

	f.matrix.call(eveUser, "Eve", false)
	bob := words.Person{Line: "Bob Stone", Presence: unavailable, Here: eveUser.String()}
	shown, err = f.core.Who(f.ctx, robinUser, roomID)
	require.NoError(t, err)
	require.Equal(t, list(alice, bob), shown)

	f.wazo.RemoveMember(f.room.UUID, f.relay)
	_, err = f.core.Who(f.ctx, robinUser, roomID)
	requireRefused(t, err, txt.WhoHidden()) // a mapping gives no right
	f.logIn(robinUser, f.alice)
	shown, err = f.core.Who(f.ctx, robinUser, roomID)
	require.NoError(t, err)
	require.Contains(t, shown, "**Alice Martin**")
	require.NotContains(t, shown, "Matrix Relay")
	f.logIn(eveUser, f.hire("zoe", "Zoe", "Zorro", "")) // who is in no chat
	_, err = f.core.Who(f.ctx, eveUser, roomID)
	requireRefused(t, err, txt.WhoHidden())
}

func TestPeopleAreAnsweredWithoutARelayAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.noRelay = true
	f.start()
	_, err := f.core.ListRooms(f.ctx, adminUser)
	requireRefused(t, err, txt.NotLoggedIn())
	_, err = f.core.RoomToLink(f.ctx, "Project", adminUser)
	requireRefused(t, err, txt.NoRelayAccount())
	f.logIn(robinUser, f.alice)
	shown, err := f.core.ListRooms(f.ctx, robinUser)
	require.NoError(t, err)
	require.Contains(t, shown, "**Project**")
	room, err := f.core.RoomToLink(f.ctx, "1", robinUser)
	require.NoError(t, err)
	_, err = f.core.Link(f.ctx, LinkRequest{Room: roomID, By: robinUser}, room)
	require.NoError(t, err)
	f.matrix.awaitLinked()
	shown, err = f.core.Who(f.ctx, robinUser, roomID)
	require.NoError(t, err)
	require.Contains(t, shown, "**Alice Martin**")
	_, err = f.core.Who(f.ctx, adminUser, roomID)
	requireRefused(t, err, txt.WhoHidden())
	_, err = f.core.Search(f.ctx, robinUser, "bob")
	require.NoError(t, err)
	_, err = f.core.StartChat(f.ctx, robinUser, []string{"bob stone"}, "")
	require.NoError(t, err)
	await.Until(t, "the room", func() bool { return len(f.matrix.plans()) == 1 })
}

func TestOwnPresence(t *testing.T) {
	t.Parallel()
	f := newAskFixture(t)
	shown, err := f.core.OwnPresence(f.ctx, robinUser)
	require.NoError(t, err)
	require.Equal(t, txt.YourPresence(words.Presence{State: "unavailable"}), shown)
	for _, test := range []struct {
		typed string
		want  words.Presence
	}{
		{"available", words.Presence{State: "available"}},
		{"AWAY In a  meeting", words.Presence{State: "away", Text: "In a meeting"}},
		{"invisible", words.Presence{State: "invisible", Text: "In a meeting"}},
		{"online: “at my desk”", words.Presence{State: "available", Text: "at my desk"}},
		{"offline \u202e\x00*", words.Presence{State: "unavailable", Text: "*"}},
		{`Available ""`, words.Presence{State: "available"}},
	} {
		shown, err = f.core.SetPresence(f.ctx, robinUser, test.typed)
		require.NoError(t, err, test.typed)
		require.Equal(t, txt.YourPresence(test.want), shown, test.typed)
	}
	for _, typed := range []string{"do not disturb", "Do Not Disturb until five", "dnd"} {
		_, err = f.core.SetPresence(f.ctx, robinUser, typed)
		requireRefused(t, err, txt.PresenceNotDisturbed())
	}
	_, err = f.core.SetPresence(f.ctx, robinUser, "asleep `now`")
	requireRefused(t, err, txt.PresenceUnknown("asleep `now`"))
	f.wazo.Faults().PresencesNotReady()
	_, err = f.core.OwnPresence(f.ctx, robinUser)
	requireRefused(t, err, txt.PresencesNotReady())
}

func TestRoomsAreThoseOfOnesOwnAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	secret := f.wazo.CreateRoom("", f.alice, f.bob)
	f.wazo.CreateRoom("Of others", f.relay, f.bob)
	f.start()
	f.link()
	_, err := f.core.ListRooms(f.ctx, robinUser)
	requireRefused(t, err, txt.NotLoggedIn())
	shown, err := f.core.ListRooms(f.ctx, adminUser)
	require.NoError(t, err)
	require.Contains(t, shown, "The relay's Wazo account is a member", "an administrator without a log-in")
	require.NotContains(t, shown, secret.UUID)

	f.logIn(robinUser, f.alice)
	lines := []words.OwnRoom{
		{Title: "Bob Stone", UUID: secret.UUID, Members: 2},
		{Title: "Project", UUID: f.room.UUID, Members: 3, Linked: true},
	}
	shown, err = f.core.ListRooms(f.ctx, robinUser)
	require.NoError(t, err)
	require.Equal(t, txt.OwnRooms(lines, 0), shown)
	f.matrix.call(robinUser, "Robin", false) // joins
	lines[1].MatrixRoom = roomID.String()
	shown, err = f.core.ListRooms(f.ctx, robinUser)
	require.NoError(t, err)
	require.Equal(t, txt.OwnRooms(lines, 0), shown)

	for what, want := range map[string]string{"1": secret.UUID, "2": f.room.UUID, "stone": secret.UUID, secret.UUID: secret.UUID} {
		room, err := f.core.RoomToLink(f.ctx, what, robinUser)
		require.NoError(t, err, what)
		require.Equal(t, want, string(room.UUID), what)
	}
	others, err := f.core.FindRoom(f.ctx, "Of others", adminUser)
	require.NoError(t, err)
	for _, what := range []string{"3", "Of others", string(others.UUID), "00000000-0000-4000-8000-000000000001"} {
		_, err = f.core.RoomToLink(f.ctx, what, robinUser)
		requireRefused(t, err, txt.NoSuchOwnRoom(what))
	}
	f.wazo.RemoveMember(secret.UUID, f.alice)
	_, err = f.core.RoomToLink(f.ctx, secret.UUID, robinUser)
	requireRefused(t, err, txt.NoSuchOwnRoom(secret.UUID)) // what was listed before does not count
}

func TestPersonLinksARoomOfTheirOwnAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	secret := f.wazo.CreateRoom("", f.alice, f.bob)
	f.start()
	room := func(by id.UserID) wazoapi.Room {
		room, err := f.core.RoomToLink(f.ctx, secret.UUID, by)
		require.NoError(t, err)
		return room
	}
	f.logIn(robinUser, f.alice)
	portal, err := f.core.Link(f.ctx, LinkRequest{Room: roomID, By: robinUser}, room(robinUser))
	require.NoError(t, err)
	require.Equal(t, "Bob Stone", portal.Title, "as the person knows it")
	require.Equal(t, f.core.accounts.of(robinUser).row.ID, portal.ReaderID)
	f.matrix.awaitLinked()
	posted := f.wazo.Messages(secret.UUID)
	require.Len(t, posted, 1)
	require.Equal(t, f.alice.UUID, posted[0].UserUUID, "through the person's own account")
	require.Equal(t, txt.Introduction("Test room"), posted[0].Content)

	f.logIn(eveUser, f.bob)
	_, err = f.core.Link(f.ctx, LinkRequest{Room: "!other:a.example", By: eveUser}, room(eveUser))
	requireRefused(t, err, txt.AlreadyLinked("Bob Stone"))
	require.NoError(t, f.core.Unlink(f.ctx, roomID))
	await.Until(t, "the goodbye", func() bool { return len(f.wazo.Messages(secret.UUID)) == 2 })
	require.Equal(t, f.alice.UUID, f.wazo.Messages(secret.UUID)[1].UserUUID)
}

// The relay account hears what the person's own account says when a room is linked.
func TestIntroductionThroughOnesOwnAccountIsNotShown(t *testing.T) {
	t.Parallel()
	f := newAskFixture(t)
	room, err := f.core.RoomToLink(f.ctx, "Project", robinUser)
	require.NoError(t, err)
	_, err = f.core.Link(f.ctx, LinkRequest{Room: roomID, By: robinUser}, room)
	require.NoError(t, err)
	f.matrix.awaitLinked()
	f.awaitEmpty()
	require.NoError(t, (&reader{f.core, f.core.account}).MessageCreated(f.ctx, f.heard(f.room, 0)))
	f.awaitEmpty()
	require.Empty(t, f.matrix.shown())
}

// heard returns a message of a room as an account hears it.
func (f *fixture) heard(room wazotest.Room, index int) wazoapi.Message {
	f.Helper()
	acc := f.client.Account(wazoapi.Credentials{Username: f.alice.Username, Password: f.alice.Password}, nil)
	page, err := acc.Messages(f.ctx, wazoapi.UUID(room.UUID), wazoapi.MessageQuery{Direction: wazoapi.Ascending})
	require.NoError(f, err)
	return page.Items[index]
}

func TestLinkOfARoomOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	others := f.wazo.CreateRoom("Of others", f.relay, f.bob)
	f.start()
	room, err := f.core.FindRoom(f.ctx, others.UUID, adminUser)
	require.NoError(t, err)
	f.logIn(robinUser, f.alice)
	_, err = f.core.Link(f.ctx, LinkRequest{Room: roomID, By: robinUser}, room)
	requireRefused(t, err, txt.NoSuchRoom(others.UUID))
	_, err = f.core.Link(f.ctx, LinkRequest{Room: roomID, By: eveUser}, room)
	requireRefused(t, err, txt.LinkNeedsLogin())
	require.Empty(t, f.wazo.Messages(others.UUID))
}

// The answer to the introduction is lost; the search for it goes through the account that reads the room.
func TestIntroductionThroughOnesOwnAccountIsPostedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	secret := f.wazo.CreateRoom("Secret", f.alice, f.bob)
	f.start()
	f.logIn(robinUser, f.alice)
	f.wazo.Faults().PublishFails(wazotest.Times(1).By(f.alice))
	room, err := f.core.RoomToLink(f.ctx, secret.UUID, robinUser)
	require.NoError(t, err)
	_, err = f.core.Link(f.ctx, LinkRequest{Room: roomID, By: robinUser}, room)
	require.NoError(t, err)
	f.matrix.awaitLinked()
	require.Len(t, f.wazo.Messages(secret.UUID), 1)
	require.Zero(t, f.core.health.of(serviceToWazo).since, "it says nothing about Wazo as a whole")
}

func TestLinkThroughAnAccountThatCannotPostIsGivenUp(t *testing.T) {
	t.Parallel()
	const (
		post   = "POST /api/chatd/1.0/users/me/rooms/{room}/messages"
		anyWhy = words.Why("any")
	)
	for _, test := range []struct {
		name  string
		fail  func(f *fixture, room wazotest.Room)
		after func(f *fixture)
		why   words.Why // default: words.WhyOwnAccount
	}{
		{name: "it may not post", fail: func(f *fixture, _ wazotest.Room) {
			f.wazo.Faults().RefusePost(chatdError(http.StatusUnauthorized, "unauthorized", wazoapi.ReasonMissingPermission), wazotest.Always().By(f.alice))
		}},
		{name: "the log-in is over", fail: func(f *fixture, _ wazotest.Room) {
			f.wazo.RevokeRefreshTokens(f.alice)
			f.wazo.RevokeTokens(f.alice)
		}, why: anyWhy}, // the post finds that out, or the connection for events does before
		{name: "the person was removed from the chat", fail: func(f *fixture, room wazotest.Room) {
			f.wazo.RemoveMember(room.UUID, f.alice)
		}},
		{name: "the person logs out", fail: func(f *fixture, _ wazotest.Room) {
			f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusServiceUnavailable), wazotest.Always().By(f.alice))
		}, after: func(f *fixture) {
			await.Until(f, "an attempt", func() bool { return f.wazo.RequestsBy(f.alice)[post] > 0 })
			f.core.accounts.remove(f.ctx, f.core.accounts.of(robinUser).row.ID)
		}, why: words.WhyLinkerLeft},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			secret := f.wazo.CreateRoom("Secret", f.alice, f.bob)
			f.start()
			f.logIn(robinUser, f.alice)
			room, err := f.core.RoomToLink(f.ctx, secret.UUID, robinUser)
			require.NoError(t, err)
			test.fail(f, secret)
			_, err = f.core.Link(f.ctx, LinkRequest{Room: roomID, By: robinUser}, room)
			require.NoError(t, err)
			if test.after != nil {
				test.after(f)
			}
			if test.why == anyWhy {
				f.matrix.awaitNotice(strings.TrimSuffix(txt.LinkFailed("Secret", ""), "."))
			} else {
				f.matrix.awaitNotice(txt.LinkFailed("Secret", txt.Why(cmp.Or(test.why, words.WhyOwnAccount))))
			}
			portal, err := f.core.Portal(f.ctx, roomID)
			require.NoError(t, err)
			require.Nil(t, portal)
			require.Empty(t, f.wazo.Messages(secret.UUID))
			if test.after == nil {
				require.Zero(t, f.core.health.of(serviceToWazo).since, "it says nothing about Wazo as a whole")
			}
		})
	}
}

func TestLongListOfRoomsIsCut(t *testing.T) {
	t.Parallel()
	f := newAskFixture(t)
	for i := range maxRooms {
		f.wazo.CreateRoom(fmt.Sprint("Room ", i), f.alice, f.hire(fmt.Sprint("user", i), "User", fmt.Sprint(i), ""))
	}
	shown, err := f.core.ListRooms(f.ctx, robinUser)
	require.NoError(t, err)
	require.Contains(t, shown, fmt.Sprintf("%d. **", maxRooms))
	require.NotContains(t, shown, fmt.Sprintf("%d. **", maxRooms+1))
	require.Contains(t, shown, "There is 1 more. You can link it by its name.")
}
