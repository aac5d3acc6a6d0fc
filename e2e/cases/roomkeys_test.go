package cases

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secondDevice logs Robin in once more, elsewhere.
func (s *fixture) secondDevice(t *testing.T) *harness.Client {
	t.Helper()
	second, err := harness.NewClient(s.ctx, harness.ClientConfig{
		HomeserverURL: s.Homeserver.URL(), User: s.Robin.UserID().String(), Password: s.Robin.Password(),
		CryptoStore: filepath.Join(t.TempDir(), "second.db"),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, second.Close()) })
	return second
}

// A device that the relay could not be told of, because keys could not be asked for when it came, reads what is said
// later.
func TestDeviceThatIsAddedWhileKeysCannotBeAskedFor(t *testing.T) {
	t.Parallel()
	s, proxy := openBehindProxy(t, withMautrix())
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	p.requireTalk(t)
	proxy.answerFor("/keys/query", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	second := s.secondDevice(t)
	require.NoError(t, proxy.until(s.ctx, func() bool { return proxy.intercepted > 0 }), "the relay asks for the new device")
	proxy.change(func() { proxy.instead = nil })
	p.post("hello, both of you")
	_, err := second.WaitEvent(s.ctx, p.Matrix, harness.All(p.FromWazo(), harness.Says("hello, both of you")))
	require.NoError(t, err)
	p.waitOnMatrix(t, "hello, both of you")
}

// Somebody whose device had no one-time key for the relay can't read what is said,
// until it writes to the relay itself. It has no other device that could help.
func TestDeviceWithoutOneTimeKeys(t *testing.T) {
	t.Parallel()
	s, proxy := openBehindProxy(t, withMautrix())
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	p.requireTalk(t)
	proxy.answerFor("/keys/claim", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"one_time_keys":{}}`)
	})
	ally := s.person(t, "ally", harness.Encrypted)
	require.NoError(t, s.Robin.Invite(s.ctx, p.Matrix, ally.UserID()))
	s.join(t, ally, p.Matrix)
	p.post("ally cannot read this")
	p.waitOnMatrix(t, "ally cannot read this")
	require.NoError(t, proxy.until(s.ctx, func() bool { return proxy.intercepted > 0 }))
	_, err := ally.Send(s.ctx, p.Matrix, "I can't read that")
	require.NoError(t, err)
	p.waitOnWazo(t, "I can't read that")
	// The relay looks for such devices now and then. After a hundred messages a room's key is replaced anyway, which
	// would prove nothing.
	n := 0
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		n++
		p.post(fmt.Sprintf("and now? %d.", n))
		require.True(c, slices.ContainsFunc(ally.Timeline(p.Matrix), func(entry harness.Entry) bool {
			return p.FromWazo()(entry.Event) && strings.HasPrefix(plainText(entry.Event), "and now?")
		}))
	}, patience, time.Second)
	require.Less(t, n, 90)
}
