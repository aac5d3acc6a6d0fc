package wazotest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

// pinged dials a websocket that tells of pings, and answers them or not.
func pinged(f *fixture, token string, answers bool) (*websocket.Conn, <-chan struct{}) {
	pings := make(chan struct{}, 100)
	conn, _, err := websocket.Dial(f.ctx, f.URL()+"/api/websocketd/?version=2&token="+token, &websocket.DialOptions{
		OnPingReceived: func(context.Context, []byte) bool {
			pings <- struct{}{}
			return answers
		},
	})
	require.NoError(f, err)
	f.Cleanup(func() { _ = conn.CloseNow() })
	return conn, pings
}

// readAll reads until the connection ends, and says how.
func readAll(f *fixture, conn *websocket.Conn) <-chan error {
	end := make(chan error, 1)
	go func() {
		for {
			if _, _, err := conn.Read(f.ctx); err != nil {
				end <- err
				return
			}
		}
	}()
	return end
}

// The recording ws-08 as a test: pings at 20 s, 40 s, and two at 60 s.
func TestServerPings(t *testing.T) {
	t.Parallel()
	clock := NewManualClock(time.Now())
	f := start(t, WithClock(clock), WithTokenChecks(func(time.Duration) time.Duration { return 24 * time.Hour }),
		// So that a timer within 20 s is one for a ping, not one for a pong.
		func(s *Server) { s.pongWithin = time.Minute })
	conn, pings := pinged(f, f.token(`{}`), true)
	end := readAll(f, conn)                                     // a client answers pings as long as it reads
	require.NoError(t, clock.WaitTimers(f.ctx, 2, time.Minute)) // both kinds of pings are waiting
	for _, want := range []int{1, 1, 2} {
		require.NoError(t, clock.WaitTimers(f.ctx, want, 20*time.Second))
		clock.Advance(20 * time.Second)
		for range want {
			select {
			case <-pings:
			case err := <-end:
				t.Fatal(err)
			}
		}
	}
	assert.Empty(t, pings)
}

func TestSilentClientIsClosed(t *testing.T) {
	t.Parallel()
	clock := NewManualClock(time.Now())
	f := start(t, WithClock(clock), WithTokenChecks(func(time.Duration) time.Duration { return 24 * time.Hour }))
	conn, pings := pinged(f, f.token(`{}`), false)
	end := readAll(f, conn)
	require.NoError(t, clock.WaitTimers(f.ctx, 1, 20*time.Second))
	clock.Advance(20 * time.Second)
	await.Receive(t, "a ping", pings)
	require.NoError(t, clock.WaitTimers(f.ctx, 1, 20*time.Second)) // for the pong
	clock.Advance(20 * time.Second)
	var closed websocket.CloseError
	require.ErrorAs(t, await.Receive(t, "the end of the connection", end), &closed)
	assert.Equal(t, websocket.StatusInternalError, closed.Code)
	assert.Equal(t, "keepalive ping timeout", closed.Reason)
}

func TestTooLargeFramesEndTheConnection(t *testing.T) {
	t.Parallel()
	f := start(t)
	conn := f.listen(f.token(`{}`))
	frame := `{"op":"ping","data":{"payload":"` + strings.Repeat("x", maxFrame) + `"}}`
	_ = conn.Write(f.ctx, websocket.MessageText, []byte(frame)) // the server may be faster
	code, reason := f.closed(conn)
	assert.Equal(t, websocket.StatusMessageTooBig, code)
	assert.Empty(t, reason)
}

func TestTokenChecks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name             string
		remaining, after time.Duration
	}{
		{"a day is checked after twelve hours", 24 * time.Hour, 12 * time.Hour},
		{"two hours after three quarters", 2 * time.Hour, 90 * time.Minute},
		{"seventy seconds after a minute", 70 * time.Second, time.Minute},
		{"twenty seconds at the end", 20 * time.Second, 20 * time.Second},
		{"four seconds at the end", 4 * time.Second, 4 * time.Second},
		{"an expired one soon", -time.Second, 15 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.after, DynamicTokenChecks(test.remaining))
		})
	}
}

func TestOwnerHearsThatTheSessionExpiresSoon(t *testing.T) {
	t.Parallel()
	clock := NewManualClock(time.Now())
	f := start(t, WithClock(clock), WithPingInterval(0))
	conn, _, err := websocket.Dial(f.ctx, f.URL()+"/api/websocketd/?version=2&token="+f.token(`{"expiration": 600}`), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.CloseNow() })
	for _, command := range []string{`{"op":"subscribe","data":{"event_name":"auth_session_expire_soon"}}`, `{"op":"start"}`} {
		require.NoError(t, conn.Write(f.ctx, websocket.MessageText, []byte(command)))
	}
	for range 3 {
		_, _, err := conn.Read(f.ctx)
		require.NoError(t, err)
	}
	clock.Advance(9 * time.Minute)
	_, frame, err := conn.Read(f.ctx)
	require.NoError(t, err)
	assert.Contains(t, string(frame), `"auth_session_expire_soon"`)
	assert.Contains(t, string(frame), f.alice.UUID)
}

func TestUnusualRequestsAtNginx(t *testing.T) {
	t.Parallel()
	f := start(t)
	token := f.token(`{}`)
	for _, test := range []struct {
		name   string
		method string
		path   string
		body   []byte
		status int
	}{
		{"a body of one byte more than 1 MiB", http.MethodPost, f.messagesPath(), make([]byte, maxBody+1), http.StatusRequestEntityTooLarge},
		{"a request line of more than 8 KiB", http.MethodGet, f.messagesPath() + "?x=" + strings.Repeat("x", maxRequestLine), nil, http.StatusRequestURITooLong},
		{"an unknown service", http.MethodGet, "/api/nosuch/", nil, http.StatusNotFound},
		{"the root", http.MethodGet, "/", nil, http.StatusNotFound},
	} {
		t.Run(test.name+" gets nginx's own page", func(t *testing.T) {
			status, contentType, body := f.do(test.method, test.path, token, test.body)
			assert.Equal(t, test.status, status)
			assert.Equal(t, "text/html", contentType)
			assert.Contains(t, string(body), "nginx/1.22.1")
		})
	}
}
