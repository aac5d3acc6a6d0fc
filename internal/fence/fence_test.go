package fence

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wazo-matrix-relay/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errLost = errors.New("lost")

// switched is a lease that a test ends and begins.
type switched struct {
	mu      sync.Mutex
	changed chan struct{}
	active  bool
	lost    bool
	waiting atomic.Int64
}

func (s *switched) set(active, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active, s.lost = active, lost
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *switched) state() (active, lost bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active, s.lost, s.changed
}

// IsActive implements Lease.
func (s *switched) IsActive() bool {
	active, _, _ := s.state()
	return active
}

// AwaitActive implements Lease.
func (s *switched) AwaitActive(ctx context.Context) error {
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	for {
		active, lost, changed := s.state()
		if active {
			return nil
		} else if lost {
			return errLost
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fixture is a server, and a client behind a fence.
type fixture struct {
	lease  *switched
	server *httptest.Server
	client *http.Client
	seen   atomic.Int64 // requests that have reached the server
}

func newFixture(t *testing.T, handler func(w http.ResponseWriter, r *http.Request)) *fixture {
	t.Helper()
	f := &fixture{lease: &switched{active: true, changed: make(chan struct{})}}
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.seen.Add(1)
		handler(w, r)
	}))
	t.Cleanup(f.server.Close)
	fence := New(f.lease)
	dialer := &net.Dialer{}
	f.client = &http.Client{Transport: fence.Transport(&http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return fence.Connection(conn), nil
		},
	})}
	t.Cleanup(f.client.CloseIdleConnections)
	return f
}

func (f *fixture) post(ctx context.Context, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.server.URL, body)
	if err != nil {
		return err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

func TestRequestsWaitUntilTheProcessIsActive(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(http.ResponseWriter, *http.Request) {})
	require.NoError(t, f.post(t.Context(), strings.NewReader("one")))
	f.lease.set(false, false)
	made := make(chan error, 1)
	go func() { made <- f.post(t.Context(), strings.NewReader("two")) }()
	await.Until(t, "a request that waits", func() bool { return f.lease.waiting.Load() == 1 })
	require.EqualValues(t, 1, f.seen.Load())
	f.lease.set(true, false)
	require.NoError(t, await.Receive(t, "the request", made))
	require.EqualValues(t, 2, f.seen.Load())

	f.lease.set(false, false)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { made <- f.post(ctx, nil) }()
	await.Until(t, "a request that waits", func() bool { return f.lease.waiting.Load() == 1 })
	cancel()
	err := await.Receive(t, "the request", made)
	require.ErrorIs(t, err, ErrNotActive)
	require.ErrorIs(t, err, context.Canceled)
	f.lease.set(false, true)
	err = f.post(t.Context(), strings.NewReader("three"))
	require.ErrorIs(t, err, ErrNotActive)
	require.ErrorIs(t, err, errLost)
	require.EqualValues(t, 2, f.seen.Load())
}

// A process may stand still when the request has passed the first question already.
func TestNothingIsWrittenWhenTheProcessIsNotActiveAnyMore(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	reader, writer := io.Pipe()
	made := make(chan error, 1)
	go func() { made <- f.post(t.Context(), reader) }()
	_, err := writer.Write([]byte(strings.Repeat("x", 64<<10)))
	require.NoError(t, err)
	await.Until(t, "the beginning of the request", func() bool { return f.seen.Load() == 1 })
	f.lease.set(false, false)
	_, _ = writer.Write([]byte(strings.Repeat("x", 64<<10))) // the client may have given up already
	require.ErrorIs(t, await.Receive(t, "the request", made), ErrNotActive)
	require.NoError(t, writer.Close())
}

func TestWithoutAFenceNothingIsChecked(t *testing.T) {
	t.Parallel()
	var fence *Fence
	next := &http.Transport{}
	require.Same(t, next, fence.Transport(next))
	conn, other := net.Pipe()
	defer other.Close()
	defer conn.Close()
	require.Same(t, conn, fence.Connection(conn))
}
