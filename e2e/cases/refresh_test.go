package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
)

// Synapse gives access tokens that expire to clients that can renew them. In all tests on Synapse they live for ten
// seconds.
func TestAccessTokenThatExpires(t *testing.T) {
	t.Parallel()
	if homeserver.Software() != harness.Synapse {
		t.Skip("Dendrite gives no refresh tokens")
	}
	s := open(t, withMautrix(), stage.Config{})
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	// What is sealed differs each time when it is stored.
	kept := func() (sealed []byte) {
		require.NoError(t, s.Relay.QueryDatabase(s.ctx, &sealed, "SELECT value FROM setting WHERE name = 'matrix_login'"))
		return sealed
	}
	for range 2 {
		for before := kept(); string(before) == string(kept()); {
			p.requireTalk(t)
		}
	}
	require.NoError(t, s.Relay.Restart(s.ctx))
	p.requireTalk(t)
}
