package relay

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// tally is an Observer that counts.
type tally struct {
	mu       sync.Mutex
	accepted map[db.Direction]int
	finished map[db.Direction]map[Outcome]int
	longest  time.Duration // from acceptance to delivery
	retries  map[string]int
}

func newTally() *tally {
	return &tally{accepted: make(map[db.Direction]int), retries: make(map[string]int), finished: map[db.Direction]map[Outcome]int{db.ToWazo: {}, db.ToMatrix: {}}}
}

// Accepted implements Observer.
func (t *tally) Accepted(direction db.Direction) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accepted[direction]++
}

// Finished implements Observer.
func (t *tally) Finished(direction db.Direction, outcome Outcome, after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.finished[direction][outcome]++
	t.longest = max(t.longest, after)
}

// Retrying implements Observer.
func (t *tally) Retrying(job string, _ time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retries[job]++
}

func (t *tally) of(direction db.Direction, outcome Outcome) (accepted, finished int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.accepted[direction], t.finished[direction][outcome]
}

func (t *tally) retried(kind jobKind) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.retries[string(kind)]
}

func TestObserverIsToldOfEachMessageOnce(t *testing.T) {
	f := newFixture(t)
	f.observer = newTally()
	f.start()
	f.link()
	requireCounts := func(direction db.Direction, outcome Outcome, accepted, finished int) {
		t.Helper()
		await.Until(t, "the message to be counted", func() bool {
			a, n := f.observer.of(direction, outcome)
			return a >= accepted && n >= finished
		})
		a, n := f.observer.of(direction, outcome)
		require.Equal(t, []int{accepted, finished}, []int{a, n}, "%s %s", direction, outcome)
	}
	requireCounts(db.ToWazo, OutcomeDelivered, 0, 0) // the introduction is no message

	f.matrix.say(adminUser, "to Wazo")
	requireCounts(db.ToWazo, OutcomeDelivered, 1, 1)
	f.wazo.Post(f.room.UUID, f.alice, "to Matrix", "")
	requireCounts(db.ToMatrix, OutcomeDelivered, 1, 1)
	f.wazo.Post(f.room.UUID, f.alice, " ", "")
	requireCounts(db.ToMatrix, OutcomeNothing, 2, 1)

	refused := f.wazo.Faults().RefusePost(wazotest.JSONError(400), wazotest.Times(1))
	f.matrix.say(adminUser, "refused")
	require.NoError(t, refused.Wait(f.ctx, 1))
	requireCounts(db.ToWazo, OutcomeParked, 2, 1)

	away := f.wazo.Faults().ChatdDown()
	f.matrix.say(adminUser, "late")
	await.Until(t, "a retry", func() bool { return f.observer.retried(jobToWazo) > 0 })
	away.Off()
	requireCounts(db.ToWazo, OutcomeDelivered, 3, 2)
	require.Positive(t, f.observer.longest)
}

func TestSnapshotShowsWhatWaits(t *testing.T) {
	f := newFixture(t)
	f.start()
	f.link()
	away := f.wazo.Faults().RefusePost(wazotest.HTMLError(502), wazotest.Always())
	defer away.Off()
	f.matrix.say(adminUser, "waits")
	await.Until(t, "a snapshot of the trouble", func() bool {
		s, err := f.core.Snapshot(f.ctx)
		require.NoError(t, err)
		return !s.WazoUp && s.MatrixUp && !s.Services[string(serviceToWazo)] && len(s.Queues) == 1 && s.Queues[0].Rows == 1
	})
	s, err := f.core.Snapshot(f.ctx)
	require.NoError(t, err)
	require.Equal(t, db.ToWazo, s.Queues[0].Direction)
	require.WithinDuration(t, time.Now(), s.Queues[0].Oldest.Time, 10*time.Second)
	require.Equal(t, map[db.PortalKind]int{db.PortalLinked: 1, db.PortalOpened: 0}, s.Portals)
	require.Equal(t, 1, s.Connections)
	require.Equal(t, 1, s.ConnectionsDue)
	require.Positive(t, s.DatabaseSize)
}
