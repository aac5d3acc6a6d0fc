package bot

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// Receipts that come while others are sent, or soon after, become one for each room.
func TestReceiptsAreMerged(t *testing.T) {
	t.Parallel()
	f := loggedIn(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	f.bot.MarkRead(roomID, "$first")
	go func() {
		defer close(done)
		f.bot.receipts.run(ctx)
	}()
	f.hs.await("the first receipt", func() bool { return len(f.hs.receipts) == 1 })
	for _, event := range []id.EventID{"$second", "$third", "$fourth"} {
		f.bot.MarkRead(roomID, event)
	}
	f.hs.await("the last receipt", func() bool { return f.hs.receipts[len(f.hs.receipts)-1] == "$fourth" })
	cancel()
	<-done
	f.hs.mu.Lock()
	defer f.hs.mu.Unlock()
	require.Equal(t, []id.EventID{"$first", "$fourth"}, f.hs.receipts)
}
