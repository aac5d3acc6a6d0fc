package relay

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

var errBadGateway = &MatrixError{Status: 502, Err: errors.New("bad gateway")}

func TestEventThatTheHomeserverFailsOverIsGivenUp(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	for name, test := range map[string]struct {
		err    error
		pause  time.Duration // between two attempts
		passed bool          // another event was taken
		want   bool
	}{
		"while others pass":        {errBadGateway, poisonPeriod / (poisonAttempts - 1), true, true},
		"while none passes":        {errBadGateway, poisonPeriod, false, false},
		"for a short time":         {errBadGateway, time.Second, true, false},
		"it cannot be reached":     {errLost, poisonPeriod, true, false},
		"it asks to wait":          {&MatrixError{Status: 429, Err: errors.New("slow down")}, poisonPeriod, true, false},
		"it is another's business": {errors.New("database"), poisonPeriod, true, false},
	} {
		f := failingEvents{since: make(map[string]failingEvent)}
		for i := range poisonAttempts {
			now := begin.Add(time.Duration(i) * test.pause).Add(time.Duration(i)) // a rounded pause is a little too short
			require.Equal(t, test.want && i == poisonAttempts-1, f.isPoison("a", test.err, now), "%s: attempt %d", name, i)
			if test.passed {
				require.False(t, f.isPoison("b", nil, now.Add(time.Millisecond)))
			}
		}
	}
}

// fail makes the homeserver fail over what contains something.
func (f *fixture) fail(part string) {
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	f.matrix.beforeSend = func(content string) error {
		if strings.Contains(content, part) {
			return errBadGateway
		}
		return nil
	}
}

func TestReactionThatFailsKeepsNoOtherBack(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.awaitEmpty()
	f.fail("👎")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👎")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
}

func TestLateQuoteThatFailsKeepsNothingBack(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, marksTake(time.Millisecond))
	question := f.postShown(f.alice, "who comes?")
	replies := []wazotest.Message{f.postShown(f.bob, "first"), f.postShown(f.bob, "second")}
	f.awaitEmpty()
	f.fail(replies[0].Content) // it is the first to be edited
	for _, reply := range replies {
		f.wazo.MarkReply(f.room.UUID, reply.UUID, question.UUID, f.bob)
	}
	await.Until(t, "the other quote", func() bool { return len(f.matrix.corrected()) > 0 })
	require.Contains(t, f.matrix.corrected()[0], replies[1].Content)
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
}
