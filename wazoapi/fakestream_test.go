package wazoapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"

	"wazo-matrix-relay/internal/await"
)

// fakeStream is the server's side of one connection.
type fakeStream struct {
	*websocket.Conn
	t     *testing.T
	n     int // 1 for the first connection
	token string
}

func (s *fakeStream) send(frame string) {
	_ = s.Write(s.t.Context(), websocket.MessageText, []byte(frame))
}

func (s *fakeStream) sendMessage(content string) {
	s.send(fmt.Sprintf(`{"op": "event", "code": 0, "data": {"name": "chatd_user_room_message_created", "data": {"uuid": "m",
		"content": %q, "alias": null, "user_uuid": "u", "created_at": "2026-11-21T19:26:09+00:00", "room": {"uuid": %q}}}}`, content, testRoom))
}

// next reads a command; ok is false when the connection is lost.
func (s *fakeStream) next(ctx context.Context) (c command, ok bool) {
	_, data, err := s.Read(ctx)
	if err != nil {
		return command{}, false
	}
	assert.NoError(s.t, json.Unmarshal(data, &c))
	return c, true
}

// answer acknowledges a command as websocketd does.
func (s *fakeStream) answer(c command) {
	if c.Op == "ping" {
		s.send(`{"op": "pong", "code": 0, "data": {"payload": "` + c.Data["payload"] + `"}}`)
		return
	}
	s.send(`{"op": "` + c.Op + `", "code": 0, "data": null}`)
}

// untilStart answers everything up to and including the start.
func (s *fakeStream) untilStart() []command {
	s.send(`{"op": "init", "code": 0, "data": {"version": 2}}`)
	var got []command
	for {
		c, ok := s.next(s.t.Context())
		if !ok {
			return got
		}
		s.answer(c)
		if got = append(got, c); c.Op == "start" {
			return got
		}
	}
}

// serve answers commands until the connection is lost.
func (s *fakeStream) serve() {
	for {
		c, ok := s.next(s.t.Context())
		if !ok {
			return
		}
		s.answer(c)
	}
}

// handleStream adds a websocketd whose connections are played by play.
func (f *fakeWazo) handleStream(play func(*fakeStream)) {
	var mu sync.Mutex
	n := 0
	var playing sync.WaitGroup
	f.t.Cleanup(playing.Wait)
	f.mux.HandleFunc("GET /api/websocketd/", func(w http.ResponseWriter, r *http.Request) {
		playing.Add(1)
		defer playing.Done()
		assert.Equal(f.t, "version=2", r.URL.RawQuery)
		conn, err := websocket.Accept(w, r, nil)
		if !assert.NoError(f.t, err) {
			return
		}
		defer conn.CloseNow()
		mu.Lock()
		n++
		s := &fakeStream{Conn: conn, t: f.t, n: n, token: r.Header.Get("X-Auth-Token")}
		mu.Unlock()
		play(s)
	})
}

// recordingHandler is a Handler that passes on what it hears.
type recordingHandler struct {
	connected    chan struct{}
	disconnected chan error
	messages     chan string
	rooms        chan Room
	onMessage    func(Message) error
}

func newRecordingHandler() *recordingHandler {
	return &recordingHandler{
		connected: make(chan struct{}, 100), disconnected: make(chan error, 100),
		messages: make(chan string, 100), rooms: make(chan Room, 100),
	}
}

func (h *recordingHandler) Connected(context.Context)               { h.connected <- struct{}{} }
func (h *recordingHandler) Disconnected(_ context.Context, e error) { h.disconnected <- e }
func (h *recordingHandler) RoomCreated(_ context.Context, r Room) error {
	h.rooms <- r
	return nil
}

func (h *recordingHandler) MessageCreated(_ context.Context, m Message) error {
	h.messages <- m.Content
	if h.onMessage != nil {
		return h.onMessage(m)
	}
	return nil
}

var _ Handler = (*recordingHandler)(nil)

// quickStream makes the stream's timings short; pings are off unless the test
// changes that.
func quickStream(change ...func(*StreamConfig)) func(*Config) {
	return func(cfg *Config) {
		cfg.Stream = StreamConfig{
			PingInterval: time.Hour, PongTimeout: 5 * time.Second, ConnectTimeout: 5 * time.Second,
			BackoffMin: time.Millisecond, BackoffMax: 5 * time.Millisecond,
		}
		for _, c := range change {
			c(&cfg.Stream)
		}
	}
}

// listen runs Listen until the test ends.
func listen(t *testing.T, a *Account, h Handler) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Listen(ctx, h) }()
	var once sync.Once
	var result error
	stop = func() error {
		once.Do(func() {
			cancel()
			result = await.Receive(t, "the end of Listen", done)
		})
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}
