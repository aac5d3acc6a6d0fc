package wazotest

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

// hookSink takes deliveries and answers with a status.
type hookSink struct {
	*httptest.Server
	clock Clock

	mu     sync.Mutex
	status int
	came   []time.Time
	bodies []string
}

func newHookSink(t *testing.T, clock Clock, status int) *hookSink {
	sink := &hookSink{clock: clock, status: status}
	sink.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Content string }
		_ = json.NewDecoder(r.Body).Decode(&body) // of a test
		sink.mu.Lock()
		defer sink.mu.Unlock()
		sink.came = append(sink.came, sink.clock.Now())
		sink.bodies = append(sink.bodies, body.Content)
		w.WriteHeader(sink.status)
	}))
	listener, err := net.Listen("tcp", "127.0.0.2:0") // 127.0.0.1 is skipped
	require.NoError(t, err)
	require.NoError(t, sink.Listener.Close())
	sink.Listener = listener
	sink.Start()
	t.Cleanup(sink.Close)
	return sink
}

func (h *hookSink) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.came)
}

func (h *hookSink) received() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.bodies...)
}

// subscribe makes a subscription of alice.
func (f *fixture) subscribe(url string) {
	f.Helper()
	status, _, body := f.do(http.MethodPost, "/api/webhookd/1.0/users/me/subscriptions", f.token("{}"), fmt.Appendf(nil,
		`{"name": "x", "service": "http", "events": ["chatd_user_room_message_created"], "config": {"url": %q, "method": "post"}}`, url))
	require.Equal(f, http.StatusCreated, status, string(body))
}

// The recording shows the first 75 seconds, on a busy machine: attempts are up to a tenth late.
func TestWebhookAttemptsComeAsRecorded(t *testing.T) {
	t.Parallel()
	var recorded []float64
	for _, e := range loadRecording(t, "webhookd-04-retry").Exchanges {
		if e.Note == "listener answering 503: 7 requests in 75 s" {
			require.NoError(t, json.Unmarshal(e.Offsets, &recorded))
		}
	}
	require.Len(t, recorded, 7)
	clock := NewManualClock(time.Date(2026, 11, 21, 19, 0, 0, 0, time.UTC))
	f := start(t, WithClock(clock), WithPingInterval(0))
	sink := newHookSink(t, clock, http.StatusServiceUnavailable)
	f.subscribe(sink.URL)
	f.Post(f.room.UUID, f.alice, "hello", "")
	for i := range hookAttempts {
		await.Until(t, "an attempt", func() bool { return sink.count() == i+1 && f.PendingWebhooks() == 0 })
		clock.Advance(time.Second << i)
	}
	for i, offset := range recorded {
		assert.Equal(t, math.Round(offset), sink.came[i].Sub(sink.came[0]).Seconds(), "attempt %d", i+1)
	}
	clock.Advance(time.Hour)
	require.Zero(t, f.PendingWebhooks())
	assert.Equal(t, hookAttempts, sink.count(), "then it is dropped")
}

func TestWebhookStopsAt410(t *testing.T) {
	t.Parallel()
	clock := NewManualClock(time.Date(2026, 11, 21, 19, 0, 0, 0, time.UTC))
	f := start(t, WithClock(clock), WithPingInterval(0))
	sink := newHookSink(t, clock, http.StatusGone)
	f.subscribe(sink.URL)
	f.Post(f.room.UUID, f.alice, "hello", "")
	await.Until(t, "an attempt", func() bool { return sink.count() == 1 && f.PendingWebhooks() == 0 })
	clock.Advance(time.Hour)
	require.Zero(t, f.PendingWebhooks())
	assert.Equal(t, 1, sink.count())
}

func TestWebhookFaults(t *testing.T) {
	t.Parallel()
	f := start(t)
	sink := newHookSink(t, systemClock{}, http.StatusNoContent)
	f.Faults().UnboundWebhook(Times(1))
	f.subscribe(sink.URL)
	f.Post(f.room.UUID, f.alice, "nobody hears this", "")
	f.subscribe(sink.URL)
	f.Faults().DropWebhook(Times(1))
	f.Post(f.room.UUID, f.alice, "lost", "")
	f.Faults().LateWebhook(50*time.Millisecond, Times(1))
	f.Post(f.room.UUID, f.alice, "late", "")
	f.Post(f.room.UUID, f.alice, "soon", "")
	await.Until(t, "two deliveries", func() bool { return sink.count() == 2 })
	down := f.Faults().WebhookdDown()
	f.Post(f.room.UUID, f.alice, "while it is away", "")
	down.Off()
	f.UnbindWebhooks()
	f.Post(f.room.UUID, f.alice, "unbound", "")
	f.subscribe(sink.URL)
	f.Post(f.room.UUID, f.alice, "end", "")
	await.Until(t, "the last delivery", func() bool { return sink.count() == 3 })
	assert.Equal(t, []string{"soon", "late", "end"}, sink.received())
}

// A delivery that has begun to be tried outlives a restart, like what waits in RabbitMQ.
func TestWebhookDeliveriesOutliveARestart(t *testing.T) {
	t.Parallel()
	f := start(t)
	sink := newHookSink(t, systemClock{}, http.StatusServiceUnavailable)
	f.subscribe(sink.URL)
	f.Post(f.room.UUID, f.alice, "hello", "")
	await.Until(t, "the first attempt", func() bool { return sink.count() == 1 })
	f.Stop()
	f.Post(f.room.UUID, f.alice, "while it is away", "")
	require.NoError(t, f.Start(f.Addr()))
	await.Until(t, "the second attempt", func() bool { return sink.count() >= 2 })
	assert.NotContains(t, sink.received(), "while it is away")
}
