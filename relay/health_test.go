package relay

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// watchedFixture is a linked fixture that looks at Wazo all the time.
func watchedFixture(t *testing.T) *fixture {
	f := newFixture(t)
	f.healthInterval = 50 * time.Millisecond
	f.start()
	f.link()
	f.awaitEmpty()
	f.awaitHealth("all to be well", func(h Health) bool { return h.Matrix.OK && h.Wazo.OK })
	return f
}

func (f *fixture) awaitHealth(what string, is func(Health) bool) {
	f.Helper()
	await.Until(f, what, func() bool {
		h, err := f.core.Health(f.ctx)
		return err == nil && is(h)
	})
}

// says reports whether one of the reasons of a side begins with a text.
func (s SideHealth) says(text string) bool {
	for _, why := range s.Why {
		if strings.HasPrefix(why, text) {
			return !s.OK
		}
	}
	return false
}

func TestHealthFollowsEachServiceOfWazo(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		fault func(f *fixture) *wazotest.Fault
		why   words.Why
	}{
		{"chatd is down", func(f *fixture) *wazotest.Fault { return f.wazo.Faults().ChatdDown() }, words.WhyChatFails},
		{"wazo-auth is down", func(f *fixture) *wazotest.Fault { return f.wazo.Faults().AuthDown() }, words.WhyLoginFails},
		{"the directory is down", func(f *fixture) *wazotest.Fault { return f.wazo.Faults().DirdDown() }, words.WhyDirectoryFails},
		{"the directory's source is down", func(f *fixture) *wazotest.Fault { return f.wazo.Faults().ConfdDown(0) }, words.WhyDirectoryFails},
		{"websocketd is down", func(f *fixture) *wazotest.Fault { return f.wazo.Faults().WebsocketdDown() }, words.WhyEventsFail},
		{"RabbitMQ is down", func(f *fixture) *wazotest.Fault { return f.wazo.Faults().BusLost() }, words.WhyEventsFail},
		{"posts are refused", func(f *fixture) *wazotest.Fault {
			fault := f.wazo.Faults().RefusePost(wazotest.HTMLError(502), wazotest.Always())
			f.matrix.say(adminUser, "kept")
			return fault
		}, words.WhyChatFails},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := watchedFixture(t)
			fault := test.fault(f)
			f.awaitHealth("Wazo not to be well", func(h Health) bool { return h.Matrix.OK && h.Wazo.says(txt.Why(test.why)) })
			status, err := f.core.Status(f.ctx, roomID)
			require.NoError(t, err)
			assert.NotEmpty(t, status.WazoTrouble)
			assert.Empty(t, status.MatrixTrouble)
			fault.Off()
			f.awaitHealth("Wazo to be well again", func(h Health) bool { return h.Matrix.OK && h.Wazo.OK })
		})
	}
}

func TestAWazoThatIsGoneIsSeen(t *testing.T) {
	t.Parallel()
	f := watchedFixture(t)
	f.wazo.Stop()
	f.awaitHealth("Wazo not to be well", func(h Health) bool { return h.Matrix.OK && h.Wazo.says(txt.Why(words.WhyLoginFails)) })
}

func TestHealthFollowsTheHomeserver(t *testing.T) {
	t.Parallel()
	t.Run("its answers to /sync", func(t *testing.T) {
		t.Parallel()
		f := watchedFixture(t)
		f.matrix.setPaused(true)
		f.core.MatrixFails(&MatrixError{Status: http.StatusBadGateway, Err: errors.New("bad gateway")})
		f.awaitHealth("Matrix not to be well", func(h Health) bool { return h.Matrix.says(txt.Why(words.WhyHomeserverFails)) && h.Wazo.OK })
		f.matrix.say(adminUser, "hello")
		f.matrix.setPaused(false)
		f.awaitHealth("Matrix to be well again", func(h Health) bool { return h.Matrix.OK && h.Wazo.OK })
	})

	t.Run("deliveries, while it answers /sync", func(t *testing.T) {
		t.Parallel()
		f := watchedFixture(t)
		f.matrix.mu.Lock()
		f.matrix.beforeSend = func(string) error { return &MatrixError{Status: http.StatusBadGateway, Err: errors.New("bad gateway")} }
		f.matrix.mu.Unlock()
		f.wazo.Post(f.room.UUID, f.alice, "kept", "")
		f.awaitHealth("Matrix not to be well", func(h Health) bool { return h.Matrix.says(txt.Why(words.WhyHomeserverFails)) && h.Wazo.OK })
		f.matrix.mu.Lock()
		f.matrix.beforeSend = nil
		f.matrix.mu.Unlock()
		f.awaitHealth("Matrix to be well again", func(h Health) bool { return h.Matrix.OK && h.Wazo.OK })
		f.awaitShown("Alice Martin: kept")
	})

	t.Run("an answer to /sync that is overdue", func(t *testing.T) {
		t.Parallel()
		f := watchedFixture(t)
		await.Until(t, "Matrix not to be well", func() bool {
			f.core.lastSync.store(time.Now().Add(-syncOverdue - time.Second)) // again, because an answer may still come from the link
			h, err := f.core.Health(f.ctx)
			return err == nil && h.Matrix.says(txt.Why(words.WhyHomeserverFails))
		})
	})

	t.Run("its rate limit is no failure", func(t *testing.T) {
		t.Parallel()
		f := watchedFixture(t)
		f.core.MatrixFails(&MatrixError{Status: http.StatusTooManyRequests, Err: errors.New("slowly")})
		f.awaitHealth("Matrix to be well", func(h Health) bool { return h.Matrix.OK })
	})
}

