package stage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// LoginCommand asks the bot for a log-in to Wazo.
const LoginCommand = "!wazo login"

// WithPage adds to a relay's configuration that it serves the page for logging in, on
// a free port of the loopback interface.
func WithPage(env map[string]string) error {
	port, err := harness.FreePort()
	if err != nil {
		return err
	}
	env["LISTEN"] = fmt.Sprintf("127.0.0.1:%d", port)
	env["PUBLIC_URL"] = "http://" + env["LISTEN"] + "/relay"
	return nil
}

// WithWebhook adds to a relay's configuration that Wazo sends it events, and that it
// serves the page for logging in, on a free port of the loopback interface. Wazo
// sends nothing to 127.0.0.1 (docs/wazo.md, "Deliveries of a webhook").
func WithWebhook(env map[string]string) error {
	if err := WithPage(env); err != nil {
		return err
	}
	for _, name := range []string{"LISTEN", "PUBLIC_URL"} {
		env[name] = strings.Replace(env[name], "127.0.0.1", "127.0.0.2", 1)
	}
	env["WAZO_EVENTS"] = "webhook"
	return nil
}

// Ask has a person type a command and returns the bot's answer to it.
func (s *Stage) Ask(ctx context.Context, person *harness.Client, room id.RoomID, command string) (string, error) {
	sent, err := person.Send(ctx, room, command)
	if err != nil {
		return "", err
	}
	return s.Reply(ctx, person, room, sent)
}

// Reply waits for the notice by which the bot answers an event.
func (s *Stage) Reply(ctx context.Context, person *harness.Client, room id.RoomID, to id.EventID) (string, error) {
	answer, err := person.WaitEvent(ctx, room, harness.All(harness.From(s.BotID()), harness.Notice(""), func(evt *event.Event) bool {
		return evt.Content.AsMessage().RelatesTo.GetReplyTo() == to
	}))
	if err != nil {
		return "", err
	}
	return answer.Content.AsMessage().Body, nil
}

// LogIn has a person log in to Wazo as a user, by the page (see WithPage). They ask
// for the link in a room in which nobody but they and the bot is.
func (s *Stage) LogIn(ctx context.Context, person *harness.Client, room id.RoomID, as wazotest.User) error {
	answer, err := s.Ask(ctx, person, room, LoginCommand)
	if err != nil {
		return err
	}
	return LogInByLink(ctx, answer, as)
}

// LogInByLink logs in to Wazo as a user, by the link in what the bot has said.
func LogInByLink(ctx context.Context, said string, as wazotest.User) error {
	page, err := OpenLoginPage(ctx, said)
	if err != nil {
		return err
	}
	if err = page.LogIn(ctx, as); err != nil {
		return err
	}
	if !strings.Contains(page.Text, wordLoggedIn) {
		return fmt.Errorf("%s is not logged in: %s", as.Username, page.Text)
	}
	return nil
}

// LoginPage is the page for logging in, as a browser shows it.
type LoginPage struct {
	// Address is where the page is.
	Address string
	// Text is the HTML that the browser shows now.
	Text string

	browser *http.Client
}

var (
	loginAddress = regexp.MustCompile(`http://\S+/login/[A-Za-z0-9_-]+`)
	loginToken   = regexp.MustCompile(`name="token" value="([^"]+)"`)
)

// OpenLoginPage opens the link in something that the bot has said with a browser that
// has no cookies.
func OpenLoginPage(ctx context.Context, said string) (*LoginPage, error) {
	address := loginAddress.FindString(said)
	if address == "" {
		return nil, fmt.Errorf("the bot gives no address: %s", said)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	p := &LoginPage{Address: address, browser: &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return p, p.follow(request)
}

// LogIn fills in the form and sends it. Text is what came of that. An error means that
// the relay has not answered.
func (p *LoginPage) LogIn(ctx context.Context, as wazotest.User) error {
	token := loginToken.FindStringSubmatch(p.Text)
	if token == nil {
		return fmt.Errorf("the page has no form: %s", p.Text)
	}
	form := url.Values{"token": {token[1]}, "username": {as.Username}, "password": {as.Password}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", request.URL.Scheme+"://"+request.URL.Host)
	return p.follow(request)
}

func (p *LoginPage) follow(request *http.Request) error {
	resp, err := p.browser.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // only read
	body, err := io.ReadAll(resp.Body)
	p.Text = string(body)
	return err
}
