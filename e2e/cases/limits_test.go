package cases

import (
	"regexp"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"

	"github.com/stretchr/testify/require"
)

// burstLines are a few more than Synapse lets an account send at once: 10, of which
// the bot's own words have taken some. After that it takes one every five seconds.
const burstLines = 12

var burstLine = regexp.MustCompile(fromWazo + ` line \d+`)

// Several messages may be shown by one event.
func TestBurstOfMessagesArrivesAlthoughTheHomeserverLimits(t *testing.T) {
	if homeserver.Software() != harness.Synapse {
		t.Skip("Dendrite does not limit how many messages an account sends.")
	}
	t.Parallel()
	s, between := openBehindProxyOn(t, startOwn(t, harness.DefaultLimits), withMautrix())
	p := s.link(t, harness.RoomOptions{})
	var said []string
	for n := 1; n <= burstLines; n++ {
		said = append(said, line(fromWazo, n))
		p.post(line(fromWazo, n))
	}
	p.waitOnMatrix(t, line(fromWazo, burstLines))
	require.NoError(t, between.until(s.ctx, func() bool { return between.limited > 0 }), "the homeserver has limited the bot")
	requireSame(t, said, burstLine.FindAllString(strings.Join(p.onMatrix(t), "\n"), -1), "from Wazo to Matrix")
}
