package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

func TestNamesThatMeanHarmDoNone(t *testing.T) {
	t.Parallel()
	const markup = `<img src=x onerror=alert(1)><script>alert(1)</script><a href=https://evil.example>x</a>`
	// The second one has the direction of the text turned, marks on top of each other, and Arabic letters.
	for i, name := range []struct{ first, last string }{
		{markup, strings.Repeat("W", 5000)},
		{"\u202eegap siht esolc\u202c \u2066\u200f", "مرحبا\u202e " + strings.Repeat("a\u0301\u0316\u0300", 200)},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			f, tab := newFixtureOf(t, strings.Repeat("w", 200), name.first, name.last), newTab(t)
			user := f.person.UserID().String()
			tab.open(f.link())
			require.Contains(t, tab.text(), "Go on only if you are "+user+".")
			tab.inspect(fmt.Sprintf("hostile-form-%d", i))

			tab.waitFocus("username")
			typed := evaluate[string](tab, "document.activeElement.value = `\">"+markup+"\u202e` + 'w'.repeat(100)")
			tab.press(kb.Tab + wrongPassword)
			tab.pressAndLoad(kb.Enter)
			require.Equal(t, typed, evaluate[string](tab, "document.querySelector('#username').value"))
			tab.requireHarmless()
			tab.inspect(fmt.Sprintf("hostile-typed-%d", i))

			tab.waitFocus("password")
			evaluate[string](tab, "document.querySelector('#username').value = ''")
			tab.pressBack()
			f.logIn(tab, f.own.Password)
			require.Contains(t, tab.text(), "The Matrix user "+user+" is now logged in to Wazo as ")
			require.Less(t, len(tab.text()), 1000)
			require.NotRegexp(t, "[\u202a-\u202e\u2066-\u2069\u200e\u200f]", tab.text())
			require.Contains(t, tab.text(), "("+f.own.Username+"). You can close this page.")
			tab.requireHarmless()
			tab.inspect(fmt.Sprintf("hostile-name-%d", i))
		})
	}
}

// requireHarmless checks that the page has no element that a name could have brought in.
func (t *tab) requireHarmless() {
	t.Helper()
	require.Empty(t, evaluate[[]string](t, "[...document.querySelectorAll('main img, main a, main script, main iframe, main [onerror]')].map(e => e.outerHTML)"))
}

// A browser keeps to the policy that the relay sends, and a tab of these tests notices it.
func TestPageMayLoadNothing(t *testing.T) {
	t.Parallel()
	f, tab := newFixture(t), newTab(t)
	tab.mayViolate = true
	tab.open(f.link())
	for _, forbidden := range []struct{ directive, script string }{
		{"img-src", "const image = new Image(); image.src = '/x.png'; document.body.append(image)"},
		{"script-src", "const script = document.createElement('script'); script.text = 'document.title = 1'; document.head.append(script)"},
		{"style-src", "const style = document.createElement('style'); style.textContent = 'main { display: none }'; document.head.append(style)"},
		{"frame-src", "const frame = document.createElement('iframe'); frame.src = '/'; document.body.append(frame)"},
		{"connect-src", "fetch('/').catch(() => 0)"},
		{"form-action", "const form = document.createElement('form'); form.action = 'https://evil.example'; document.body.append(form); form.submit()"},
	} {
		evaluate[bool](tab, "(() => {"+forbidden.script+"; return true})()")
		await.Until(t, "the browser to refuse "+forbidden.script, func() bool {
			return tab.heard("Content Security Policy", forbidden.directive) != ""
		}, func() string { return tab.heard() })
	}
	require.Contains(t, tab.text(), "Log in to Wazo")
	require.Equal(t, "Log in to Wazo – Wazo Relay", evaluate[string](tab, "document.title"))
}
