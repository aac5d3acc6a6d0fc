package relay

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// shownEvent is an event that shows what was said on Wazo.
type shownEvent struct {
	event.MessageEventContent
	as id.UserID
}

// awaitEvents waits until as many events show what was said on Wazo, and returns them.
func (f *fixture) awaitEvents(n int) []shownEvent {
	f.Helper()
	await.Until(f, fmt.Sprintf("%d events", n), func() bool { return len(f.matrix.shown()) >= n })
	f.awaitEmpty()
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	var shown []shownEvent
	for _, evt := range f.matrix.rooms[roomID] {
		if evt.Tag == nil || evt.Tag.Kind != TagMessage {
			continue
		}
		content := shownEvent{as: f.matrix.as[evt.ID]}
		require.NoError(f, json.Unmarshal(evt.Content.VeryRaw, &content.MessageEventContent))
		shown = append(shown, content)
	}
	require.Len(f, shown, n)
	return shown
}

// leave makes a person, who is called so until now, leave the room.
func (f *fakeMatrix) leave(user id.UserID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.names, user)
}

func (f *fakeMatrix) setInvited(user id.UserID, invited bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.invited == nil {
		f.invited = make(map[id.UserID]bool)
	}
	f.invited[user] = invited
}

func TestWhatSomebodyWritesOnWazoIsShownUnderTheirNameOnMatrix(t *testing.T) {
	t.Parallel()
	for _, loggedIn := range []bool{true, false} {
		t.Run(fmt.Sprintf("logged in: %t", loggedIn), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			if loggedIn {
				f.logIn(robinUser, f.alice)
			} else {
				f.mapTo(robinUser, f.alice)
			}
			f.link()
			say := func(n int, by wazotest.User) shownEvent {
				f.wazo.Post(f.room.UUID, by, "hi", "")
				return f.awaitEvents(n)[n-1]
			}
			shown := say(1, f.alice)
			require.Equal(t, "Alice Martin: hi", shown.Body, "robin is not in the room")
			require.Empty(t, shown.as)

			f.matrix.call(robinUser, "Robin", false)
			shown = say(2, f.alice)
			require.Equal(t, "Robin: hi", shown.Body)
			require.Equal(t, "Robin", shown.BeeperPerMessageProfile.Displayname)
			require.Equal(t, f.alice.UUID, shown.BeeperPerMessageProfile.ID)
			require.Equal(t, robinUser, shown.as)
			require.Equal(t, event.MsgText, shown.MsgType, "the others are to be notified")
			require.Empty(t, say(3, f.bob).as)

			f.matrix.leave(adminUser)
			require.Equal(t, event.MsgNotice, say(4, f.alice).MsgType, "nobody else is there")
			require.Equal(t, event.MsgText, say(5, f.bob).MsgType)

			f.matrix.call(adminUser, "Ada", false)
			f.matrix.setInvited(adminUser, true)
			require.Equal(t, event.MsgText, say(6, f.alice).MsgType, "somebody will read it")

			f.matrix.setInvited(robinUser, true)
			require.Equal(t, "Alice Martin: hi", say(7, f.alice).Body, "robin has not joined yet")
		})
	}
}

func TestMemberWithoutNameIsShownByTheFirstPartOfTheID(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.matrix.call(robinUser, " ", false)
	f.wazo.Post(f.room.UUID, f.alice, "hi", "")
	f.awaitShown("robin: hi")
}

