package login

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/words"
)

const (
	robin = id.UserID("@robin:a.example")
	eve   = id.UserID("@eve:a.example")

	goodPassword = "correct & horse=+%ü"
)

// txt are the texts of the page under test.
var txt = words.New("!wazo")

// fakeCore is a core that knows one password.
type fakeCore struct {
	mu       sync.Mutex
	requests []relay.LogInRequest // without passwords
	users    []id.UserID
	err      error          // instead of checking the password
	as       words.WazoUser // instead of Alice Martin, if it has a name
	entered  chan struct{}  // gets a value when a log-in begins, if it is not nil
	leave    chan struct{}  // a log-in goes on when it is closed, if it is not nil
}

func (c *fakeCore) LogIn(ctx context.Context, user id.UserID, request relay.LogInRequest) (relay.LoggedIn, error) {
	c.mu.Lock()
	password := string(request.Password)
	c.users = append(c.users, user)
	request.Password = nil
	c.requests = append(c.requests, request)
	err, entered, leave := c.err, c.entered, c.leave
	c.mu.Unlock()
	if entered != nil {
		entered <- struct{}{}
	}
	if leave != nil {
		<-leave
	}
	switch {
	case ctx.Err() != nil:
		return relay.LoggedIn{}, ctx.Err()
	case err != nil:
		return relay.LoggedIn{}, err
	case password != goodPassword:
		return relay.LoggedIn{}, &relay.LogInError{Outcome: relay.LogInWrong, Words: txt.WrongPassword()}
	}
	if c.as.Name != "" {
		return relay.LoggedIn{User: user, As: c.as}, nil
	}
	return relay.LoggedIn{User: user, As: words.WazoUser{Name: "Alice Martin", Username: request.Username}}, nil
}

func (c *fakeCore) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.requests)
}

// fixture is a page in front of a core.
type fixture struct {
	*testing.T
	core   *fakeCore
	logins *Logins
	page   *Page
	logged bottest.LogBuffer

	mu  sync.Mutex
	now time.Time
}

func newFixture(t *testing.T) *fixture {
	return newFixtureAt(t, "https://relay.example.org/wazo/login")
}

func newFixtureAt(t *testing.T, address string) *fixture {
	f := &fixture{T: t, core: &fakeCore{}, now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
	f.logins = New(f.core, txt, zerolog.New(&f.logged).Level(zerolog.TraceLevel))
	f.logins.now = func() time.Time {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.now
	}
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	f.page = f.logins.Page(parsed)
	return f
}

// pass lets time pass.
func (f *fixture) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// link makes a link for a person and returns its path.
func (f *fixture) link(user id.UserID) string {
	f.Helper()
	parsed, err := url.Parse(f.page.Link(user))
	require.NoError(f, err)
	return parsed.Path
}

// browser is a browser with its own cookies.
type browser struct {
	f       *fixture
	address string // from which it comes
	cookies map[string]string
}

func (f *fixture) browser() *browser {
	return &browser{f: f, address: "198.51.100.7:1234", cookies: make(map[string]string)}
}

// answer is what a browser gets.
type answer struct {
	*http.Response
	body string
}

// text is what people see of the page.
func (a *answer) text() string {
	text := regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>`).ReplaceAllString(a.body, "")
	return strings.NewReplacer("&#39;", "'", "&amp;", "&", "&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#43;", "+").Replace(text)
}

func (a *answer) token() string {
	match := regexp.MustCompile(`name="token" value="([0-9a-f]+)"`).FindStringSubmatch(a.body)
	if match == nil {
		return ""
	}
	return match[1]
}

func (b *browser) do(r *http.Request, changes ...func(*http.Request)) *answer {
	b.f.Helper()
	r.RemoteAddr = b.address
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for _, change := range changes {
		change(r)
	}
	recorder := httptest.NewRecorder()
	b.f.page.ServeHTTP(recorder, r)
	resp := recorder.Result()
	for _, cookie := range resp.Cookies() {
		b.cookies[cookie.Name] = cookie.Value
	}
	return &answer{resp, recorder.Body.String()}
}

func (b *browser) get(path string, changes ...func(*http.Request)) *answer {
	b.f.Helper()
	return b.do(httptest.NewRequest(http.MethodGet, b.f.page.origin+path, nil), changes...)
}

// send sends a form as browsers do, without asking for the page first.
func (b *browser) send(path string, values url.Values, changes ...func(*http.Request)) *answer {
	b.f.Helper()
	r := httptest.NewRequest(http.MethodPost, b.f.page.origin+path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.f.page.origin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r, changes...)
}

// logIn asks for the page and sends its form.
func (b *browser) logIn(path, username, password string, changes ...func(*http.Request)) *answer {
	b.f.Helper()
	token := b.get(path).token()
	require.NotEmpty(b.f, token, "the page has no form")
	return b.send(path, url.Values{"token": {token}, "username": {username}, "password": {password}}, changes...)
}
