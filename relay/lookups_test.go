package relay

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLookupsOfADeliveryShareOneTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		look := func(ctx context.Context, most time.Duration) time.Duration {
			before := time.Now()
			ctx, cancel := lookupContext(ctx, most)
			defer cancel()
			<-ctx.Done()
			return time.Since(before)
		}
		ctx := withLookups(t.Context(), 10*time.Second)
		require.Equal(t, 7*time.Second, look(ctx, 7*time.Second))
		time.Sleep(time.Minute) // what a message cannot do without does not count
		require.Equal(t, 3*time.Second, look(ctx, 7*time.Second))
		require.Zero(t, look(ctx, 7*time.Second))
		require.Equal(t, 70*time.Second, time.Since(begin))

		ctx = withLookups(t.Context(), 10*time.Second)
		require.Equal(t, 10*time.Second-leastLookup/2, look(ctx, 10*time.Second-leastLookup/2))
		require.Zero(t, look(ctx, time.Second), "too little is left to say that a service is slow")
		require.Equal(t, 7*time.Second, look(t.Context(), 7*time.Second), "it belongs to no delivery")
	})
}

// A message that needs several answers of a homeserver that gives none waits once, and goes out in its plainest form.
func TestMessageDoesNotWaitForEachOfItsLookups(t *testing.T) {
	t.Parallel()
	const rooms = "https://matrix.to/#/!one:a.example https://matrix.to/#/!two:a.example https://matrix.to/#/!three:a.example"
	f := newFixture(t)
	f.lookupWait = 300 * time.Millisecond
	f.start()
	f.link()
	hello := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.awaitEmpty()
	f.matrix.mu.Lock()
	f.matrix.isSlow = true
	f.matrix.mu.Unlock()
	begin := time.Now()
	f.reply(adminUser, hello, "see "+rooms)
	f.awaitRelayed("hello", "see "+rooms+"\n\n> ↩️ Ada")
	require.Less(t, time.Since(begin), relationTimeout)
}
