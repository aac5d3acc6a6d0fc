package browser

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/stretchr/testify/require"
)

// said is what screen readers know of an element.
type said struct {
	role, name, description string
}

// said returns what screen readers know of the page, in its order.
func (t *tab) said() (all []said) {
	t.Helper()
	text := func(value *accessibility.Value) (text string) {
		if value != nil && len(value.Value) > 0 {
			_ = json.Unmarshal(value.Value, &text) // "" for what is no text
		}
		return text
	}
	for _, node := range call(t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		if !node.Ignored {
			all = append(all, said{text(node.Role), text(node.Name), text(node.Description)})
		}
	}
	return all
}

func TestScreenReadersTellWhatPeopleSee(t *testing.T) {
	t.Parallel()
	f, tab := newFixture(t), newTab(t)
	call(tab, accessibility.Enable, cdp.Empty{})
	tab.open(f.link())
	user := f.person.UserID().String()
	page := tab.said()
	require.Contains(t, page, said{"heading", "Log in to Wazo", ""})
	require.Contains(t, page, said{"textbox", "User name on Wazo", "Go on only if you are " + user + ". If somebody else sent you this page, close it."},
		"the focus is on this field, and what stands before it would not be read")
	require.Contains(t, page, said{"textbox", "Password on Wazo", ""})
	require.Contains(t, page, said{"button", "Log in", ""})

	f.logIn(tab, wrongPassword)
	page = tab.said()
	const problem = "You are not logged in. Wazo refused the log-in. The user name or the password is wrong, or the account is disabled. Please try again."
	require.Contains(t, page, said{"textbox", "Password on Wazo", problem}, "the focus is on this field")
	require.Contains(t, page, said{"textbox", "User name on Wazo", problem})
	require.Contains(t, roles(page), "alert")

	f.logIn(tab, f.own.Password)
	page = tab.said()
	require.Contains(t, page, said{"heading", "You are logged in", ""})
	require.Contains(t, roles(page), "status")
	f.waitLoggedIn()
}

func roles(page []said) (roles []string) {
	for _, element := range page {
		roles = append(roles, element.role)
	}
	return roles
}
