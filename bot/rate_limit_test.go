package bot

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay"
)

// limiter refuses the first sends to the room and notes when they came.
type limiter struct {
	mu      sync.Mutex
	refused []time.Time
	passed  []time.Time
}

func (f *fixture) limitSends(times int, refuse func(http.ResponseWriter)) *limiter {
	l := &limiter{}
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if !isSend(r, roomID) && !isSend(r, otherRoom) {
			return false
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.refused) < times {
			l.refused = append(l.refused, time.Now())
			refuse(w)
			return true
		}
		l.passed = append(l.passed, time.Now())
		return false
	})
	return l
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	const wait = 200 * time.Millisecond
	inBody := func(w http.ResponseWriter) { limited(w, wait) }

	t.Run("a message that is held back is delivered once, after the time asked for", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		f.link()
		limits := f.limitSends(2, inBody)
		f.wazo.Post(f.project.UUID, f.alice, "first", "")
		f.wazo.Post(f.project.UUID, f.alice, "second", "")
		f.hs.awaitSent(roomID, "second")
		var texts []string
		for _, sent := range f.hs.sentTo(roomID) {
			texts = append(texts, sent.body())
		}
		require.Equal(t, []string{"Alice Martin: first", "Alice Martin: second"}, texts[len(texts)-2:])
		require.Len(t, texts, 3, "the link's notice and two messages")
		require.GreaterOrEqual(t, limits.refused[1].Sub(limits.refused[0]), wait)
		require.GreaterOrEqual(t, limits.passed[0].Sub(limits.refused[1]), wait)
	})

	t.Run("a notice that is held back is not lost", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		limits := f.limitSends(2, inBody)
		require.NoError(t, f.core.Say(t.Context(), roomID, "listen", ""))
		f.hs.awaitSent(roomID, "listen")
		require.GreaterOrEqual(t, limits.passed[0].Sub(limits.refused[1]), wait)
	})

	t.Run("other rooms are held back too, since the limit is per account", func(t *testing.T) {
		f := loggedIn(t)
		f.hs.addRoom(otherRoom, adminUser)
		limits := f.limitSends(1, inBody)
		first := make(chan error, 1)
		go func() { first <- f.send(roomID, "too fast", "1") }()
		await.Until(t, "the limit", f.bot.limiter.isSerial)
		require.NoError(t, f.send(otherRoom, "elsewhere", "2"))
		require.NoError(t, await.Receive(t, "the message that is held back", first))
		for _, passed := range limits.passed {
			require.GreaterOrEqual(t, passed.Sub(limits.refused[0]), wait)
		}
		require.Len(t, f.hs.sentTo(roomID), 1)
		require.Len(t, f.hs.sentTo(otherRoom), 1)
	})

	t.Run("after a limit requests go one by one, and all arrive", func(t *testing.T) {
		f := loggedIn(t)
		f.bot.limiter.block(time.Millisecond)
		var busy, most atomic.Int32
		f.hs.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut {
				now := busy.Add(1)
				defer busy.Add(-1)
				for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
				}
				time.Sleep(5 * time.Millisecond) // a homeserver takes its time: others could come
			}
			return false
		})
		var wg sync.WaitGroup
		for i := range 8 {
			room := id.RoomID(fmt.Sprintf("!room%d:a.example", i))
			f.hs.addRoom(room, adminUser)
			wg.Go(func() {
				if err := f.send(room, "one of many", room.String()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, int32(1), most.Load())
		require.Len(t, f.hs.sent, 8)
	})

	t.Run("a wait ends with its context, and nothing was sent", func(t *testing.T) {
		f := loggedIn(t)
		limits := f.limitSends(1, func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "3600")
			refuse(w, http.StatusTooManyRequests, "M_LIMIT_EXCEEDED")
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		result := make(chan error, 1)
		go func() {
			_, err := f.bot.Send(ctx, roomID, outgoing("too fast"), "1")
			result <- err
		}()
		await.Until(t, "the limit", f.bot.limiter.isSerial)
		cancel()
		var matrixErr *relay.MatrixError
		require.ErrorAs(t, await.Receive(t, "the end of the wait", result), &matrixErr)
		require.True(t, matrixErr.NotSent)
		require.Len(t, limits.refused, 1, "asked again before the time")
		require.Empty(t, limits.passed)
	})

	t.Run("a shorter limit does not shorten a longer one", func(t *testing.T) {
		var l rateLimiter
		l.block(time.Hour)
		l.block(time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		require.Error(t, l.wait(ctx))
	})
}
