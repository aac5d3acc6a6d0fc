package wazotest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// socket is the replay's end of a recorded connection.
type socket struct {
	conn    *websocket.Conn
	version string
	status  int
	frames  chan []byte
	closed  chan struct{} // closed when end is set
	end     websocket.CloseError
	events  []recordedEvent // still to be compared
	done    bool
}

type recordedEvent struct {
	frame json.RawMessage
	mixed bool // it came in an order of chance, as those next to it
}

func (e exchange) isWebsocketAction() bool {
	return e.Direction == "connect" || e.Direction == "sent" || e.Direction == "client_close"
}

// websocket replays one entry of a connection. Events are compared after the
// request that causes them: the recorder saw most before its answer.
func (r *replay) websocket(e exchange, sc scenario) {
	if e.Direction == "connect" {
		r.connect(e, sc)
		return
	}
	c := r.sockets[e.Connection]
	if c == nil {
		r.fail("no connection %q", e.Connection)
		return
	}
	switch e.Direction {
	case "handshake":
		if c.status != e.Status {
			r.fail("recorded handshake %d, got %d", e.Status, c.status)
		}
	case "handshake_failed":
		r.handshakeFailed(c, sc)
	case "sent":
		r.useLabels(string(e.Frame), sc)
		r.sendFrame(c, e.Frame)
	case "received":
		r.received(c, e.Frame, sc.mixed[r.index])
	case "client_close":
		r.clientClose(c, e.Code)
	case "closed":
		r.expectClose(c, e)
	}
}

func (r *replay) connect(e exchange, sc scenario) {
	r.useLabels(e.URL+" "+e.Headers["X-Auth-Token"], sc)
	u, err := url.Parse(r.ours(e.URL))
	require.NoError(r.t, err)
	target, err := url.Parse(r.server.URL())
	require.NoError(r.t, err)
	u.Scheme, u.Host = "ws", target.Host
	header := http.Header{}
	for name, value := range e.Headers {
		header.Set(name, r.ours(value))
	}
	conn, resp, err := websocket.Dial(r.ctx, u.String(), &websocket.DialOptions{HTTPHeader: header, HTTPClient: r.http})
	c := &socket{conn: conn, frames: make(chan []byte, 1000), closed: make(chan struct{}), version: u.Query().Get("version")}
	r.sockets[e.Connection] = c
	if resp != nil {
		c.status = resp.StatusCode
	}
	if err != nil {
		c.done = true
		return
	}
	conn.SetReadLimit(-1)
	go c.read(r.ctx)
}

func (c *socket) read(ctx context.Context) {
	defer close(c.closed)
	for {
		_, frame, err := c.conn.Read(ctx)
		if err != nil {
			if !errors.As(err, &c.end) {
				c.end.Code = websocket.StatusAbnormalClosure
			}
			return
		}
		c.frames <- frame
	}
}

// handshakeFailed compares the status of a refused upgrade; the recorder's
// library did not follow nginx's redirection (301), or saw its 502.
func (r *replay) handshakeFailed(c *socket, sc scenario) {
	if want := sc.refused[r.index]; c.status != want {
		r.fail("expected handshake status %d, got %d", want, c.status)
	}
}

func (r *replay) sendFrame(c *socket, frame json.RawMessage) {
	kind, data := websocket.MessageText, []byte(r.ours(string(frame)))
	var text string
	if json.Unmarshal(frame, &text) == nil {
		data = []byte(text)
		if inner, ok := strings.CutPrefix(text, "b'"); ok {
			kind, data = websocket.MessageBinary, []byte(strings.TrimSuffix(inner, "'"))
		}
	}
	if err := c.conn.Write(r.ctx, kind, data); err != nil {
		r.fail("send: %v", err)
	}
}