func TestMentionsOnWazo(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.mapTo("@bob:a.example", f.bob)
	carol := f.wazo.AddUser(wazotest.User{Username: "carol", Password: "c", Firstname: "Carol", Lastname: "White", Tenant: f.tenant})
	f.mapTo("@carol:a.example", carol)
	f.matrix.call("@carol:a.example", "Carol", false)
	f.matrix.call(robinUser, "Robin", false)
	f.wazo.Post(f.room.UUID, f.bob, "@Alice Martin, @Bob Stone, @Carol White and @Matrix Relay: look", "")
	shown := f.awaitEvents(1)[0]
	require.Equal(t, []id.UserID{robinUser}, shown.Mentions.UserIDs, "neither the author, nor who is not in both rooms")
	require.False(t, shown.Mentions.Room)
	require.Equal(t, "Bob Stone: @Alice Martin, @Bob Stone, @Carol White and @Matrix Relay: look", shown.Body)
	require.Contains(t, shown.FormattedBody, `<a href="https://matrix.to/#/@robin:a.example">@Alice Martin</a>, @Bob Stone`)

	f.matrix.call("@bob:a.example", "Bobby", false)
	f.wazo.Post(f.room.UUID, f.alice, "@Alice Martin and @bob stone", "")
	require.Equal(t, []id.UserID{"@bob:a.example"}, f.awaitEvents(2)[1].Mentions.UserIDs)
}

func TestMergedEventsHaveTheMentionsOfAll(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.mapTo("@bob:a.example", f.bob)
	f.matrix.call(robinUser, "Robin", false)
	f.matrix.call("@bob:a.example", "Bobby", false)
	f.matrix.setLimited(true)
	f.holdSends(func() { f.wazo.Post(f.room.UUID, f.bob, "first", "") })
	f.wazo.Post(f.room.UUID, f.bob, "no one", "")
	f.wazo.Post(f.room.UUID, f.bob, "@Alice Martin", "")
	f.wazo.Post(f.room.UUID, f.alice, "@Bob Stone and @Alice Martin", "")
	shown := f.awaitEvents(2)[1]
	require.Equal(t, []id.UserID{robinUser, "@bob:a.example"}, shown.Mentions.UserIDs)
	require.Equal(t, "Bobby: no one\n\nBobby: @Alice Martin\n\nRobin: @Bob Stone and @Alice Martin", shown.Body)
	require.Empty(t, shown.as, "several people")
}

func TestMergedEventOfSomebodyWhoIsAloneIsANotice(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.matrix.call(robinUser, "Robin", false)
	f.matrix.leave(adminUser)
	f.matrix.setLimited(true)
	f.holdSends(func() { f.wazo.Post(f.room.UUID, f.bob, "first", "") })
	f.wazo.Post(f.room.UUID, f.alice, "one", "")
	f.wazo.Post(f.room.UUID, f.alice, "two", "")
	shown := f.awaitEvents(2)[1]
	require.Equal(t, "Robin: one\n\ntwo", shown.Body)
	require.Equal(t, event.MsgNotice, shown.MsgType)
	require.Equal(t, robinUser, shown.as)
}

func TestMentionOnMatrixOfSomebodyWhoIsKnownOnWazo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.mapTo(robinUser, f.alice)
	f.link()
	f.matrix.call(robinUser, "Robin", false)
	f.matrix.call("@sam:a.example", "Sam", false)
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "Robin, Sam: look", "format": "org.matrix.custom.html",
		"formatted_body": `<a href="https://matrix.to/#/@robin:a.example">Robin</a>, <a href="https://matrix.to/#/@sam:a.example">Sam</a>: look`,
	})
	f.awaitRelayed("@Alice Martin, @Sam: look")
}

// addNamesake adds somebody to Wazo who is called like Alice.
func (f *fixture) addNamesake(username, extension string) wazotest.User {
	return f.wazo.AddUser(wazotest.User{Username: username, Password: "n", Firstname: "Alice", Lastname: "Martin", Exten: extension, Tenant: f.tenant})
}

