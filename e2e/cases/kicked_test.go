package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
)

func TestMessagesOfWazoAreKeptWhileTheBotIsOutOfTheRoom(t *testing.T) {
	withEachClient(t, testMessagesOfWazoAreKeptWhileTheBotIsOutOfTheRoom)
}

func testMessagesOfWazoAreKeptWhileTheBotIsOutOfTheRoom(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			p := s.link(t, harness.RoomOptions{Encrypted: kind.encrypted})
			p.requireTalk(t)
			require.NoError(t, s.Robin.Kick(s.ctx, p.Matrix, s.BotID(), "out"))
			p.waitToldDirectly(t)
			p.post("wazo line first")
			p.post("wazo line second")
			p.typeIn(t, "matrix line behind its back")

			require.NoError(t, s.Robin.Invite(s.ctx, p.Matrix, s.BotID()))
			s.waitBot(t, s.Robin, p.Matrix, harness.Notice("Relaying messages again"))
			p.requireTalk(t)
			require.Equal(t, []string{"wazo line first", "wazo line second"}, lines(fromWazo, p.onMatrix(t)))
			require.Empty(t, lines(fromMatrix, p.onWazo()), "what is said while the bot is out is not for it")
		})
	}
}

// waitToldDirectly waits until Robin, who made the link, is told in the direct
// chat that the bot was removed.
func (p *portal) waitToldDirectly(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.joinDirectChat(t)
	notice := p.waitBot(t, p.Robin, p.direct, harness.Notice(p.Matrix.String()))
	require.Contains(t, notice.Content.AsMessage().Body, "Messages from Wazo are kept. Invite me again")
}
