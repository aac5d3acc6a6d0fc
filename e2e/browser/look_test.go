package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// look is a way in which a page is shown.
type look struct {
	name          string
	width, height int64 // in CSS pixels
	scale         float64
	mobile        bool
	font          int64 // the size that the person has chosen in the settings of the browser, in CSS pixels
	scheme        string
}

const usualFont = 16

// looks are how each state of the page is looked at. The last ones are for people with weak eyes: what a window of 1280
// × 1024 shows at 200 % and at 400 %, which is what WCAG 1.4.10 asks for, and a telephone with letters of twice the
// usual size.
var looks = []look{
	{"phone-light", 360, 740, 2, true, usualFont, "light"},
	{"phone-dark", 360, 740, 2, true, usualFont, "dark"},
	{"desktop-light", 1280, 800, 1, false, usualFont, "light"},
	{"desktop-dark", 1280, 800, 1, false, usualFont, "dark"},
	{"desktop-zoom-200", 640, 512, 2, false, usualFont, "light"},
	{"desktop-zoom-400", 320, 256, 4, false, usualFont, "dark"},
	{"phone-large-text", 360, 740, 2, true, 2 * usualFont, "light"},
}

// inspect looks at the page that a tab shows in every way. state names it.
func (t *tab) inspect(state string) {
	t.Helper()
	for _, look := range looks {
		t.show(look)
		what := state + "-" + look.name
		assert.Empty(t, t.violations(), what)
		assert.Empty(t, t.tooWide(look.width), what)
		t.keepPicture(look, what)
	}
	t.show(looks[0])
}

// show shows the page in a way.
func (t *tab) show(l look) {
	t.Helper()
	t.resize(l)
	call(t, page.SetFontSizes, page.SetFontSizesParams{FontSizes: &page.FontSizes{Standard: l.font, Fixed: l.font}})
	call(t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}})
	require.Equal(t, float64(l.font), evaluate[float64](t, "parseFloat(getComputedStyle(document.documentElement).fontSize)"))
	require.Equal(t, l.scheme == "dark", evaluate[bool](t, "matchMedia('(prefers-color-scheme: dark)').matches"))
}

func (t *tab) resize(l look) {
	t.Helper()
	options := []chromedp.EmulateViewportOption{chromedp.EmulateScale(l.scale)}
	if l.mobile {
		options = append(options, chromedp.EmulateMobile)
	}
	require.NoError(t, chromedp.Do(t.ctx, chromedp.EmulateViewport(l.width, l.height, options...)))
}

// violations returns what axe-core finds wrong with the page, and what it cannot judge.
func (t *tab) violations() []string {
	t.Helper()
	if !evaluate[bool](t, "'axe' in window") {
		evaluate[chromedp.Void](t, axe)
	}
	found := evaluate[string](t, `axe.run(document, {
		runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice']},
		rules: {'color-contrast-enhanced': {enabled: true}},
	}).then(({passes, violations, incomplete}) => JSON.stringify({passes: passes.length, problems: [...violations, ...incomplete].map(rule =>
		rule.id + ': ' + rule.help + ' ' + rule.nodes.map(node => node.html + ' ' + node.failureSummary).join('; '))}))`)
	var result struct {
		Passes   int
		Problems []string
	}
	require.NoError(t, json.Unmarshal([]byte(found), &result))
	require.NotZero(t, result.Passes, "axe-core has looked at nothing")
	return result.Problems
}

// tooWide returns the elements that reach out of a screen of that width, so that people would have to scroll to the
// side.
func (t *tab) tooWide(width int64) []string {
	t.Helper()
	return evaluate[[]string](t, fmt.Sprintf(`(() => {
		const wide = [...document.querySelectorAll('body, body *')].filter(e => e.getBoundingClientRect().right > %[1]d + .5 || e.getBoundingClientRect().left < -.5 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && e.localName !== 'input');
		const page = document.documentElement.scrollWidth > %[1]d ? ['the page is ' + document.documentElement.scrollWidth + ' pixels wide'] : [];
		return [...page, ...wide.map(e => e.outerHTML.slice(0, 200))];
	})()`, width))
}

// keepPicture writes a picture of the whole page, shown in a way, into the directory that SCREENSHOTS names, if it is
// set.
func (t *tab) keepPicture(l look, name string) {
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	l.height = max(l.height, evaluate[int64](t, "document.documentElement.scrollHeight"))
	t.resize(l)
	taken := call(t, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+".png"), taken.Data, 0o644))
}
