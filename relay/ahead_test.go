package relay

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// settled returns a linked fixture in which everything that follows the start is over.
func settled(t *testing.T) *fixture {
	f := newFixture(t)
	f.start()
	f.link()
	await.Until(f, "the end of the start", func() bool {
		portal := f.portalOf(roomID)
		return f.core.startup.isWhole() && f.core.startup.phase(db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo}) == phaseMatched
	})
	f.awaitEmpty()
	return f
}

// Messages that wait one behind the other cost one commit each, and hardly more. Whenever something is committed, at
// most one row of a queue is attempted.
func TestMessagesThatFollowEachOther(t *testing.T) {
	t.Parallel()
	const n = 30
	texts := numbered("message ", n)
	for name, say := range map[string]func(f *fixture){
		"to Matrix": func(f *fixture) {
			for _, text := range texts {
				f.wazo.Post(f.room.UUID, f.bob, text, "")
			}
			f.awaitShown(prefixed("Bob Stone: ", texts)...)
		},
		"to Wazo": func(f *fixture) {
			f.matrix.setPaused(true)
			for _, text := range texts {
				f.matrix.say(adminUser, text)
			}
			f.matrix.setPaused(false)
			f.awaitRelayed(texts...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := settled(t)
			var commits atomic.Int64
			f.db.OnCommit(func(time.Duration) {
				commits.Add(1)
				var attempted int
				err := f.db.QueryRow(context.WithoutCancel(t.Context()), `SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM queue WHERE state = 'attempted' GROUP BY portal_id, direction) AS counted`).Scan(&attempted)
				assert.NoError(t, err)
				assert.LessOrEqual(t, attempted, 1)
			})
			say(f)
			f.awaitEmpty()
			require.Less(t, commits.Load(), int64(2*n), "without this, it would be more than 2 for each message")
		})
	}
}

// held keeps one message from being sent to Matrix until it is released.
type held struct{ reached, release chan struct{} }

func (f *fixture) hold(text string) held {
	h := held{make(chan struct{}), make(chan struct{})}
	var once sync.Once
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	f.matrix.beforeSend = func(body string) error {
		if strings.HasSuffix(body, text) {
			once.Do(func() {
				close(h.reached)
				<-h.release
			})
		}
		return nil
	}
	return h
}

// While a message is being sent, something may come that belongs before the one that is ready.
func TestWhatIsReadyIsOvertaken(t *testing.T) {
	t.Parallel()
	f := settled(t)
	first := f.hold("zero")
	f.wazo.Post(f.room.UUID, f.bob, "zero", "")
	<-first.reached
	f.wazo.Post(f.room.UUID, f.bob, "two", "")
	portal := f.portalOf(roomID)
	var two *db.Row
	await.Until(f, "the message to be accepted", func() bool {
		busy, err := f.db.Queue.Busy(f.ctx)
		require.NoError(t, err)
		for _, m := range f.wazo.Messages(f.room.UUID) {
			if m.Content == "two" {
				two, err = f.db.Queue.BySource(f.ctx, portal.ID, db.ToMatrix, m.UUID)
				require.NoError(t, err)
			}
		}
		return len(busy) > 0 && two != nil
	})
	one := *two
	one.SourceID, one.Position = "11111111-1111-4111-8111-111111111111", two.Position-1
	one.Payload = strings.ReplaceAll(strings.ReplaceAll(two.Payload, `"two"`, `"one"`), two.SourceID, one.SourceID)
	_, err := f.db.Queue.Insert(f.ctx, &one)
	require.NoError(t, err)
	close(first.release)
	f.awaitShown("Bob Stone: zero", "Bob Stone: one", "Bob Stone: two")
}

