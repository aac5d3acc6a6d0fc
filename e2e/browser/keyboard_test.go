package browser

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPersonLogsInWithTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	f, tab := newFixture(t), newTab(t)
	for _, look := range []look{looks[0], looks[3]} { // in light and in dark
		tab.show(look)
		tab.open(f.link())
		tab.waitFocus("username")
		for _, next := range []string{"password", "summary", "button"} {
			tab.requireFocusSeen()
			tab.press(kb.Tab)
			require.Equal(t, next, tab.focused())
		}
		tab.requireFocusSeen()
	}
	tab.pressBack()
	require.Equal(t, "summary", tab.focused())
	tab.press(" ")
	tab.press(kb.Tab)
	require.Equal(t, "domain", tab.focused(), "the field for LDAP is opened by the keyboard, too")
	tab.requireFocusSeen()

	for range 3 {
		tab.pressBack()
	}
	require.Equal(t, "username", tab.focused())
	tab.press(kb.Enter)
	require.Equal(t, "username", tab.focused(), "an empty form is not sent")
	tab.press(f.own.Username + kb.Tab + wrongPassword)
	tab.pressAndLoad(kb.Enter)

	tab.waitFocus("password")
	tab.requireFocusSeen()
	require.Equal(t, "Error: Log in to Wazo – Wazo Relay", evaluate[string](tab, "document.title"))
	tab.press(f.own.Password)
	tab.press(kb.Tab + kb.Tab)
	require.Equal(t, "button", tab.focused())
	tab.pressAndLoad(kb.Enter)
	require.Equal(t, "You are logged in – Wazo Relay", evaluate[string](tab, "document.title"))
	f.waitLoggedIn()
}

// requireFocusSeen checks that people see which element has the focus: it is on the screen and has a thick outline, in
// a colour that differs from what is around it by the factor 3 that WCAG 2.4.13 asks for.
func (t *tab) requireFocusSeen() {
	t.Helper()
	seen := evaluate[struct {
		OnScreen bool
		Style    string
		Width    float64
		Contrast float64
	}](t, `(() => {
		const element = document.activeElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
		const light = colour => colour.match(/[\d.]+/g).slice(0, 3).map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
			.reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
		const [a, b] = [light(style.outlineColor), light(getComputedStyle(document.querySelector('main')).backgroundColor)].sort((a, b) => b - a);
		return {
			OnScreen: box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth,
			Style: style.outlineStyle, Width: parseFloat(style.outlineWidth), Contrast: (a + .05) / (b + .05),
		};
	})()`)
	what := t.focused()
	assert.True(t, seen.OnScreen, what)
	assert.Equal(t, "solid", seen.Style, what)
	assert.GreaterOrEqual(t, seen.Width, 2.0, what)
	assert.GreaterOrEqual(t, seen.Contrast, 3.0, what)
}
