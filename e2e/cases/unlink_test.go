package cases

import (
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

func TestUnlinkAndRelink(t *testing.T) { withEachClient(t, testUnlinkAndRelink) }

func testUnlinkAndRelink(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	for _, way := range []struct {
		name   string
		unlink func(t *testing.T, p *portal)
		notice string
	}{
		{"by the command", func(t *testing.T, p *portal) { p.typeIn(t, "!wazo unlink") }, "Unlinked from **Support**"},
		{"by a member on Wazo", func(_ *testing.T, p *portal) { p.post("!wazo unlink") }, "Alice Martin unlinked this room from **Support** on Wazo"},
	} {
		t.Run(way.name, func(t *testing.T) {
			inEachKind(t, func(t *testing.T, encrypted bool) {
				p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
				p.requireTalk(t)
				way.unlink(t, p)
				p.waitBot(t, p.Robin, p.Matrix, harness.Notice(way.notice))
				p.waitWord(t, "no longer linked with Matrix")
				p.post("wazo line unheard")
				p.typeIn(t, "matrix line unheard")
				p.relink(t)
				p.requireTalk(t)
				require.Empty(t, lines(fromMatrix, p.onWazo()), "what is said without a link is not relayed")
				require.Empty(t, lines(fromWazo, p.onMatrix(t)), "what is said without a link is not relayed")
			})
		})
	}
}

func TestWhoMayUnlink(t *testing.T) { inEachSetting(t, testWhoMayUnlink) }

func testWhoMayUnlink(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	people := map[string]*harness.Client{}
	for _, name := range []string{"ally", "moderator", "stranger"} {
		people[name] = s.person(t, name, harness.Encrypted)
	}
	p := s.link(t, harness.RoomOptions{Encrypted: encrypted, Invite: []id.UserID{people["ally"].UserID(), people["moderator"].UserID(), people["stranger"].UserID()}})
	for _, person := range people {
		s.join(t, person, p.Matrix)
	}
	require.NoError(t, s.Robin.SetPowerLevel(s.ctx, p.Matrix, people["moderator"].UserID(), 50))

	t.Run("not an allowed person without the power in the room", func(t *testing.T) {
		require.Contains(t, s.ask(t, people["ally"], p.Matrix, "!wazo unlink"), "power level 50")
	})
	t.Run("not anybody else", func(t *testing.T) {
		require.Contains(t, s.ask(t, people["stranger"], p.Matrix, "!wazo unlink"), "You may not use this bot")
	})
	t.Run("not somebody on Wazo who is no member", func(t *testing.T) {
		s.Wazo.Post(p.Portal.Wazo, s.Hire("No", "Member"), "!wazo unlink", "")
		p.waitOnMatrix(t, "!wazo unlink")
	})
	p.requireTalk(t)
	t.Run("a moderator, whether allowed to use the bot or not", func(t *testing.T) {
		_, err := people["moderator"].Send(s.ctx, p.Matrix, "!wazo unlink")
		require.NoError(t, err)
		p.waitBot(t, p.Robin, p.Matrix, harness.Notice("Unlinked from"))
	})
	t.Run("nobody a second time", func(t *testing.T) {
		require.Contains(t, s.ask(t, s.Robin, p.Matrix, "!wazo unlink"), "This room is not linked")
	})
}

// typeIn has Robin send something to which no reply is expected.
func (p *portal) typeIn(t *testing.T, text string) {
	t.Helper()
	_, err := p.Robin.Send(p.ctx, p.Matrix, text)
	require.NoError(t, err)
}

// waitWord waits for the relay's own words on Wazo.
func (p *portal) waitWord(t *testing.T, text string) {
	t.Helper()
	_, err := p.Wazo().WaitMessage(p.ctx, p.Portal.Wazo, func(message wazotest.Message) bool {
		return p.FromRelay(message) && message.Alias == nil && strings.Contains(message.Content, text)
	})
	require.NoError(t, err, "on Wazo: %q", contents(p.Wazo().Messages(p.Portal.Wazo)))
}

// relink links the same rooms once more.
func (p *portal) relink(t *testing.T) {
	t.Helper()
	require.Contains(t, p.ask(t, p.Robin, p.Matrix, "!wazo link "+p.Portal.Wazo), "Linking")
	_, err := p.Robin.WaitMany(p.ctx, p.Matrix, 2, harness.All(harness.From(p.BotID()), harness.Notice("Linked with")))
	require.NoError(t, err)
}