func TestAPausedPortalIsNotWell(t *testing.T) {
	t.Parallel()
	f := watchedFixture(t)
	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, txt.OpenJoin()))
	paused := txt.PausedRoom(roomID.String(), txt.Why(words.WhyOpened))
	f.awaitHealth("Matrix not to be well", func(h Health) bool { return h.Matrix.says(paused) && h.Wazo.OK })
	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, ""))
	f.awaitHealth("Matrix to be well again", func(h Health) bool { return h.Matrix.OK })

	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	f.wazo.Faults().ChatdDown() // otherwise the reason is found to be gone
	require.NoError(t, f.core.pauses.begin(f.ctx, portal, PauseNoRoom, db.ToWazo))
	f.awaitHealth("Wazo not to be well", func(h Health) bool {
		return h.Matrix.OK && h.Wazo.says(txt.PausedRoom(roomID.String(), txt.Why(words.WhyNoRoomOnWazo)))
	})
}

func TestAMessageThatWaitsForLongIsNotWell(t *testing.T) {
	t.Parallel()
	f := watchedFixture(t)
	f.core.cfg.Settle = time.Hour
	fault := f.wazo.Faults().RefusePost(wazotest.JSONError(500), wazotest.Times(1))
	f.matrix.say(adminUser, "waits")
	require.NoError(t, fault.Wait(f.ctx, 1))
	f.awaitHealth("Wazo not to be well", func(h Health) bool {
		return h.Matrix.OK && len(h.Wazo.Why) > 0 && strings.Contains(strings.Join(h.Wazo.Why, " "), "to be posted on Wazo")
	})
	status, err := f.core.Status(f.ctx, "!other:a.example")
	require.NoError(t, err)
	assert.NotContains(t, strings.Join(status.WazoTrouble, " "), roomID.String(), "another room is none of theirs")
}

// The next delivery may be tried only a minute after people should have been told.
func TestPeopleAreToldOfAnOutageWhileNothingIsTried(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.healthInterval, f.probeInterval = 50*time.Millisecond, time.Hour
	f.start()
	f.link()
	f.awaitEmpty()
	f.core.cfg.Settle = time.Hour
	fault := f.wazo.Faults().RefusePost(wazotest.JSONError(500), wazotest.Times(1))
	f.matrix.say(adminUser, "patience")
	require.NoError(t, fault.Wait(f.ctx, 1))
	f.wazo.Faults().ChatdDown()
	f.matrix.awaitNotice(txt.Outage(words.ServiceWazo))
}

func TestAHistoryThatCannotBeReadIsNotWell(t *testing.T) {
	t.Parallel()
	f := watchedFixture(t)
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	reading := portalJob(jobCatchUp, portal.ID)
	f.core.jobFailed(f.ctx, reading, &wazoapi.Error{Status: http.StatusInternalServerError, Method: http.MethodGet, Path: "/api/chatd"}, 1)
	h, err := f.core.Health(f.ctx)
	require.NoError(t, err)
	require.True(t, h.Wazo.says(txt.Why(words.WhyChatFails)), "the room alone may be at fault, while all else works")
	f.core.tasks.Wake(reading)
	f.awaitHealth("Wazo to be well again", func(h Health) bool { return h.Wazo.OK })
}

func TestTheEndOfAnOutageIsToldAlsoIfNothingWaitsAnyMore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.healthInterval, f.probeInterval = 50*time.Millisecond, time.Hour
	f.start()
	f.link()
	f.awaitEmpty()
	down := f.wazo.Faults().AuthDown() // so that it is certain that the message is not posted, and it can be taken back
	message := f.matrix.say(adminUser, "a mistake")
	f.matrix.awaitNotice(txt.Outage(words.ServiceWazo))
	f.matrix.redact(adminUser, message, true)
	f.awaitEmpty()
	down.Off()
	f.matrix.awaitNotice(txt.OutageOver(words.ServiceWazo))
}

func TestARefusalByMatrixDoesNotEndAnOutageOfWazo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	refused := f.wazo.Faults().RefusePost(wazotest.HTMLError(502), wazotest.Always())
	f.matrix.say(adminUser, "patience")
	f.matrix.awaitNotice(txt.Outage(words.ServiceWazo))
	f.refuse("cannot be shown")
	f.wazo.Post(f.room.UUID, f.alice, "cannot be shown", "")
	f.matrix.awaitNotice(txt.CannotShow("Alice Martin", txt.Why(words.WhyHomeserverRefused)))
	refused.Off()
	f.awaitRelayed("patience")
	f.matrix.awaitNotice(txt.OutageOver(words.ServiceWazo))
	require.Len(t, f.matrix.allNotices(), 3, "the outage is told once")
}