// What stops a portal stops what is ready, too.
func TestWhatIsReadyIsPaused(t *testing.T) {
	t.Parallel()
	f := settled(t)
	first := f.hold("zero")
	f.wazo.Post(f.room.UUID, f.bob, "zero", "")
	<-first.reached
	f.wazo.Post(f.room.UUID, f.bob, "one", "")
	portal := f.portalOf(roomID)
	await.Until(f, "the second message", func() bool {
		counts, err := f.db.Queue.Counts(f.ctx, portal.ID)
		return err == nil && counts[db.ToMatrix].Pending == 2
	})
	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, "anybody may join"))
	close(first.release)
	await.Until(f, "the first message to be recorded", func() bool {
		counts, err := f.db.Queue.Counts(f.ctx, portal.ID)
		return err == nil && counts[db.ToMatrix].Pending == 1
	})
	next, err := f.db.Queue.Next(f.ctx, portal.ID, db.ToMatrix)
	require.NoError(t, err)
	require.Equal(t, db.StateNew, next.State, "it was not marked")
	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, ""))
	f.awaitShown("Bob Stone: zero", "Bob Stone: one")
}

// While a message is being posted, the next one, which is ready, is edited or taken back.
func TestWhatIsReadyIsChanged(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.wazo.Faults().LateAnswer(500*time.Millisecond, wazotest.Always())
	f.matrix.setPaused(true)
	f.matrix.say(adminUser, "zero")
	edited := f.matrix.say(adminUser, "one")
	removed := f.matrix.say(adminUser, "two")
	f.matrix.say(adminUser, "three")
	f.matrix.setPaused(false)
	f.awaitOnWazo("zero") // its answer is on the way
	f.edit(adminUser, edited, "one, edited")
	f.matrix.redact(adminUser, removed, true)
	f.awaitRelayed("zero", "one, edited", "three")
	f.awaitEmpty()
}

// The next message is ready when one fails. It is not sent before that one.
func TestWhatIsReadyWaitsForAFailure(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.wazo.Faults().RefusePost(wazotest.HTMLError(502), wazotest.Times(2))
	f.matrix.setPaused(true)
	for _, text := range []string{"zero", "one", "two"} {
		f.matrix.say(adminUser, text)
	}
	f.matrix.setPaused(false)
	f.awaitRelayed("zero", "one", "two")
}

// What only says again what is recorded costs nothing. It may come again.
func TestKnownEchoesAreNotStored(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.matrix.setPaused(true)
	f.wazo.Post(f.room.UUID, f.bob, "hello", "")
	f.awaitShown("Bob Stone: hello")
	f.awaitEmpty()
	before, err := f.db.Setting.Get(f.ctx, db.SettingNextBatch)
	require.NoError(t, err)
	accepted := f.core.LastSync()
	f.matrix.setPaused(false)
	await.Until(f, "the answer with the echo", func() bool { return f.core.LastSync().After(accepted) })
	after, err := f.db.Setting.Get(f.ctx, db.SettingNextBatch)
	require.NoError(t, err)
	require.Equal(t, before, after, "its token is not stored")
	f.matrix.say(adminUser, "hi")
	f.awaitRelayed("hi")
	after, err = f.db.Setting.Get(f.ctx, db.SettingNextBatch)
	require.NoError(t, err)
	require.NotEqual(t, before, after, "it is stored with the next one")
	require.True(t, slices.Contains(f.matrix.shown(), "Bob Stone: hello"))
}

// An echo that is not recorded is stored at once: the answer to the request may have got lost.
func TestUnknownEchoesAreStored(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.matrix.mu.Lock()
	f.matrix.afterSend = func(string) error { return &MatrixError{Err: errLost} }
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.bob, "hello", "")
	f.awaitShown("Bob Stone: hello")
	f.awaitEmpty()
	require.Equal(t, []string{"Bob Stone: hello"}, f.matrix.shown())
}

// The token is stored now and then, even if there is nothing else to store.
func TestTokensAreNotLeftForLong(t *testing.T) {
	t.Parallel()
	k := newKnownEchoes(nil)
	require.False(t, k.mayLeave(), "none was stored yet")
	k.tokenStored()
	for range maxUnstored {
		require.True(t, k.mayLeave())
	}
	require.False(t, k.mayLeave())
	k.tokenStored()
	require.True(t, k.mayLeave())
	k.stored = time.Now().Add(-maxUnstoredTime - time.Second)
	require.False(t, k.mayLeave())
}