func TestPeopleOnWazoWithTheSameNameAreToldApart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.healthInterval = time.Hour // its looks at the directory are not counted
	other := f.addNamesake("alice2", "1002")
	f.room = f.wazo.CreateRoom("Namesakes", f.relay, f.alice, f.bob, other)
	f.start()
	f.link()
	own := "Alice Martin (" + f.alice.UUID[:4] + ")"
	requests := func() (n int) {
		for route, count := range f.wazo.Requests() {
			if strings.HasSuffix(route, "/contacts") {
				n += count
			}
		}
		return n
	}
	f.wazo.Post(f.room.UUID, f.alice, "one", "")
	f.awaitShown(own + ": one")
	asked := requests()
	f.wazo.Post(f.room.UUID, other, "two", "")
	f.wazo.Post(f.room.UUID, f.bob, "three", "")
	f.awaitShown(own+": one", "Alice Martin (1002): two", "Bob Stone: three")
	shown := f.awaitEvents(3)
	require.Equal(t, own, shown[0].BeeperPerMessageProfile.Displayname)
	require.Equal(t, "Alice Martin (1002)", shown[1].BeeperPerMessageProfile.Displayname)
	require.Equal(t, asked, requests(), "all were asked for at once")

	f.halt()
	f.start()
	f.wazo.Post(f.room.UUID, f.alice, "four", "")
	require.Equal(t, own+": four", f.awaitEvents(4)[3].Body, "the name stays")

	f.mapTo(robinUser, f.bob)
	f.matrix.call(robinUser, "alice  martin", false)
	f.wazo.Post(f.room.UUID, f.bob, "five", "")
	require.Equal(t, "alice martin ("+f.bob.UUID[:4]+"): five", f.awaitEvents(5)[4].Body, "as the person is shown on Matrix")
	f.matrix.call(robinUser, "Robin", false)

	f.matrix.setLimited(true)
	f.holdSends(func() { f.wazo.Post(f.room.UUID, f.bob, "six", "") })
	f.wazo.Post(f.room.UUID, f.alice, "seven", "")
	f.wazo.Post(f.room.UUID, other, "eight", "")
	require.Equal(t, own+": seven\n\nAlice Martin (1002): eight", f.awaitEvents(7)[6].Body)
}

func TestPeopleOnMatrixWithTheSameNameAreToldApart(t *testing.T) {
	t.Parallel()
	const other = id.UserID("@ada:b.example")
	f, hello := reacting(t)
	f.matrix.call(other, "Ada", true)
	f.matrix.call(adminUser, "Ada", true)
	f.matrix.say(other, "me too")
	f.awaitRelayed("hello", "me too")
	require.Equal(t, "Ada (@ada:b.example) (Matrix)", f.aliasOf("me too"))
	f.matrix.setPaused(true)
	f.react(other, hello, "👍")
	f.react(adminUser, hello, "👍")
	f.matrix.setPaused(false)
	f.awaitRelayed("hello", "me too", `👍 Ada (@ada:b.example), Ada (`+adminUser.String()+`) to "hello"`)
}

// The name of a sender may not be stored, if the message comes from an earlier version of the relay.
func TestSendersWhoseNameIsNotStoredAreToldApart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.matrix.mu.Lock()
	f.matrix.names["@ada:b.example"] = "Ada"
	f.matrix.mu.Unlock()
	f.matrix.say(adminUser, "hello")
	require.Equal(t, "Ada ("+adminUser.String()+") (Matrix)", f.aliasOf("hello"))
	f.matrix.leave("@ada:b.example")
	f.matrix.say(adminUser, "alone")
	require.Equal(t, "Ada (Matrix)", f.aliasOf("alone"))
}

// The names of very many members would take more requests than a message can wait for. They can be mentioned all the
// same.
func TestPeopleOfVeryLargeChats(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	members := []wazotest.User{f.relay, f.alice, f.bob, f.addNamesake("alice2", "1002")}
	for _, name := range numbered("member", maxToldApart) {
		members = append(members, f.wazo.AddUser(wazotest.User{Username: name, Password: "m", Firstname: name, Tenant: f.tenant}))
	}
	f.room = f.wazo.CreateRoom("Everybody", members...)
	f.start()
	f.mapTo(robinUser, f.bob)
	f.matrix.call(robinUser, "Robin", false)
	f.link()
	f.wazo.Post(f.room.UUID, f.alice, "hello", "")
	f.awaitShown("Alice Martin: hello")
	f.wazo.Post(f.room.UUID, f.alice, "@Bob Stone", "")
	require.Equal(t, []id.UserID{robinUser}, f.awaitEvents(2)[1].Mentions.UserIDs)
}