func TestARefusalByWazoEndsAnOutage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	down := f.wazo.Faults().ChatdDown()
	message := f.matrix.say(adminUser, "too large")
	f.matrix.awaitNotice(txt.Outage(words.ServiceWazo))
	f.wazo.Faults().RefusePost(wazotest.HTMLError(http.StatusRequestEntityTooLarge), wazotest.Times(1))
	down.Off()
	f.matrix.awaitNotice(txt.NotDelivered(txt.Why(words.WhyTooLarge)))
	require.Equal(t, []string{
		txt.Outage(words.ServiceWazo), txt.OutageOver(words.ServiceWazo), txt.NotDelivered(txt.Why(words.WhyTooLarge)),
	}, f.matrix.allNotices())
	require.Equal(t, []id.EventID{"", "", message}, f.matrix.replies)
}

// A paused room has been told why nothing is delivered, and what ends that. Wazo has nothing to do with it.
func TestAPausedRoomIsToldNothingOfOutages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.healthInterval, f.probeInterval = time.Hour, time.Hour // the test looks by itself
	f.start()
	f.link()
	f.awaitEmpty()
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	f.core.cfg.OutageNotice = 0
	look := func() {
		for range 2 { // the first look notes the outage, the second one would tell of it
			f.core.tellOutages(f.ctx)
		}
	}
	down := f.wazo.Faults().ChatdDown()
	f.matrix.say(adminUser, "kept")
	f.matrix.awaitNotice(txt.Outage(words.ServiceWazo))

	opened := txt.RoomWasOpened(txt.OpenJoin())
	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, txt.OpenJoin()))
	look()
	down.Off()
	f.core.examine(f.ctx)
	look()
	require.Equal(t, []string{txt.Outage(words.ServiceWazo), opened}, f.matrix.allNotices(), "nothing is delivered although Wazo is back")
	require.False(t, f.core.outages.end(portal.ID))
	f.awaitHealth("Wazo to be well", func(h Health) bool { return h.Wazo.OK })

	f.wazo.Faults().ChatdDown()
	f.core.examine(f.ctx)
	look()
	require.Len(t, f.matrix.allNotices(), 2, "it is not told of another outage either")
}

func TestHealthKnowsSinceWhen(t *testing.T) {
	t.Parallel()
	h := newHealth()
	begin := time.Now()
	require.Zero(t, h.succeeded(serviceChat, begin))
	require.True(t, h.failed(serviceChat, words.WhyChatFails, begin.Add(time.Minute)))
	require.False(t, h.failed(serviceChat, words.WhyNoPermission, begin.Add(2*time.Minute)))
	require.True(t, h.anyFails(serviceLogin, serviceChat))
	require.Equal(t, condition{at: begin, why: words.WhyNoPermission, since: begin.Add(time.Minute)}, h.of(serviceChat))
	require.Equal(t, begin.Add(time.Minute), h.succeeded(serviceChat, begin.Add(time.Hour)))
	require.False(t, h.anyFails(serviceChat))
}

func TestAStopIsNoFailure(t *testing.T) {
	t.Parallel()
	f := watchedFixture(t)
	f.core.MatrixFails(&MatrixError{Err: context.Canceled})
	require.False(t, f.core.health.anyFails(serviceSync))
}

// The connection of a person's account may fail for a reason of its own. Nobody else must suffer from that.
func TestARelayIsWellAlthoughAnAccountHasNoConnection(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.allowed = []string{robinUser.String()}
	f.start()
	f.mustLogIn(robinUser, f.alice)
	f.halt()
	f.wazo.SetACL(f.alice, append(wazotest.DefaultUserPolicy(), "!websocketd"))
	f.start()
	f.awaitHealth("a relay that is well", Health.OK)
	require.False(t, f.core.accounts.of(robinUser).own.connected.Load())
}

func TestARelayIsWellOnlyWhenAllAccountsHaveLookedForNews(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.awaitHealth("a relay that is well", Health.OK)
	health := func() SideHealth {
		now, err := f.core.Health(f.ctx)
		require.NoError(t, err)
		return now.Wazo
	}
	robin := &account{row: &db.Account{ID: 99, MatrixUser: robinUser}} // was there at the start, and cannot connect
	f.core.accounts.mu.Lock()
	f.core.accounts.byID[99], f.core.accounts.sorted = robin, nil
	f.core.accounts.mu.Unlock()
	await.Until(t, "the relay account to look for news", f.core.account.looked.Load)
	f.core.readers.looked.Store(false)
	require.Equal(t, []string{f.core.texts.Why(words.WhyCatchingUp)}, health().Why)
	robin.looked.Store(true)
	require.True(t, health().OK)
	robin.looked.Store(false)
	require.True(t, health().OK, "who logs in later has missed nothing")
}