// received compares the answer to a command now, and notes an event for later.
func (r *replay) received(c *socket, frame json.RawMessage, mixed bool) {
	var head struct{ Op, Name string }
	require.NoError(r.t, json.Unmarshal(frame, &head))
	if head.Op == "event" || head.Name != "" {
		c.events = append(c.events, recordedEvent{frame, mixed})
		return
	}
	r.drain(c)
	r.nextFrame(c, frame)
}

func (r *replay) nextFrame(c *socket, want json.RawMessage) {
	if got, ok := r.frame(c); ok {
		r.failAll(r.json(want, got))
	}
}

// frame waits for the next frame of a connection.
func (r *replay) frame(c *socket) ([]byte, bool) {
	select {
	case got := <-c.frames:
		return got, true
	case <-c.closed:
		r.fail("closed with %d %q instead of a frame", c.end.Code, c.end.Reason)
	case <-time.After(r.patience):
		r.fail("no frame came")
	}
	return nil, false
}

func (r *replay) drain(c *socket) {
	events := c.events
	c.events = nil
	for len(events) > 0 {
		n := 0
		for n < len(events) && events[n].mixed {
			n++
		}
		if n == 0 {
			r.nextFrame(c, events[0].frame)
			n = 1
		} else {
			r.mixedFrames(c, events[:n])
		}
		events = events[n:]
	}
}

// mixedFrames compares events with as many frames, whatever their order.
func (r *replay) mixedFrames(c *socket, events []recordedEvent) {
	var frames [][]byte
	for range events {
		frame, ok := r.frame(c)
		if !ok {
			return
		}
		frames = append(frames, frame)
	}
	for _, event := range events {
		at := slices.IndexFunc(frames, func(frame []byte) bool { return len(r.trial().json(event.frame, frame)) == 0 })
		if at < 0 {
			r.fail("none of %d frames is %s, but %s", len(frames), event.frame, frames)
			return
		}
		r.failAll(r.json(event.frame, frames[at]))
		frames = slices.Delete(frames, at, at+1)
	}
}

// drainEvents compares the events of all connections so far.
func (r *replay) drainEvents() {
	for _, c := range r.sockets {
		r.drain(c)
	}
}

// clientClose closes a connection, having made sure that nothing has come
// beyond what was recorded: a pong is behind all events.
func (r *replay) clientClose(c *socket, code int) {
	r.drain(c)
	if c.version == "2" {
		r.sendFrame(c, json.RawMessage(`{"op": "ping", "data": {"payload": "last"}}`))
		r.nextFrame(c, json.RawMessage(`{"op": "pong", "code": 0, "data": {"payload": "last"}}`))
	}
	if err := c.conn.Close(websocket.StatusCode(code), ""); err != nil {
		r.fail("close: %v", err)
	}
	<-c.closed
	c.done = true
	// The library reports its own close as an abnormal one when the peer
	// echoes it; that Close succeeded says that the codes are equal.
	c.end = websocket.CloseError{Code: websocket.StatusCode(code)}
}

func (r *replay) expectClose(c *socket, e exchange) {
	r.drain(c)
	if e.Code == 4003 {
		r.clock.Advance(2 * time.Second) // the recorded token was a little older than ours
	}
	select {
	case <-c.closed:
	case <-time.After(r.patience):
		r.fail("still open, recorded close %d %q", e.Code, e.Reason)
		return
	}
	if !c.done && len(c.frames) > 0 {
		r.fail("%d frames before the close that were not recorded, first %s", len(c.frames), <-c.frames)
	}
	c.done = true
	if int(c.end.Code) != e.Code || c.end.Reason != e.Reason {
		r.fail("recorded close %d %q, got %d %q", e.Code, e.Reason, c.end.Code, c.end.Reason)
	}
}

// closeSockets ends what a recording left open, which must have nothing to say.
func (r *replay) closeSockets() {
	r.drainEvents()
	for name, c := range r.sockets {
		if c.done {
			continue
		}
		if len(c.frames) > 0 {
			r.fail("%s: frame that was not recorded: %s", name, <-c.frames)
		}
		_ = c.conn.CloseNow()
		<-c.closed
	}
}
