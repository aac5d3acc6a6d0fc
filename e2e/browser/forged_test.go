package browser

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

// neighbour is a page of another server on the same host, which means harm: to a browser it belongs to the same site.
var neighbour = template.Must(template.New("").Parse(`<!DOCTYPE html><title>Neighbour</title>
<iframe src="{{.Link}}"></iframe>
<form method="post" action="{{.Link}}">
<input name="token" value="{{.Token}}"><input name="username" value="{{.Username}}"><input name="password" value="{{.Password}}">
<button>Win a prize</button>
</form>`))

func TestNeighboursCanNeitherSendTheFormNorFrameThePage(t *testing.T) {
	t.Parallel()
	f, tab := newFixture(t), newTab(t)
	link := f.link()
	tab.open(link)
	token := evaluate[string](tab, "document.querySelector('[name=token]').value")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		// With what nobody else knows, so that it is the origin that is refused.
		if err := neighbour.Execute(w, map[string]string{"Link": link, "Token": token, "Username": f.own.Username, "Password": f.own.Password}); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	tab.mayViolate, tab.elsewhere = true, server.URL
	tab.open(server.URL)
	await.Until(t, "the browser to refuse the frame", func() bool { return tab.heard("frame-ancestors") != "" }, func() string { return tab.heard() })

	_, err := chromedp.Run(tab.ctx, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS("button"))))
	require.NoError(t, err)
	require.Contains(t, tab.text(), "This form did not come from the page of the relay")

	tab.open(link)
	f.logIn(tab, f.own.Password)
	require.Contains(t, tab.text(), "You are logged in", "the link still works where it belongs")
}

func TestCookieIsOutOfReach(t *testing.T) {
	t.Parallel()
	f, tab := newFixture(t), newTab(t)
	tab.open(f.link())
	require.Empty(t, evaluate[string](tab, "document.cookie"))
	var cookies []string
	for _, c := range call(tab, network.GetCookies, network.GetCookiesParams{}).Cookies {
		cookies = append(cookies, fmt.Sprintf("%s %s secure=%t http-only=%t session=%t %s", c.Name, c.Path, c.Secure, c.HTTPOnly, c.Session, c.SameSite))
	}
	require.Equal(t, []string{"__Host-wazo-relay-login / secure=true http-only=true session=true Lax"}, cookies)
}
