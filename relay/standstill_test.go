package relay

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
)

// standstills returns what the status of the room says of both queues.
func (f *fixture) standstills() (toWazo, toMatrix words.Wait) {
	f.Helper()
	status, err := f.core.Status(f.ctx, roomID)
	require.NoError(f, err)
	return status.WaitsToWazo.For, status.WaitsToMatrix.For
}

// People are told what a queue waits for, until it goes on.
func TestStatusSaysWhatAQueueWaitsFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.failLogins(&MatrixError{Status: http.StatusBadGateway, Err: errors.New("bad gateway")})
	f.start()
	f.link()
	f.matrix.say(adminUser, "hello")
	await.Until(t, "the queue waits", func() bool {
		toWazo, _ := f.standstills()
		return toWazo == words.WaitLogins
	})
	f.failLogins(nil)
	f.core.tasks.EndPauses()
	f.awaitRelayed("hello")
	f.awaitEmpty()
	toWazo, toMatrix := f.standstills()
	require.Empty(t, toWazo)
	require.Empty(t, toMatrix)
}

func TestStandstillLastsAsLongAsItsReason(t *testing.T) {
	s, queue := newStandstills(), db.QueueKey{PortalID: 1, Direction: db.ToWazo}
	begin := time.Now()
	s.note(queue, words.WaitGap, begin)
	s.note(queue, words.WaitGap, begin.Add(time.Minute))
	require.Equal(t, words.Standstill{For: words.WaitGap, Time: 2 * time.Minute}, s.of(queue, begin.Add(2*time.Minute)))
	s.note(queue, words.WaitStart, begin.Add(3*time.Minute))
	require.Equal(t, words.Standstill{For: words.WaitStart, Time: time.Minute}, s.of(queue, begin.Add(4*time.Minute)))
	require.Zero(t, s.of(db.QueueKey{PortalID: 1, Direction: db.ToMatrix}, begin))
	s.note(queue, words.WaitNothing, begin)
	require.Zero(t, s.of(queue, begin.Add(time.Hour)))
}
