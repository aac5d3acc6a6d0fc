package relay

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// forbid makes the homeserver refuse what the bot sends until the returned function is called.
func (w *world) forbid() (allow func()) {
	var mu sync.Mutex
	forbidden := true
	w.matrix.mu.Lock()
	defer w.matrix.mu.Unlock()
	w.matrix.beforeSend = func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if forbidden {
			return &MatrixError{Status: http.StatusForbidden, Code: "M_FORBIDDEN", Err: errors.New("no")}
		}
		return nil
	}
	return func() {
		mu.Lock()
		defer mu.Unlock()
		forbidden = false
	}
}

func (w *world) pauses() []string {
	w.Helper()
	pauses, err := w.db.Pause.All(w.ctx)
	require.NoError(w, err)
	var reasons []string
	for _, pause := range pauses {
		reasons = append(reasons, pause.Reason)
	}
	return reasons
}

func TestOpenedRoomStaysPausedWhateverElseIsRepaired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	allow := w.forbid()
	w.wazo.Post(w.room.UUID, w.alice, "kept", "")
	w.matrix.awaitNotice(txt.Paused(txt.Why(words.WhyForbidden)))
	require.NoError(t, w.core.Opened(w.ctx, roomID, txt.OpenJoin()))
	allow()
	require.NoError(t, w.core.Removed(w.ctx, roomID))
	_, err := w.core.Rejoined(w.ctx, roomID)
	require.NoError(t, err)
	w.core.pauses.retryAll(w.ctx)
	w.matrix.say(adminUser, "kept too")
	assert.Equal(t, []string{string(PauseOpened)}, w.pauses())

	require.NoError(t, w.core.Opened(w.ctx, roomID, ""))
	w.awaitShown("Alice Martin: kept")
	w.awaitRelayed("kept too")
	assert.Empty(t, w.pauses())
}

func TestAdminAcceptsAnOpenRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	require.NoError(t, w.core.Opened(w.ctx, roomID, txt.OpenHistory()))
	w.wazo.Post(w.room.UUID, w.alice, "kept", "")
	linked, err := w.core.AcceptOpen(w.ctx, roomID)
	require.NoError(t, err)
	require.True(t, linked)
	w.awaitShown("Alice Martin: kept")
	require.NoError(t, w.core.Opened(w.ctx, roomID, txt.OpenJoin()), "accepted once, accepted for good")
	assert.Empty(t, w.pauses())
}

func TestOneDirectionPausesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	allow := w.forbid()
	w.wazo.Post(w.room.UUID, w.alice, "kept", "")
	w.matrix.awaitNotice(txt.Paused(txt.Why(words.WhyForbidden)))
	for _, text := range []string{"a", "b", "c"} {
		w.matrix.say(adminUser, text)
	}
	w.awaitRelayed("a", "b", "c")
	w.core.pauses.retryAll(w.ctx)
	assert.Equal(t, []string{txt.Paused(txt.Why(words.WhyForbidden))}, w.matrix.allNotices(), "one notice, however often it is tried")
	allow()
	w.awaitShown("Alice Martin: kept")
	w.matrix.awaitNotice(txt.GoesOn())
}

func TestPortalWhoseHistoryCannotBeReadIsPaused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.wazo.CreateRoom("Other", w.relay, w.alice)
	w.start()
	w.link()
	w.awaitEmpty()
	// The portal's room is another's now: chatd answers 404 to who is no member.
	foreign := w.wazo.CreateRoom("Foreign", w.alice, w.bob)
	_, err := w.db.Exec(w.ctx, `UPDATE portal SET wazo_room = $1`, foreign.UUID)
	require.NoError(t, err)
	portal, err := w.core.Portal(w.ctx, roomID)
	require.NoError(t, err)
	w.core.tasks.Wake(portalJob(jobCatchUp, portal.ID))
	w.matrix.awaitNotice(txt.Paused(txt.Why(words.WhyNoRoomOnWazo)))

	_, err = w.db.Exec(w.ctx, `UPDATE portal SET wazo_room = $1`, other.UUID)
	require.NoError(t, err)
	w.wazo.Post(other.UUID, w.alice, "back", "")
	w.matrix.awaitNotice(txt.GoesOn())
	w.awaitShown("Alice Martin: back")
}

func TestGapWithTheBeginningOfTheLinkIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.matrix.limit = 5
	w.start()
	w.matrix.setPaused(true)
	w.matrix.mu.Lock()
	w.matrix.backfillError = &MatrixError{Status: http.StatusForbidden, Code: "M_FORBIDDEN", Err: errors.New("no")}
	w.matrix.mu.Unlock()
	_, err := w.core.Link(w.ctx, LinkRequest{Room: roomID, By: adminUser}, w.wazoRoom())
	require.NoError(t, err)
	w.matrix.await("the notice", func() bool {
		w.matrix.mu.Lock()
		defer w.matrix.mu.Unlock()
		return len(w.matrix.byTxn) == 1
	})
	w.awaitEmpty()
	for range 20 {
		w.matrix.say(adminUser, "lost with the gap")
	}
	w.matrix.mu.Lock()
	clear(w.matrix.byTxn) // homeservers forget transaction ids
	w.matrix.mu.Unlock()
	w.matrix.setPaused(false)
	w.matrix.awaitLinked()
	w.matrix.say(adminUser, "heard")
	w.awaitRelayed("heard")
}

func TestUnlinkStopsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	w.core.cfg.Settle = 500 * time.Millisecond
	fault := w.wazo.Faults().RefusePost(wazotest.JSONError(500), wazotest.Times(1))
	w.matrix.say(adminUser, "too late")
	require.NoError(t, fault.Wait(w.ctx, 1))
	require.NoError(t, w.core.Unlink(w.ctx, roomID))
	w.awaitRelayed(txt.GoodbyeOnWazo())
	w.link() // when this link stands, the worker of the earlier one has long looked
	w.matrix.say(adminUser, "heard")
	require.Eventually(t, func() bool { return slices.Contains(w.relayed(), "heard") }, 20*time.Second, time.Millisecond)
	time.Sleep(w.core.cfg.Settle) // what must not happen can only be waited for
	assert.NotContains(t, w.relayed(), "too late")
}

func TestUnlinkWhileTheLinkIsBeingMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	room := w.wazoRoom()
	fault := w.wazo.Faults().LateAnswer(300*time.Millisecond, wazotest.Times(1))
	_, err := w.core.Link(w.ctx, LinkRequest{Room: roomID, By: adminUser}, room)
	require.NoError(t, err)
	require.NoError(t, fault.Wait(w.ctx, 1))
	require.NoError(t, w.core.Unlink(w.ctx, roomID))
	w.awaitRelayed(txt.GoodbyeOnWazo())
}

func TestCommitAfterATimeOutIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.postTimeout = time.Second
	w.start()
	w.link()
	// Settling begins when the time-out has passed, so that a commit shortly after is seen.
	w.core.cfg.Settle = 2 * time.Second
	w.wazo.Faults().LateCommit(1500*time.Millisecond, wazotest.Times(1))
	w.matrix.say(adminUser, "slow")
	w.matrix.say(adminUser, "next")
	w.awaitRelayed("slow", "next")
	w.awaitEmpty()
	require.Equal(t, []string{"slow", "next"}, w.relayed())
}

func TestCommitLaterThanSettlingDoubles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.postTimeout = time.Second
	w.start()
	w.link()
	// The documented limit: what chatd stores after all looking is over cannot be known.
	w.wazo.Faults().LateCommit(3*time.Second, wazotest.Times(1))
	w.matrix.say(adminUser, "slow")
	require.Eventually(t, func() bool { return len(w.relayed()) == 2 }, 20*time.Second, 10*time.Millisecond)
	assert.Equal(t, []string{"slow", "slow"}, w.relayed())
}

func TestQuietRoomDoesNotRepeatItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	w.wazo.Post(w.room.UUID, w.alice, "long ago", "")
	w.awaitShown("Alice Martin: long ago")
	w.awaitEmpty()
	w.matrix.mu.Lock()
	w.matrix.forgetsTransactions = true
	w.matrix.mu.Unlock()
	// Half a year later.
	_, err := w.db.Exec(w.ctx, `UPDATE message SET relayed_at = relayed_at - $1`, (mappingLife + time.Hour).Milliseconds())
	require.NoError(t, err)
	require.NoError(t, w.db.Message.Forget(w.ctx, jsontime.UM(time.Now().Add(-mappingLife)), overlap))
	w.halt()
	w.start()
	w.wazo.Post(w.room.UUID, w.alice, "today", "")
	w.awaitShown("Alice Martin: long ago", "Alice Martin: today")
}

func TestPoisonIsParkedWhenOthersPass(t *testing.T) {
	w := linkedWorld(t)
	portal, err := w.core.Portal(w.ctx, roomID)
	require.NoError(t, err)
	row := &db.Row{ID: 99, PortalID: portal.ID, Direction: db.ToMatrix, Kind: db.KindMessage, SourceID: "u", Author: w.alice.UUID}
	failure := &MatrixError{Status: http.StatusInternalServerError, Err: errors.New("internal error")}
	// fail lets the row fail once more after it has failed for long, while a direction delivered something at a time, or not.
	fail := func(direction db.Direction, lastDelivery time.Time) error {
		w.core.poison.Forget(row.ID)
		for _, last := range w.core.lastDelivery {
			last.store(time.Time{})
		}
		w.core.lastDelivery[direction].store(lastDelivery)
		for n := range poisonAttempts {
			w.core.poison.Failed(row.ID, time.Now().Add(-2*poisonPeriod+time.Duration(n)*time.Second), time.Time{})
		}
		_, err := (&queueWorker{w.core, row.Queue()}).handleFailure(w.ctx, portal, row, failure)
		return err
	}
	require.Error(t, fail(db.ToMatrix, time.Time{}), "nothing passes: the service is at fault")
	require.Error(t, fail(db.ToMatrix, time.Now().Add(-3*poisonPeriod)), "the last success was before the first failure")
	require.Error(t, fail(db.ToWazo, time.Now()), "the other direction says nothing")
	require.NoError(t, fail(db.ToMatrix, time.Now()), "it is parked")
	w.matrix.awaitNotice(txt.CannotShow("Alice Martin", txt.Why(words.WhyService)))
}

func TestGapTroubleIsNotBlamedOnWazo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.matrix.limit = 5
	w.start()
	w.link()
	w.matrix.mu.Lock()
	w.matrix.backfillError = &MatrixError{Status: http.StatusBadGateway, Err: errors.New("bad gateway")}
	w.matrix.paused = true
	w.matrix.mu.Unlock()
	want := numbered("m", 20)
	for _, text := range want {
		w.matrix.say(adminUser, text)
	}
	w.matrix.setPaused(false)
	time.Sleep(2 * w.core.cfg.OutageNotice) // what must not happen can only be waited for
	assert.False(t, slices.ContainsFunc(w.matrix.allNotices(), func(n string) bool { return strings.Contains(n, "can't be reached") }))
	w.matrix.mu.Lock()
	w.matrix.backfillError = nil
	w.matrix.mu.Unlock()
	w.core.MatrixBack()
	w.awaitRelayed(want...)
}
