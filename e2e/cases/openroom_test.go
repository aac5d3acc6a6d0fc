package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

func TestRoomsThatStrangersCanRead(t *testing.T) { inEachSetting(t, testRoomsThatStrangersCanRead) }

func testRoomsThatStrangersCanRead(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	t.Run("are not linked unless an administrator accepts that", func(t *testing.T) {
		wazoRoom, author := s.newWazoRoom("Open day")
		room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: encrypted, Public: true})
		require.Contains(t, s.ask(t, s.Robin, room, "!wazo link "+wazoRoom.UUID), "open to strangers (anybody may join)")
		require.Empty(t, s.Wazo.Messages(wazoRoom.UUID))
		s.requireLinks(t, room, wazoRoom.UUID+" --public", wazoRoom, author)
	})
	t.Run("are not linked either if only their history is open", func(t *testing.T) {
		wazoRoom, _ := s.newWazoRoom("Museum")
		room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: encrypted})
		require.NoError(t, s.setHistory(room, event.HistoryVisibilityWorldReadable))
		require.Contains(t, s.ask(t, s.Robin, room, "!wazo link "+wazoRoom.UUID), "open to strangers (anybody may read its history)")
		require.Empty(t, s.Wazo.Messages(wazoRoom.UUID))
	})
}

func TestRoomThatIsOpenedLaterPauses(t *testing.T) { inEachSetting(t, testRoomThatIsOpenedLaterPauses) }

func testRoomThatIsOpenedLaterPauses(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	var tests []subtest
	for _, test := range []struct {
		name         string
		open, closed func(p *portal) error
	}{
		{
			name:   "by its join rule",
			open:   func(p *portal) error { return p.setJoinRule(p.Matrix, event.JoinRulePublic) },
			closed: func(p *portal) error { return p.setJoinRule(p.Matrix, event.JoinRuleInvite) },
		}, {
			name:   "by its history",
			open:   func(p *portal) error { return p.setHistory(p.Matrix, event.HistoryVisibilityWorldReadable) },
			closed: func(p *portal) error { return p.setHistory(p.Matrix, event.HistoryVisibilityShared) },
		},
	} {
		tests = append(tests, subtest{test.name + " and goes on when it is closed again", func(t *testing.T) {
			p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
			require.NoError(t, test.open(p))
			p.requirePaused(t)
			require.NoError(t, test.closed(p))
			p.requireResumed(t)
		}}, subtest{test.name + " and goes on when an administrator accepts that", func(t *testing.T) {
			p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
			require.NoError(t, test.open(p))
			p.requirePaused(t)
			require.Contains(t, p.ask(t, p.Robin, p.Matrix, "!wazo link --public"), "may stay open")
			p.requireResumed(t)
		}})
	}
	atOnce(t, tests)
}

// requirePaused waits for the notice and then has both sides say two things,
// which must wait.
func (p *portal) requirePaused(t *testing.T) {
	t.Helper()
	p.waitBot(t, p.Robin, p.Matrix, harness.Notice("now open to strangers"))
	for _, text := range []string{"first", "second"} {
		p.post("wazo line " + text)
		_, err := p.Robin.Send(p.ctx, p.Matrix, "matrix line "+text)
		require.NoError(t, err)
	}
	// The command is younger than what waits: what could go out would be gone.
	status := p.ask(t, p.Robin, p.Matrix, "!wazo status")
	require.Contains(t, status, "2 to Wazo, 2 to Matrix")
	require.Contains(t, status, "open to strangers")
	require.Empty(t, p.onWazo())
	require.Empty(t, p.onMatrix(t))
}

// requireResumed expects what has waited, in order, and then talk as usual.
func (p *portal) requireResumed(t *testing.T) {
	t.Helper()
	p.waitBot(t, p.Robin, p.Matrix, harness.Notice("Relaying messages again"))
	p.requireTalk(t)
	require.Equal(t, []string{"wazo line first", "wazo line second"}, lines(fromWazo, p.onMatrix(t)))
	require.Equal(t, []string{"matrix line first", "matrix line second"}, lines(fromMatrix, p.onWazo()))
}
