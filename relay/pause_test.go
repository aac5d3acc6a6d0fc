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
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// forbid makes the homeserver refuse what the bot sends until the returned function is called.
func (f *fixture) forbid() (allow func()) {
	var mu sync.Mutex
	forbidden := true
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	f.matrix.beforeSend = func(string) error {
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

func (f *fixture) pauses() []string {
	f.Helper()
	pauses, err := f.db.Pause.All(f.ctx)
	require.NoError(f, err)
	var reasons []string
	for _, pause := range pauses {
		reasons = append(reasons, pause.Reason)
	}
	return reasons
}

// silenced is what the person who linked the room is told when the bot may not speak there.
func (f *fixture) silenced() string {
	return txt.CannotSpeakInRoom(roomID.String(), "Project", txt.Why(words.WhyForbidden))
}

// awaitSilenced waits until that person is told.
func (f *fixture) awaitSilenced() {
	f.Helper()
	await.Until(f, "word to who linked the room", func() bool { return slices.Contains(f.matrix.allDirect(), f.silenced()) })
}

func TestWhoLinkedARoomIsToldOnceThatTheBotIsSilenced(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.forbid()
	f.wazo.Post(f.room.UUID, f.alice, "kept", "")
	f.awaitSilenced()
	require.NoError(t, f.core.Removed(f.ctx, roomID))
	require.Equal(t, []string{f.silenced()}, f.matrix.allDirect())
	require.Empty(t, f.matrix.allNotices(), "nobody hears what is said in the room")
}

func TestPowerToSpeakWakesTheQueueAtOnce(t *testing.T) {
	t.Parallel()
	levels := func(f *fixture) {
		f.matrix.add(roomID, adminUser, event.StatePowerLevels, map[string]any{"events_default": 0}, func(evt *event.Event) { evt.StateKey = new(string) })
	}
	for _, test := range []struct {
		name   string
		change func(f *fixture)
	}{
		{"by an event", levels},
		{"in the state before a gap", func(f *fixture) {
			sync := Sync{Since: "s", NextBatch: "s", Rooms: []RoomSync{{Room: roomID, Power: true}}}
			require.NoError(f, f.core.AcceptSync(f.ctx, sync))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.probeInterval = time.Hour // nothing else tries it
			f.start()
			f.link()
			allow := f.forbid()
			f.wazo.Post(f.room.UUID, f.alice, "kept", "")
			f.awaitSilenced()
			allow()
			test.change(f)
			f.awaitShown("Alice Martin: kept")
			f.matrix.awaitNotice(txt.GoesOn())
		})
	}
}

func TestOpenedRoomStaysPausedWhateverElseIsRepaired(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	allow := f.forbid()
	f.wazo.Post(f.room.UUID, f.alice, "kept", "")
	f.awaitSilenced()
	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, txt.OpenJoin()))
	allow()
	require.NoError(t, f.core.Removed(f.ctx, roomID))
	_, err := f.core.Rejoined(f.ctx, roomID)
	require.NoError(t, err)
	f.core.pauses.retryAll(f.ctx)
	f.matrix.say(adminUser, "kept too")
	assert.Equal(t, []string{string(PauseOpened)}, f.pauses())

	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, ""))
	f.awaitShown("Alice Martin: kept")
	f.awaitRelayed("kept too")
	assert.Empty(t, f.pauses())
}

