package browser

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/e2e/harness"
)

const wrongPassword = "not this one"

// maxTries is how often somebody may try by one link.
const maxTries = 5

func TestPageIsFitForEverybodyInEachState(t *testing.T) {
	t.Parallel()
	f := newFixtureFor(t, shared.Robin, shared.Hire("Robin", "Hood"))
	t.Run("form", func(t *testing.T) {
		tab := newTab(t)
		tab.open(f.link())
		require.Contains(t, tab.text(), "The Matrix user "+f.person.UserID().String()+" will be logged in to Wazo with the account that you enter here.")
		tab.inspect("form")
	})
	t.Run("form with the field for LDAP", func(t *testing.T) {
		tab := newTab(t)
		tab.open(f.link())
		evaluate[bool](tab, "document.querySelector('details').open = true")
		tab.inspect("form-ldap")
	})
	t.Run("wrong password, then too many attempts", func(t *testing.T) {
		tab := newTab(t)
		tab.open(f.link())
		f.logIn(tab, wrongPassword)
		require.Contains(t, tab.text(), "The user name or the password is wrong")
		tab.inspect("wrong-password")
		for range maxTries - 1 {
			f.logIn(tab, wrongPassword)
		}
		require.Contains(t, tab.text(), "too many attempts")
		tab.inspect("too-many-attempts")
	})
	t.Run("link that does not work any more", func(t *testing.T) {
		tab := newTab(t)
		old := f.link()
		f.link()
		tab.open(old)
		require.Contains(t, tab.text(), "This link is not valid, or no longer valid.")
		tab.inspect("expired")
	})
	t.Run("link of somebody else", func(t *testing.T) {
		link := f.link()
		first := newTab(t)
		first.open(link)
		f.logIn(first, wrongPassword)
		tab := newTab(t)
		tab.open(link)
		require.Contains(t, tab.text(), "This link was opened in another browser first.")
		tab.inspect("somebody-elses")
	})
	t.Run("logged in, and the link once more", func(t *testing.T) {
		tab := newTab(t)
		link := f.link()
		second := f.otherTab(link)
		tab.open(link)
		f.logIn(tab, f.own.Password)
		require.Contains(t, tab.text(), "The Matrix user "+f.person.UserID().String()+" is now logged in to Wazo as Robin Hood ("+f.own.Username+").")
		tab.inspect("logged-in")

		second.open(link)
		require.Contains(t, second.text(), "This link was already used.")
		second.inspect("used")
	})
}

// otherTab opens a link in a tab of its own, in which it is only looked at.
func (f *fixture) otherTab(link string) *tab {
	f.Helper()
	tab := newTab(f.T)
	tab.open(link)
	return tab
}

func TestPageSaysWhyAnAccountCannotBeUsed(t *testing.T) {
	t.Parallel()
	first, second := newFixture(t), newFixture(t)
	tab := newTab(t)
	tab.open(first.link())
	first.logIn(tab, first.own.Password)
	second.own = first.own
	tab = newTab(t)
	tab.open(second.link())
	second.logIn(tab, first.own.Password)
	require.Contains(t, tab.text(), "Another Matrix user is logged in with this Wazo account")
	tab.inspect("account-taken")
}

func TestPersonLogsInWithoutScripts(t *testing.T) {
	t.Parallel()
	f, tab := newFixture(t), newTab(t)
	call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	tab.open(f.link())
	f.logIn(tab, wrongPassword)
	require.Contains(t, tab.text(), "The user name or the password is wrong")
	f.logIn(tab, f.own.Password)
	require.Contains(t, tab.text(), "is now logged in to Wazo as Robin Hood")
	f.waitLoggedIn()
}

func (f *fixture) waitLoggedIn() {
	f.Helper()
	_, err := f.person.Send(f.ctx, f.room, "!wazo whoami")
	require.NoError(f, err)
	f.waitBot(harness.Notice(f.own.Username))
}
