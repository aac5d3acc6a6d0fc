package browser

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

// tabTimeout is how long one test may use a tab.
const tabTimeout = 5 * time.Minute

// tab is a browser of its own, without the cookies of others. At the end of its test, it must have had nothing to
// complain about, and have asked nobody but the relay.
type tab struct {
	*testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
	asked    []string // the addresses of all requests

	mayViolate bool   // the test does on purpose what the policy of the page forbids
	elsewhere  string // where the test goes on purpose
}

func newTab(t *testing.T) *tab {
	t.Helper()
	tab := &tab{T: t}
	opened, end := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext(), chromedp.WithListener(tab.hear))
	t.Cleanup(end)
	require.NoError(t, chromedp.Do(opened))
	var cancel context.CancelFunc
	tab.ctx, cancel = context.WithTimeout(opened, tabTimeout)
	t.Cleanup(cancel)
	call(tab, network.Enable, network.EnableParams{})
	call(tab, audits.Enable, cdp.Empty{})
	// The elements have the focus although the window is in the background.
	call(tab, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	t.Cleanup(tab.requireNoProblems)
	return tab
}

// call carries out a command of the browser's protocol.
func call[P, R any](t *tab, command cdp.Command[P, R], params P) R {
	t.Helper()
	result, err := chromedp.Call(t.ctx, command, params)
	require.NoError(t, err)
	return result
}

// evaluate returns what a script in the page says.
func evaluate[T any](t *tab, script string) T {
	t.Helper()
	result, err := chromedp.Run(t.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	return result
}

// hear notes what the browser tells of.
func (t *tab) hear(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		t.asked = append(t.asked, event.Request.URL)
	case *log.EventEntryAdded:
		// The browser also logs each answer that is no success, which the tests look at themselves.
		if event.Entry.Source != log.EntrySourceNetwork {
			t.problems = append(t.problems, fmt.Sprintf("%s: %s", event.Entry.Source, event.Entry.Text))
		}
	case *audits.EventIssueAdded:
		if event.Issue.Code != audits.InspectorIssueCodePerformanceIssue { // a test that asks for the cookie is one
			t.problems = append(t.problems, fmt.Sprintf("issue: %s", event.Issue.Code))
		}
	case *runtime.EventExceptionThrown:
		t.problems = append(t.problems, "exception: "+event.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		t.problems = append(t.problems, fmt.Sprintf("console: %s", event.Type))
	}
}

// heard returns a problem that contains each of some texts, "" if there is none.
func (t *tab) heard(texts ...string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, problem := range t.problems {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(problem, text) }) {
			return problem
		}
	}
	return ""
}

func (t *tab) requireNoProblems() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.problems) > 0 && !t.mayViolate {
		t.Errorf("the browser complains:\n%s", strings.Join(t.problems, "\n"))
	}
	origin, err := url.Parse(shared.Relay.Getenv("PUBLIC_URL"))
	if err != nil {
		t.Error(err)
		return
	}
	for _, address := range t.asked {
		asked, err := url.Parse(address)
		if err == nil && asked.Scheme == "data" || t.elsewhere != "" && strings.HasPrefix(address, t.elsewhere+"/") {
			continue // Chromium shows its own error pages with pictures in data: addresses
		}
		if err != nil || asked.Scheme != origin.Scheme || asked.Host != origin.Host {
			t.Errorf("the browser asked for %s", address)
		}
	}
}

// open opens an address and waits until it is shown.
func (t *tab) open(address string) {
	t.Helper()
	require.NoError(t, chromedp.Do(t.ctx, chromedp.Navigate(address)))
}

// press types text, or presses keys of package kb.
func (t *tab) press(keys string, options ...chromedp.KeyOption) {
	t.Helper()
	require.NoError(t, chromedp.Do(t.ctx, chromedp.KeyEvent(keys, options...)))
}

// pressBack presses Tab with Shift.
func (t *tab) pressBack() {
	t.Helper()
	t.press(kb.Tab, chromedp.KeyModifiers(kb.ModifierShift))
}

// pressAndLoad presses keys and waits for the page to which they lead.
func (t *tab) pressAndLoad(keys string) {
	t.Helper()
	_, err := chromedp.Run(t.ctx, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.KeyEvent(keys)))
	require.NoError(t, err)
}

// text is what people see of the page.
func (t *tab) text() string {
	t.Helper()
	return strings.Join(strings.Fields(evaluate[string](t, "document.body.innerText")), " ")
}

// focused is the id of the element that has the focus, or else the name of its tag.
func (t *tab) focused() string {
	t.Helper()
	return evaluate[string](t, "document.activeElement.id || document.activeElement.localName")
}

// waitFocus waits until one of some elements has the focus, and returns which. The browser focuses an element with
// autofocus only when it has painted the page.
func (t *tab) waitFocus(elements ...string) (focused string) {
	t.Helper()
	await.Until(t.T, fmt.Sprintf("the focus to be on %q", elements), func() bool {
		focused = t.focused()
		return slices.Contains(elements, focused)
	})
	return focused
}
