package cases

import (
	"context"
	"slices"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

// The boundary of a link is the relay's own word in each room: what stands before
// it is not relayed, what stands after it is.
func TestWhatIsSaidAroundTheMomentOfLinking(t *testing.T) {
	withEachClient(t, testWhatIsSaidAroundTheMomentOfLinking)
}

func testWhatIsSaidAroundTheMomentOfLinking(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	inEachKind(t, func(t *testing.T, encrypted bool) {
		wazoRoom, author := s.newWazoRoom("Support")
		room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: encrypted})
		p := &portal{fixture: s, Portal: stage.Portal{Matrix: room, Wazo: wazoRoom.UUID}, author: author}

		ctx, stop := context.WithCancel(s.ctx)
		talked := make(chan error, 1)
		go func() { talked <- p.talkUntil(ctx) }()
		s.waitBothTalk(t, p)
		require.Contains(t, s.ask(t, s.Robin, room, "!wazo link "+wazoRoom.UUID), "Linking")
		s.waitBot(t, s.Robin, room, harness.Notice("Linked with"))
		p.waitOnWazo(t, "matrix line")
		p.waitOnMatrix(t, "wazo line")
		stop()
		require.NoError(t, <-talked)
		p.requireTalk(t)

		before, after := p.aroundNotice(t)
		require.NotEmpty(t, before, "something was said before the notice")
		requireSame(t, p.withUnderWay(before, after), lines(fromMatrix, p.onWazo()), "from Matrix to Wazo after the notice")
		before, after = p.aroundIntroduction(t)
		require.NotEmpty(t, before, "something was said before the introduction")
		requireSame(t, after, lines(fromWazo, p.onMatrix(t)), "from Wazo to Matrix after the introduction")
	})
}

// talkUntil has both sides say numbered lines until ctx ends.
func (p *portal) talkUntil(ctx context.Context) error {
	for n := 1; ctx.Err() == nil; n++ {
		p.post(line(fromWazo, n))
		// With the test's own context: a line is sent or not, never cut off.
		if _, err := p.Robin.Send(p.ctx, p.Matrix, line(fromMatrix, n)); err != nil {
			return err
		}
	}
	return nil
}

// waitBothTalk waits until some lines were said.
func (s *fixture) waitBothTalk(t *testing.T, p *portal) {
	t.Helper()
	_, err := s.Robin.WaitEvent(s.ctx, p.Matrix, harness.Says(line(fromMatrix, 3)))
	require.NoError(t, err)
}

// aroundNotice are the lines on Matrix before and after the "Linked" notice, in
// the order in which Robin heard them.
func (p *portal) aroundNotice(t *testing.T) (before, after []string) {
	t.Helper()
	isNotice := harness.All(harness.From(p.BotID()), harness.Notice("Linked with"))
	var all []string
	for _, entry := range p.Robin.Timeline(p.Matrix) {
		require.NotEqual(t, event.EventEncrypted, entry.Type, "Robin can read %s", entry.ID)
		if entry.Type == event.EventMessage && (entry.Sender != p.BotID() || isNotice(entry.Event)) {
			all = append(all, plainText(entry.Event))
		}
	}
	return around(t, fromMatrix, all, "Linked with")
}

// withUnderWay adds the lines before the notice that were under way together
// with it to those after it, if the bot heard them after it. Neither event then
// knows of the other one, and Dendrite sorts each answer of /sync by what the
// events in it know of. So two clients that get them in different answers can
// hear them in different orders. Robin has one line under way at a time, and the
// next one can pass the notice while the homeserver stores both.
func (p *portal) withUnderWay(before, after []string) []string {
	const underWay = 2
	relayed := lines(fromMatrix, p.onWazo())
	for _, line := range slices.Backward(before[max(0, len(before)-underWay):]) {
		if !slices.Contains(relayed, line) {
			break
		}
		after = slices.Insert(after, 0, line)
	}
	for range underWay {
		if len(after) > 0 && !slices.Contains(relayed, after[0]) {
			after = after[1:]
		}
	}
	return after
}

// aroundIntroduction are the lines on Wazo before and after the introduction.
func (p *portal) aroundIntroduction(t *testing.T) (before, after []string) {
	t.Helper()
	return around(t, fromWazo, contents(p.Wazo().Messages(p.Portal.Wazo)), "From now on, this chat is linked")
}

func around(t *testing.T, side string, texts []string, boundary string) (before, after []string) {
	t.Helper()
	at := slices.IndexFunc(texts, func(text string) bool { return strings.Contains(text, boundary) })
	require.GreaterOrEqual(t, at, 0, "the boundary is there")
	return lines(side, texts[:at]), lines(side, texts[at:])
}
