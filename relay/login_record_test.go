package relay

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Deliveries do not wait for ever for a record that the homeserver fails over alone.
func TestLoginRecordThatCannotBeRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.failLogins(&MatrixError{Status: http.StatusBadGateway, Err: errors.New("bad gateway")})
	f.start()
	f.link()
	f.matrix.say(adminUser, "hello")
	f.awaitBusy()
	require.False(t, f.core.logins.isRead())
	require.Empty(t, f.relayed())
	f.core.logins.failingFor(time.Now()) // if it was not tried yet
	f.core.logins.mu.Lock()
	f.core.logins.failing = time.Now().Add(-loginRecordPatience)
	f.core.logins.mu.Unlock()
	f.core.logins.wake()
	f.awaitRelayed("hello")
}