// The bot asks the homeserver whether a room is open, which may take long. Nothing may be relayed meanwhile.
func TestOpenedRoomStopsAtOnce(t *testing.T) {
	t.Parallel()
	state := func(f *fixture, evtType event.Type, content map[string]any) {
		f.matrix.add(roomID, adminUser, evtType, content, func(evt *event.Event) { evt.StateKey = new(string) })
	}
	for _, test := range []struct {
		name      string
		evtType   event.Type
		open, end map[string]any
		why       string
	}{
		{"by its join rule", event.StateJoinRules, map[string]any{"join_rule": "public"}, map[string]any{"join_rule": "invite"}, txt.OpenJoin()},
		{"by its history", event.StateHistoryVisibility, map[string]any{"history_visibility": "world_readable"}, map[string]any{"history_visibility": "shared"}, txt.OpenHistory()},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.link()
			f.matrix.setPaused(true)
			state(f, test.evtType, test.open)
			f.matrix.say(adminUser, "kept")
			f.matrix.setPaused(false)
			f.matrix.awaitNotice(txt.RoomWasOpened(test.why))
			f.wazo.Post(f.room.UUID, f.alice, "kept too", "")
			require.Equal(t, []string{string(PauseOpened)}, f.pauses())
			require.NoError(t, f.core.AccessChanged(f.ctx, roomID, test.why), "the bot has asked")
			require.Equal(t, 1, len(f.matrix.allNotices()), "people are told once")

			state(f, test.evtType, test.end)
			require.NoError(t, f.core.AccessChanged(f.ctx, roomID, ""))
			f.awaitRelayed("kept")
			f.awaitShown("Alice Martin: kept too")
		})
	}

	t.Run("unless it was closed again", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.start()
		f.link()
		f.matrix.setPaused(true)
		state(f, event.StateJoinRules, map[string]any{"join_rule": "public"})
		state(f, event.StateJoinRules, map[string]any{"join_rule": "invite"})
		f.matrix.say(adminUser, "hello")
		f.matrix.setPaused(false)
		f.awaitRelayed("hello")
		require.Empty(t, f.matrix.allNotices())
	})

	t.Run("also for a message that waits for its turn to be sent", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.start()
		f.link()
		waiting, turn := f.holdNextSend()
		uuid := f.wazo.Post(f.room.UUID, f.alice, "kept", "").UUID
		await.Receive(t, "the message", waiting)
		state(f, event.StateJoinRules, map[string]any{"join_rule": "public"})
		f.matrix.awaitNotice(txt.RoomWasOpened(txt.OpenJoin()))
		close(turn)
		await.Until(t, "the message to be kept", func() bool { return f.rowOf(wazoapi.UUID(uuid)).State == db.StateNew })
		require.Empty(t, f.matrix.shown())
		require.NoError(t, f.core.AccessChanged(f.ctx, roomID, ""))
		f.awaitShown("Alice Martin: kept")
	})
}

// holdNextSend lets the next message to Matrix wait for its turn, as a rate limit does, until turn is closed. waiting
// is closed when it waits.
func (f *fixture) holdNextSend() (waiting, turn chan struct{}) {
	waiting, turn = make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	f.matrix.awaitTurn = func() {
		once.Do(func() {
			close(waiting)
			<-turn
		})
	}
	return waiting, turn
}

func TestMessageThatWaitsForItsTurnIsNotSaidAfterTheLinkHasEnded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	waiting, turn := f.holdNextSend()
	f.wazo.Post(f.room.UUID, f.alice, "too late", "")
	await.Receive(t, "the message", waiting)
	f.wazo.Post(f.room.UUID, f.alice, "!wazo unlink", "")
	await.Until(t, "the end of the link", func() bool {
		portal, err := f.db.Portal.ByMatrixRoom(f.ctx, roomID)
		return err == nil && portal == nil
	})
	close(turn)
	f.halt() // which waits until the delivery has ended
	require.Empty(t, f.matrix.shown())
}

func TestAdminAcceptsAnOpenRoom(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, txt.OpenHistory()))
	f.wazo.Post(f.room.UUID, f.alice, "kept", "")
	linked, err := f.core.AcceptOpen(f.ctx, roomID)
	require.NoError(t, err)
	require.True(t, linked)
	f.awaitShown("Alice Martin: kept")
	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, txt.OpenJoin()), "accepted once, accepted for good")
	assert.Empty(t, f.pauses())
}

func TestOneDirectionPausesAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	allow := f.forbid()
	f.wazo.Post(f.room.UUID, f.alice, "kept", "")
	f.awaitSilenced()
	for _, text := range []string{"a", "b", "c"} {
		f.matrix.say(adminUser, text)
	}
	f.awaitRelayed("a", "b", "c")
	f.core.pauses.retryAll(f.ctx)
	assert.Equal(t, []string{f.silenced()}, f.matrix.allDirect(), "one notice, however often it is tried")
	allow()
	f.awaitShown("Alice Martin: kept")
	f.matrix.awaitNotice(txt.GoesOn())
}

func TestPortalWhoseHistoryCannotBeReadIsPaused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.wazo.CreateRoom("Other", f.relay, f.alice)
	f.start()
	f.link()
	f.awaitEmpty()
	// The portal's room is another's now: chatd answers 404 to who is no member.
	foreign := f.wazo.CreateRoom("Foreign", f.alice, f.bob)
	_, err := f.db.Exec(f.ctx, `UPDATE portal SET wazo_room = $1`, foreign.UUID)
	require.NoError(t, err)
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	f.core.tasks.Wake(portalJob(jobCatchUp, portal.ID))
	f.matrix.awaitNotice(txt.Paused(txt.Why(words.WhyNoRoomOnWazo)))

	_, err = f.db.Exec(f.ctx, `UPDATE portal SET wazo_room = $1`, other.UUID)
	require.NoError(t, err)
	f.wazo.Post(other.UUID, f.alice, "back", "")
	f.matrix.awaitNotice(txt.GoesOn())
	f.awaitShown("Alice Martin: back")
}

func TestGapWithTheBeginningOfTheLinkIsGivenUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.limit = 5
	f.start()
	await.Until(t, "the answer of /sync that a start asks for, which knows no pause", f.core.startup.isWhole)
	f.matrix.setPaused(true)
	f.matrix.mu.Lock()
	f.matrix.backfillError = &MatrixError{Status: http.StatusForbidden, Code: "M_FORBIDDEN", Err: errors.New("no")}
	f.matrix.mu.Unlock()
	_, err := f.core.Link(f.ctx, LinkRequest{Room: roomID, By: adminUser}, f.wazoRoom())
	require.NoError(t, err)
	await.Until(t, "the notice", func() bool {
		f.matrix.mu.Lock()
		defer f.matrix.mu.Unlock()
		return len(f.matrix.byTxn) == 1
	})
	f.awaitEmpty()
	for range 20 {
		f.matrix.say(adminUser, "lost with the gap")
	}
	f.matrix.setPaused(false)
	f.matrix.awaitLinked()
	f.matrix.say(adminUser, "heard")
	f.awaitRelayed("heard")
}

// What was said before the bot came in is not for it, and what was sent to the room with the first notice is not sent
// again.
func TestLinkBeginsAnewIfTheBotComesInAgainBeforeItHasBegun(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		limit int // of a timeline
	}{
		{"and both are in one answer", 0},
		{"and both are in a gap", 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.matrix.limit = test.limit
			f.start()
			await.Until(t, "the last answer that the relay asks for after its start", f.core.startup.isWhole)
			f.matrix.setPaused(true)
			_, err := f.core.Link(f.ctx, LinkRequest{Room: roomID, By: adminUser}, f.wazoRoom())
			require.NoError(t, err)
			await.Until(t, "the notice", func() bool {
				f.matrix.mu.Lock()
				defer f.matrix.mu.Unlock()
				return len(f.matrix.byTxn) == 1
			})
			f.awaitEmpty()
			f.matrix.add(roomID, adminUser, event.StateMember, map[string]any{"membership": "join"}, func(evt *event.Event) {
				own := botUser.String()
				evt.StateKey = &own
			})
			for _, text := range numbered("before the link", 10) {
				f.matrix.say(adminUser, text)
			}
			f.matrix.setPaused(false)
			f.matrix.awaitLinked()
			f.matrix.say(adminUser, "heard")
			f.awaitRelayed("heard")
		})
	}
}

func TestUnlinkStopsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.core.cfg.Settle = 2 * time.Second // the link must end before the row is looked at again
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	fault := f.wazo.Faults().RefusePost(wazotest.JSONError(500), wazotest.Times(1))
	f.matrix.say(adminUser, "too late")
	await.Until(t, "the post to Wazo", func() bool { return fault.Fired() >= 1 })
	require.NoError(t, f.core.Unlink(f.ctx, roomID))
	f.awaitRelayed(txt.GoodbyeOnWazo())
	f.link()
	f.matrix.say(adminUser, "heard")
	f.awaitOnWazo("heard")
	await.Until(t, "the end of the earlier link's worker", func() bool { return !f.core.tasks.IsBusy(portalJob(jobToWazo, portal.ID)) })
	assert.NotContains(t, f.relayed(), "too late")
}

func TestUnlinkWhileTheLinkIsBeingMade(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	room := f.wazoRoom()
	fault := f.wazo.Faults().LateAnswer(300*time.Millisecond, wazotest.Times(1))
	_, err := f.core.Link(f.ctx, LinkRequest{Room: roomID, By: adminUser}, room)
	require.NoError(t, err)
	await.Until(t, "the post to Wazo", func() bool { return fault.Fired() >= 1 })
	require.NoError(t, f.core.Unlink(f.ctx, roomID))
	f.awaitRelayed(txt.GoodbyeOnWazo())
}

func TestCommitAfterATimeOutIsFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.postTimeout = time.Second
	f.start()
	f.link()
	// Settling begins when the time-out has passed, so that a commit shortly after is seen.
	f.core.cfg.Settle = 2 * time.Second
	f.wazo.Faults().LateCommit(1500*time.Millisecond, wazotest.Times(1))
	f.matrix.say(adminUser, "slow")
	f.matrix.say(adminUser, "next")
	f.awaitRelayed("slow", "next")
	f.awaitEmpty()
	require.Equal(t, []string{"slow", "next"}, f.relayed())
}

func TestCommitLaterThanSettlingDoubles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.postTimeout = time.Second
	f.start()
	f.link()
	// The documented limit: what chatd stores after all looking is over cannot be known.
	f.wazo.Faults().LateCommit(3*time.Second, wazotest.Times(1))
	f.matrix.say(adminUser, "slow")
	f.awaitRelayed("slow", "slow")
}

func TestQuietRoomDoesNotRepeatItself(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.wazo.Post(f.room.UUID, f.alice, "long ago", "")
	f.awaitShown("Alice Martin: long ago")
	f.awaitEmpty()
	f.matrix.mu.Lock()
	f.matrix.forgetsTransactions = true
	f.matrix.mu.Unlock()
	// Half a year later.
	_, err := f.db.Exec(f.ctx, `UPDATE message SET relayed_at = relayed_at - $1`, (mappingLife + time.Hour).Milliseconds())
	require.NoError(t, err)
	require.NoError(t, f.db.Message.Forget(f.ctx, jsontime.UM(time.Now().Add(-mappingLife)), overlap))
	f.halt()
	f.start()
	f.wazo.Post(f.room.UUID, f.alice, "today", "")
	f.awaitShown("Alice Martin: long ago", "Alice Martin: today")
}

