package cases

import (
	"fmt"
	"os"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

// ownPortal links a Wazo room of which Robin's own Wazo account is a member.
func (s *fixture) ownPortal(t *testing.T, encrypted bool) (p *portal, own wazotest.User) {
	t.Helper()
	own, author := s.Hire("Robin", "Hood"), s.Hire("Alice", "Martin")
	room := s.Wazo.CreateRoom("Sherwood", own, author, s.Cast.Relay)
	linked, err := s.Link(s.ctx, s.Robin, harness.RoomOptions{Encrypted: encrypted}, room.UUID)
	require.NoError(t, err)
	return &portal{fixture: s, Portal: linked, author: author}, own
}

// waitOwn waits until a person's own account has posted a text on Wazo.
func (p *portal) waitOwn(t *testing.T, own wazotest.User, text string) {
	t.Helper()
	_, err := p.Wazo().WaitMessage(p.ctx, p.Portal.Wazo, func(message wazotest.Message) bool {
		return message.UserUUID == own.UUID && message.Content == text && (message.Alias == nil || *message.Alias == "")
	})
	require.NoError(t, err, "on Wazo: %q", contents(p.Wazo().Messages(p.Portal.Wazo)))
}

// waitDirect waits for what the bot says in Robin's direct chat.
func (s *fixture) waitDirect(t *testing.T, text string) string {
	t.Helper()
	return s.waitBot(t, s.Robin, s.direct, harness.Notice(text)).Content.AsMessage().Body
}

// logInByPage has Robin type the command, open the page and fill in the form.
func (p *portal) logInByPage(t *testing.T, own wazotest.User) {
	t.Helper()
	// Nobody else is in the room, so that the bot gives the address there.
	page, err := stage.OpenLoginPage(p.ctx, p.ask(t, p.Robin, p.Matrix, "!wazo login"))
	require.NoError(t, err)
	require.Contains(t, page.Text, p.Robin.UserID().String(), "the page says for whom it is")
	require.NoError(t, page.LogIn(p.ctx, own))
	require.Contains(t, page.Text, "logged in")
	again, err := stage.OpenLoginPage(p.ctx, page.Address)
	require.NoError(t, err)
	require.Contains(t, again.Text, "already", "it works once")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.joinDirectChat(t)
	p.waitDirect(t, "is logged in to Wazo as")
}

// withPage is the configuration of a relay that has a page for logging in.
func withPage(t *testing.T) stage.Config {
	t.Helper()
	env := map[string]string{}
	require.NoError(t, stage.WithPage(env))
	return stage.Config{Env: env}
}

// logInByDialogue has Robin answer the bot's questions in the direct chat.
func (p *portal) logInByDialogue(t *testing.T, own wazotest.User) {
	t.Helper()
	require.Contains(t, p.ask(t, p.Robin, p.Matrix, "!wazo login"), "direct chat")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.joinDirectChat(t)
	p.waitDirect(t, "login")
	_, err := p.Robin.Send(p.ctx, p.direct, "!wazo login")
	require.NoError(t, err)
	p.waitDirect(t, "user name")
	_, err = p.Robin.Send(p.ctx, p.direct, own.Username)
	require.NoError(t, err)
	p.waitDirect(t, "What is the password")
	password, err := p.Robin.Send(p.ctx, p.direct, own.Password)
	require.NoError(t, err)
	p.waitDirect(t, "is logged in to Wazo as")
	_, err = p.Robin.WaitEvent(p.ctx, p.direct, func(evt *event.Event) bool {
		redacted, _ := evt.Content.Raw["redacts"].(string)
		return evt.Type == event.EventRedaction && evt.Sender == p.BotID() && (evt.Redacts == password || redacted == password.String())
	})
	require.NoError(t, err, "the bot removes the password")
}

// A person logs in, posts as themselves, is seen under their own name when they write in Wazo's app, and logs out.
func TestPersonUsesTheirOwnWazoAccount(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name  string
		page  bool
		logIn func(*portal, *testing.T, wazotest.User)
	}{{"by the page", true, (*portal).logInByPage}, {"by a dialogue", false, (*portal).logInByDialogue}} {
		for _, encrypted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, encrypted %t", way.name, encrypted), func(t *testing.T) {
				t.Parallel()
				cfg := stage.Config{}
				if way.page {
					cfg = withPage(t)
				}
				s := open(t, withMautrix(), cfg)
				p, own := s.ownPortal(t, encrypted)
				p.say(t, s.Robin, "through the relay")
				p.waitOnWazo(t, "through the relay")
				way.logIn(p, t, own)
				require.Contains(t, p.ask(t, s.Robin, p.Matrix, "!wazo whoami"), own.Username)

				p.say(t, s.Robin, "as myself")
				p.waitOwn(t, own, "as myself")
				p.Wazo().Post(p.Portal.Wazo, own, "in Wazo's app", "")
				// Nobody else is in the room, so that it is a notice, which does not notify Robin.
				seen := s.waitBot(t, s.Robin, p.Matrix, harness.Notice("in Wazo's app")).Content.AsMessage()
				require.NotNil(t, seen.BeeperPerMessageProfile)
				require.Equal(t, s.Robin.UserID().Localpart(), seen.BeeperPerMessageProfile.Displayname, "under the Matrix name")
				p.requireTalkOf(t, own)
				require.NotContains(t, p.onMatrix(t), "as myself", "what was posted natively is not shown again")

				require.Contains(t, p.ask(t, s.Robin, p.Matrix, "!wazo logout"), "You are logged out")
				p.say(t, s.Robin, "through the relay again")
				p.waitOnWazo(t, "through the relay again")
				log, err := os.ReadFile(s.Relay.LogFile())
				require.NoError(t, err)
				require.NotContains(t, string(log), own.Password)
			})
		}
	}
}

// requireTalkOf is requireTalk for a person who posts natively.
func (p *portal) requireTalkOf(t *testing.T, own wazotest.User) {
	t.Helper()
	text := p.someWords()
	p.say(t, p.Robin, "matrix: "+text)
	p.waitOwn(t, own, "matrix: "+text)
	p.post("wazo: " + text)
	p.waitOnMatrix(t, "wazo: "+text)
}
