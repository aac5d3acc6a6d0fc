package relay

import (
	"fmt"
	"testing"

	"wazo-matrix-relay/internal/await"
)

func TestEmptyWazoMessagesAreNoEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	for _, nothing := range []string{"", " \n\t", "\u200b\u2800"} {
		empty := f.wazo.Post(f.room.UUID, f.alice, nothing, "")
		await.Until(t, fmt.Sprintf("%q to be done with", nothing), func() bool {
			known, err := f.db.Message.KnowsUUID(f.ctx, 1, string(empty.UUID))
			return err == nil && known
		})
	}
	f.wazo.Post(f.room.UUID, f.alice, "*fine*", "")
	f.awaitShown("Alice Martin: *fine*")
	f.awaitEmpty()
}