func TestPoisonIsParkedWhenOthersPass(t *testing.T) {
	t.Parallel()
	f := linkedFixture(t)
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	_, err = f.db.Queue.Insert(f.ctx, &db.Row{
		PortalID: portal.ID, Direction: db.ToMatrix, Kind: db.KindMessage, SourceID: "u", Author: f.alice.UUID, AcceptedAt: jsontime.UnixMilliNow(),
		State: db.StateWaiting, // so that no worker takes it
	})
	require.NoError(t, err)
	row := f.rowOf("u")
	row.Attempts = poisonAttempts
	failure := &MatrixError{Status: http.StatusInternalServerError, Err: errors.New("internal error")}
	// fail lets the row fail once more after it has failed for long, while a direction delivered something at a time,
	// or not.
	fail := func(direction db.Direction, lastDelivery time.Time) error {
		f.core.poison.Forget(row.ID)
		for _, last := range f.core.lastDelivery {
			last.store(time.Time{})
		}
		f.core.lastDelivery[direction].store(lastDelivery)
		for n := range poisonAttempts {
			f.core.poison.Failed(row.ID, time.Now().Add(-2*poisonPeriod+time.Duration(n)*time.Second), time.Time{})
		}
		_, err := (&queueWorker{f.core, row.Queue()}).handleFailure(f.ctx, portal, row, failure)
		return err
	}
	require.Error(t, fail(db.ToMatrix, time.Time{}), "nothing passes: the service is at fault")
	require.Error(t, fail(db.ToMatrix, time.Now().Add(-3*poisonPeriod)), "the last success was before the first failure")
	require.Error(t, fail(db.ToWazo, time.Now()), "the other direction says nothing")
	row.Attempts = 1
	require.Error(t, fail(db.ToMatrix, time.Now()), "it was sent once, and only the search for it failed since")
	row.Attempts = poisonAttempts
	require.NoError(t, fail(db.ToMatrix, time.Now()), "it is parked")
	f.matrix.awaitNotice(txt.CannotShow("Alice Martin", txt.Why(words.WhyHomeserverFails)))
	require.Equal(t, db.StateParked, f.rowOf("u").State)

	gone, err := f.db.Queue.Delete(f.ctx, row.ID)
	require.NoError(t, err)
	require.True(t, gone)
	require.NoError(t, fail(db.ToMatrix, time.Now()))
	require.Len(t, f.matrix.allNotices(), 1, "its echo has come before it could be parked")
}

// What Wazo has stored although it answered with an error must not be written a second time by its sender.
func TestPoisonThatWazoMayHaveIsNotCalledUndelivered(t *testing.T) {
	t.Parallel()
	f := linkedFixture(t)
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	w := &queueWorker{f.core, db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo}}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"$unknown": {&wazoapi.Error{Status: http.StatusInternalServerError}, txt.PerhapsDelivered(txt.Why(words.WhyWazoFails))},
		"$refused": {&wazoapi.Error{Status: http.StatusBadRequest}, txt.NotDelivered(txt.Why(words.WhyWazoRefused))},
	} {
		_, err = f.db.Queue.Insert(f.ctx, &db.Row{
			PortalID: portal.ID, Direction: db.ToWazo, Kind: db.KindMessage, SourceID: name, Author: adminUser.String(), AcceptedAt: jsontime.UnixMilliNow(),
			State: db.StateWaiting, // so that no worker takes it
		})
		require.NoError(t, err)
		row, err := f.db.Queue.BySource(f.ctx, portal.ID, db.ToWazo, name)
		require.NoError(t, err)
		require.NoError(t, w.setAside(f.ctx, portal, row, classify(test.err)))
		f.matrix.awaitNotice(test.want)
	}
}

func TestGapTroubleIsNotBlamedOnWazo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.limit = 5
	f.start()
	f.link()
	f.matrix.mu.Lock()
	f.matrix.backfillError = &MatrixError{Status: http.StatusBadGateway, Err: errors.New("bad gateway")}
	f.matrix.paused = true
	f.matrix.mu.Unlock()
	want := numbered("m", 20)
	for _, text := range want {
		f.matrix.say(adminUser, text)
	}
	f.matrix.setPaused(false)
	time.Sleep(2 * f.core.cfg.OutageNotice) // what must not happen can only be waited for
	assert.False(t, slices.ContainsFunc(f.matrix.allNotices(), func(n string) bool { return strings.Contains(n, "cannot be reached") }))
	f.matrix.mu.Lock()
	f.matrix.backfillError = nil
	f.matrix.mu.Unlock()
	f.core.MatrixBack()
	f.awaitRelayed(want...)
}
