package browser

import (
	"context"
	"fmt"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"
)

const testTimeout = 5 * time.Minute

// fixture is a person on Matrix who is in a room with the bot, and their account on Wazo.
type fixture struct {
	*testing.T
	ctx    context.Context
	person *harness.Client
	room   id.RoomID
	own    wazotest.User
}

var people atomic.Int64

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureOf(t, "robin", "Robin", "Hood")
}

// newFixtureOf makes a person whose Matrix ID begins with a name, and who has a name on Wazo.
func newFixtureOf(t *testing.T, localpart, first, last string) *fixture {
	t.Helper()
	person, err := shared.Person(t.Context(), fmt.Sprintf("%s-%d", localpart, people.Add(1)), harness.Plain)
	require.NoError(t, err)
	return newFixtureFor(t, person, shared.Hire(first, last))
}

// newFixtureFor brings a person, who has an account on Wazo, into a room with the bot.
func newFixtureFor(t *testing.T, person *harness.Client, own wazotest.User) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	f := &fixture{T: t, ctx: ctx, person: person, own: own}
	var err error
	f.room, err = person.CreateRoom(ctx, harness.RoomOptions{Invite: []id.UserID{shared.BotID()}})
	require.NoError(t, err)
	f.waitBot(harness.Notice("Hello!"))
	return f
}

func (f *fixture) waitBot(match harness.Match) string {
	f.Helper()
	entry, err := f.person.WaitEvent(f.ctx, f.room, harness.All(harness.From(shared.BotID()), match))
	require.NoError(f, err)
	return entry.Content.AsMessage().Body
}

// link has the person ask the bot for a link. It ends the one before.
func (f *fixture) link() string {
	f.Helper()
	sent, err := f.person.Send(f.ctx, f.room, "!wazo login")
	require.NoError(f, err)
	said := f.waitBot(func(evt *event.Event) bool { return evt.Content.AsMessage().RelatesTo.GetReplyTo() == sent })
	link := regexp.MustCompile(`https://\S+/login/[0-9a-f]+`).FindString(said)
	require.NotEmpty(f, link, said)
	return link
}

// logIn fills in the form that a tab shows, and sends it.
func (f *fixture) logIn(tab *tab, password string) {
	f.Helper()
	if tab.waitFocus("username", "password") == "username" {
		tab.press(f.own.Username + kb.Tab)
	}
	tab.waitFocus("password")
	tab.press(password)
	tab.pressAndLoad(kb.Enter)
}
