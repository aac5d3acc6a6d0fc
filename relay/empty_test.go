package relay

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEmptyWazoMessagesAreNoEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	for _, nothing := range []string{"", " \n\t", "\u200b\u2800"} {
		empty := w.wazo.Post(w.room.UUID, w.alice, nothing, "")
		require.Eventually(t, func() bool {
			known, err := w.db.Message.KnowsUUID(w.ctx, 1, string(empty.UUID))
			return err == nil && known
		}, waitFor, tick, "%q is not done with", nothing)
	}
	w.wazo.Post(w.room.UUID, w.alice, "*fine*", "")
	w.awaitShown("Alice Martin: *fine*")
	w.awaitEmpty()
}
