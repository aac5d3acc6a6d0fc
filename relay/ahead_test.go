package relay

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// settled returns a linked fixture in which everything that follows the start is over.
func settled(t *testing.T) *fixture {
	f := newFixture(t)
	f.start()
	f.link()
	f.awaitMatched()
	return f
}

// awaitMatched waits until everything that follows the start is over.
func (f *fixture) awaitMatched() {
	f.Helper()
	await.Until(f, "the end of the start", func() bool {
		portal := f.portalOf(roomID)
		toWazo := db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo}
		toMatrix := db.QueueKey{PortalID: portal.ID, Direction: db.ToMatrix}
		jobs := []job{accountJob(jobProbe, f.core.account), portalJob(jobCatchUp, portal.ID), queueJob(toMatrix)}
		return f.core.startup.isWhole() && f.core.startup.phase(toWazo) == phaseMatched && !slices.ContainsFunc(jobs, f.core.tasks.IsBusy)
	})
	f.awaitEmpty()
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

// whileReady has a message of Bob on its way to a Matrix room while the one behind it is ready. It returns what lets
// the former go on.
func (f *fixture) whileReady(room id.RoomID, first, next string) (release func()) {
	f.Helper()
	earlier := f.hold("earlier")
	f.wazo.Post(f.room.UUID, f.bob, "earlier", "")
	await.Receive(f, "the earlier message", earlier.reached)
	f.wazo.Post(f.room.UUID, f.bob, first, "")
	f.wazo.Post(f.room.UUID, f.bob, next, "")
	f.awaitPending(room, 3)
	waiting, err := f.db.Queue.Following(f.ctx, &db.Row{PortalID: f.portalOf(room).ID, Direction: db.ToMatrix}, 3)
	require.NoError(f, err)
	require.Len(f, waiting, 3)
	held := f.hold(first)
	close(earlier.release)
	await.Receive(f, "the message", held.reached)
	await.Until(f, "the next one to be made ready", func() bool { return f.core.lastReady.Load() == waiting[2].ID })
	return func() { close(held.release) }
}

// awaitPending waits until so many messages wait to be shown in a room.
func (f *fixture) awaitPending(room id.RoomID, n int) {
	f.Helper()
	portal := f.portalOf(room)
	await.Until(f, fmt.Sprintf("%d messages to wait", n), func() bool {
		counts, err := f.db.Queue.Counts(f.ctx, portal.ID)
		return err == nil && counts[db.ToMatrix].Pending == n
	})
}

// While a message is being sent, something may come that belongs before the one that is ready.
func TestWhatIsReadyIsOvertaken(t *testing.T) {
	t.Parallel()
	f := settled(t)
	release := f.whileReady(roomID, "zero", "two")
	messages := f.wazo.Messages(f.room.UUID)
	two, err := f.db.Queue.BySource(f.ctx, f.portalOf(roomID).ID, db.ToMatrix, messages[len(messages)-1].UUID)
	require.NoError(t, err)
	one := *two
	one.SourceID, one.Position = "11111111-1111-4111-8111-111111111111", two.Position-1
	one.Payload = strings.ReplaceAll(strings.ReplaceAll(two.Payload, `"two"`, `"one"`), two.SourceID, one.SourceID)
	_, err = f.db.Queue.Insert(f.ctx, &one)
	require.NoError(t, err)
	release()
	f.awaitShown("Bob Stone: earlier", "Bob Stone: zero", "Bob Stone: one", "Bob Stone: two")
}

// What stops a portal stops what is ready, too.
func TestWhatIsReadyIsPaused(t *testing.T) {
	t.Parallel()
	f := settled(t)
	release := f.whileReady(roomID, "zero", "one")
	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, "anybody may join"))
	release()
	f.awaitPending(roomID, 1)
	next, err := f.db.Queue.Next(f.ctx, f.portalOf(roomID).ID, db.ToMatrix)
	require.NoError(t, err)
	require.Equal(t, db.StateNew, next.State, "it was not marked")
	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, ""))
	f.awaitShown("Bob Stone: earlier", "Bob Stone: zero", "Bob Stone: one")
}

// Nothing is shown in a conversation while nobody is there, also if it was ready before the last one left.
func TestWhatIsReadyIsNotShownToNobody(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.mustLogIn(eveUser, f.bob)
	f.openConversation(robinUser)
	f.awaitMember(madeRoom(0), eveUser, db.MemberInvited)
	f.awaitEmpty()
	release := f.whileReady(madeRoom(0), "zero", "one")
	f.leave(madeRoom(0), robinUser)
	f.awaitMember(madeRoom(0), robinUser, db.MemberLeft)
	release()
	f.awaitPending(madeRoom(0), 1)
	next, err := f.db.Queue.Next(f.ctx, f.portalOf(madeRoom(0)).ID, db.ToMatrix)
	require.NoError(t, err)
	require.Equal(t, db.StateNew, next.State, "it was not marked")
	f.join(madeRoom(0), eveUser)
	f.awaitShownIn(madeRoom(0), "one")
}

// While a message is being posted, the sender of the next one, which is ready, logs out.
func TestWhatIsReadyIsNotPostedForWhoHasLoggedOut(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.awaitMatched()
	f.wazo.Faults().LateAnswer(500*time.Millisecond, wazotest.Times(1))
	f.matrix.setPaused(true)
	f.matrix.say(adminUser, "zero")
	f.matrix.say(robinUser, "one")
	f.matrix.setPaused(false)
	f.awaitOnWazo("zero") // its answer is on the way
	f.core.accounts.remove(t.Context(), f.core.accounts.of(robinUser).row.ID)
	f.awaitPosted("relay/Ada (Matrix): zero", "relay/robin (Matrix): one")
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
