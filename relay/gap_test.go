package relay

import (
	"bytes"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
)

func TestGapIsHopelessWhenTheHomeserverOtherwiseWorks(t *testing.T) {
	begin := time.Now()
	badGateway := error(&MatrixError{Status: http.StatusBadGateway, Err: errors.New("bad gateway")})
	for _, test := range []struct {
		name     string
		err      error
		every    time.Duration // between two failures
		failures int
		synced   func(failure int) time.Time // when /sync was last answered, before a failure
		moves    bool                        // a page is read between the failures
		hopeless bool                        // after the last failure
	}{
		{
			name: "it fails again and again while /sync is answered", err: badGateway, every: 40 * time.Second, failures: 10, hopeless: true,
			synced: func(n int) time.Time { return begin.Add(time.Duration(n)*40*time.Second - time.Second) },
		},
		{
			name: "a proxy's time-out counts too", err: &MatrixError{Err: errors.New("timeout")}, every: 40 * time.Second, failures: 10, hopeless: true,
			synced: func(n int) time.Time { return begin.Add(time.Duration(n)*40*time.Second - time.Second) },
		},
		{
			name: "not often enough", err: badGateway, every: 40 * time.Second, failures: 9,
			synced: func(n int) time.Time { return begin.Add(time.Duration(n)*40*time.Second - time.Second) },
		},
		{
			name: "not for long enough", err: badGateway, every: 20 * time.Second, failures: 10,
			synced: func(n int) time.Time { return begin.Add(time.Duration(n)*20*time.Second - time.Second) },
		},
		{
			name: "the homeserver is away", err: badGateway, every: time.Minute, failures: 100,
			synced: func(int) time.Time { return begin.Add(-time.Second) },
		},
		{
			name: "the homeserver has just come back", err: badGateway, every: time.Minute, failures: 100,
			synced: func(n int) time.Time {
				if n < 99 {
					return begin.Add(-time.Second)
				}
				return begin.Add(98*time.Minute + time.Second)
			},
		},
		{
			name: "both queues of the portal meet it, one after the other", err: badGateway, every: 20 * time.Second, failures: 19, hopeless: true,
			synced: func(n int) time.Time { return begin.Add(time.Duration(n-n%2)*20*time.Second - time.Second) },
		},
		{
			name: "it gets on, if slowly", err: badGateway, every: time.Minute, failures: 100, moves: true,
			synced: func(n int) time.Time { return begin.Add(time.Duration(n)*time.Minute - time.Second) },
		},
		{
			name: "the disk is full", err: errors.New("disk full"), every: time.Minute, failures: 100,
			synced: func(n int) time.Time { return begin.Add(time.Duration(n)*time.Minute - time.Second) },
		},
		{
			name: "the homeserver asks for patience", err: &MatrixError{Status: http.StatusTooManyRequests}, every: time.Minute, failures: 100,
			synced: func(n int) time.Time { return begin.Add(time.Duration(n)*time.Minute - time.Second) },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGapFiller(&Relay{})
			gap, hopeless := &db.Gap{ID: 1, From: "p"}, false
			for n := range test.failures {
				assert.False(t, hopeless, "already before failure %d", n)
				if test.moves {
					gap.From += "p"
				}
				g.lastSync.store(test.synced(n))
				hopeless = g.failed(gap, test.err, begin.Add(time.Duration(n)*test.every))
			}
			assert.Equal(t, test.hopeless, hopeless)
			assert.False(t, g.failed(&db.Gap{ID: 2}, test.err, begin.Add(time.Hour)), "another gap")
		})
	}
}

func TestGapThatFailsForEverIsGivenUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.limit = 5
	f.start()
	f.link()
	f.awaitEmpty()
	f.matrix.mu.Lock()
	f.matrix.backfillError = &MatrixError{Status: http.StatusBadGateway, Err: errors.New("bad gateway")}
	f.matrix.paused = true
	f.matrix.mu.Unlock()
	for _, text := range numbered("m", 20) {
		f.matrix.say(adminUser, text)
	}
	f.matrix.setPaused(false)
	var gap *db.Gap
	await.Until(t, "the gap", func() bool {
		var err error
		gap, err = f.db.Gap.First(f.ctx, 1)
		return err == nil && gap != nil
	})
	require.Empty(t, f.relayed(), "what came after the gap waits for it")

	// As if it had failed for long already, while the homeserver worked.
	began := time.Now().Add(-2 * poisonPeriod)
	for n := range poisonAttempts {
		failed := began.Add(time.Duration(n) * time.Second)
		f.core.gaps.bad.Failed(placeOf(gap), failed, failed)
	}
	f.core.MatrixBack() // the pause ends
	f.matrix.awaitNotice(txt.GapLost())
	f.awaitRelayed(numbered("m", 20)[15:]...)
	require.Len(t, f.matrix.allNotices(), 1)
	require.True(t, f.core.gaps.bad.Since(placeOf(gap)).IsZero(), "nothing is remembered of a gap that is closed")
}

// logBuffer is a log that is written and read at the same time.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) count(part string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Count(b.buf.Bytes(), []byte(part))
}

func TestFailuresAreLoggedOnce(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		again  bool
	}{
		{name: "of a service, which is waited for", status: http.StatusBadGateway, again: true},
		{name: "of a portal, which is paused", status: http.StatusForbidden},
		{name: "of a message, which is parked", status: http.StatusBadRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := linkedFixture(t)
			portal, err := f.core.Portal(f.ctx, roomID)
			require.NoError(t, err)
			log := &logBuffer{}
			ctx := zerolog.New(log).WithContext(t.Context())
			row := &db.Row{ID: 99, PortalID: portal.ID, Direction: db.ToMatrix, Kind: db.KindMessage, SourceID: "u", Author: f.alice.UUID}
			_, err = (&queueWorker{f.core, row.Queue()}).handleFailure(ctx, portal, row, &MatrixError{Status: test.status, Code: "M_X", Err: errors.New("the reason")})
			require.Equal(t, test.again, err != nil)
			if err != nil {
				require.Positive(t, f.core.jobFailed(ctx, queueJob(row.Queue()), err, 1))
			}
			require.Equal(t, 1, log.count("the reason"))
		})
	}
}
