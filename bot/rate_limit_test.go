package bot

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
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

	t.Run("the messages that wait behind it are one event", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		f.link()
		f.bot.sending.block(time.Millisecond)
		require.NoError(t, f.bot.sending.turn.Acquire(t.Context(), 1))
		portal, err := f.core.Portal(t.Context(), roomID)
		require.NoError(t, err)
		var uuids []any
		for i, text := range []string{"first", "*second*", "third"} {
			uuid := f.wazo.Post(f.project.UUID, f.alice, text, "").UUID
			uuids = append(uuids, uuid)
			await.Until(t, "the message to be queued, the first one for its turn", func() bool {
				row, err := f.db.Queue.BySource(t.Context(), portal.ID, db.ToMatrix, uuid)
				return err == nil && row != nil && (i > 0 || row.State == db.StateAttempted)
			})
		}
		f.bot.sending.turn.Release(1)
		f.hs.awaitSent(roomID, "third")
		sent := f.hs.sentTo(roomID)
		merged := sent[len(sent)-1].Content
		require.Equal(t, "Alice Martin: first", sent[len(sent)-2].body(), "it waited for its turn before the others came")
		require.Equal(t, "Alice Martin: *second*\n\nthird", merged["body"])
		require.Equal(t, map[string]any{"kind": "message", "uuid": uuids[1], "also": []any{uuids[2]}, "by": botUser.String()}, merged[relay.TagKey])
		require.Contains(t, merged, "com.beeper.per_message_profile")
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
		await.Until(t, "the limit", f.bot.sending.isSerial)
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
		f.bot.sending.block(time.Millisecond)
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

	t.Run("rooms get their turns, however much one of them has to say", func(t *testing.T) {
		f := loggedIn(t)
		f.bot.sending.block(time.Millisecond)
		const each = 10
		rooms := []id.RoomID{"!a:a.example", "!b:a.example", "!c:a.example"}
		var wg sync.WaitGroup
		for _, room := range rooms {
			f.hs.addRoom(room, adminUser)
		}
		require.NoError(t, f.bot.sending.turn.Acquire(t.Context(), 1)) // until all of them wait
		for _, room := range rooms {
			wg.Go(func() {
				for i := range each {
					if err := f.send(room, "one of many", fmt.Sprint(room, i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		f.bot.sending.turn.Release(1)
		wg.Wait()
		f.hs.mu.Lock()
		defer f.hs.mu.Unlock()
		said := make(map[id.RoomID]int)
		for i, sent := range f.hs.sent {
			said[sent.Room]++
			if i < len(f.hs.sent)-len(rooms)*2 && i >= len(rooms)*2 {
				for _, room := range rooms {
					require.InDelta(t, said[sent.Room], said[room], 2, "%s was served more often than %s", sent.Room, room)
				}
			}
		}
		require.Len(t, f.hs.sent, each*len(rooms))
	})

	t.Run("what only reads and receipts do not wait behind what is sent", func(t *testing.T) {
		f := loggedIn(t)
		f.bot.sending.block(time.Hour)
		why, err := f.bot.info.whyOpen(t.Context(), roomID)
		require.NoError(t, err)
		require.Empty(t, why)
		_, _, _ = f.bot.Backfill(t.Context(), roomID, "", "") // this homeserver has no such page
		require.Positive(t, f.hs.asked("/messages"))
		_, err = f.bot.encryptedRooms.wasEncrypted(t.Context(), roomID)
		require.NoError(t, err)
		f.bot.receipts.send(t.Context(), roomID, "$event")
		require.Positive(t, f.hs.asked("/receipt/"))
	})

	t.Run("what only reads waits if the homeserver limits that, too, and what is sent does not", func(t *testing.T) {
		f := loggedIn(t)
		var once sync.Once
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) (refused bool) {
			if strings.Contains(r.URL.Path, "/state/m.room.join_rules") {
				once.Do(func() {
					limited(w, wait)
					refused = true
				})
			}
			return refused
		})
		began := time.Now()
		_, err := f.bot.info.whyOpen(t.Context(), roomID)
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(began), wait)
		require.False(t, f.bot.IsLimited())
	})

	t.Run("it is logged once, with its cure", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		f.limitSends(2, inBody)
		require.NoError(t, f.core.Say(t.Context(), roomID, "listen", ""))
		f.hs.awaitSent(roomID, "listen")
		require.Equal(t, 1, strings.Count(f.logged.String(), "The homeserver limits how fast the bot may send"))
		require.Contains(t, f.logged.String(), "override_ratelimit")
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
		await.Until(t, "the limit", f.bot.sending.isSerial)
		cancel()
		var matrixErr *relay.MatrixError
		require.ErrorAs(t, await.Receive(t, "the end of the wait", result), &matrixErr)
		require.True(t, matrixErr.NotSent)
		require.Len(t, limits.refused, 1, "asked again before the time")
		require.Empty(t, limits.passed)
	})

	t.Run("a shorter limit does not shorten a longer one", func(t *testing.T) {
		l := newRateLimiter(func(time.Duration) {})
		l.block(time.Hour)
		l.block(time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		require.Error(t, l.wait(ctx))
	})
}
