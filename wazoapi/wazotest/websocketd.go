package wazotest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// closing is a close frame.
type closing struct {
	code   websocket.StatusCode
	reason string
}

// maxFrame is the largest frame that a client may send
// (docs/wazo.md, "Connect").
const maxFrame = 1 << 20

// closePatience is how long a client may take to answer a close frame.
const closePatience = 500 * time.Millisecond

// wsClient is one WebSocket connection. Its goroutines are the reader, which is
// the handler's, the writer, and the keep-alive.
type wsClient struct {
	server  *Server
	conn    *websocket.Conn
	version int

	// The bindings keep the identity of the first token
	// (docs/wazo.md, "Token renewal").
	user       string
	tenant     string
	seesTenant bool // every event of the tenant
	seesAll    bool // every event of every tenant

	mu         sync.Mutex // guards what follows
	session    *session   // of the current token
	subscribed map[string]bool
	started    bool
	queue      [][]byte
	closing    *closing
	wake       chan struct{} // has room for one
	stopCheck  func()
}

var _ listener = (*wsClient)(nil)

// serveWebsocket upgrades first and refuses afterwards, as websocketd does
// (docs/wazo.md, "Connect").
func (s *Server) serveWebsocket(w http.ResponseWriter, r *http.Request, drain *drain) {
	w.Header().Set("Server", "nginx/1.22.1")
	if r.Header.Get("Upgrade") == "" {
		send(w, r, "", answer{status: http.StatusUpgradeRequired, contentType: "text/plain", body: []byte(
			"Failed to open a WebSocket connection: empty Upgrade header.\n\n" +
				"You cannot access a WebSocket server directly with a browser. You need a WebSocket client.\n")})
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // websocketd does not look at the origin
		CompressionMode:    websocket.CompressionContextTakeover,
	})
	if err != nil {
		return // Accept has answered
	}
	conn.SetReadLimit(-1) // the limit's close frame has a reason, websocketd's has none
	c := &wsClient{server: s, conn: conn, subscribed: map[string]bool{}, wake: make(chan struct{}, 1), stopCheck: func() {}}
	c.run(r, drain)
}

func (c *wsClient) run(r *http.Request, drain *drain) {
	ctx, cancel := context.WithCancel(context.Background())
	var goroutines sync.WaitGroup
	c.server.bus.join(c) // before admission, so that stopping the server finds it
	if drain.isClosed() {
		c.close(closing{code: websocket.StatusGoingAway})
	}
	refusal := c.admit(r)
	if refusal != nil {
		c.close(*refusal)
	} else {
		c.reply(object{{"op", "init"}, {"code", 0}, {"data", object{{"version", c.version}}}})
		c.scheduleCheck()
		c.server.keepAlive(ctx, c, &goroutines)
	}
	goroutines.Go(func() { c.write(ctx, cancel) })
	c.read(ctx)
	c.server.bus.leave(c)
	c.mu.Lock()
	c.stopCheck()
	c.mu.Unlock()
	cancel()
	goroutines.Wait()
	_ = c.conn.CloseNow() // closed already, one way or the other
}

// admit checks token and version, in this order: no token, version, token.
func (c *wsClient) admit(r *http.Request) *closing {
	query := r.URL.Query()
	token := query.Get("token")
	if token == "" {
		token = r.Header.Get("X-Auth-Token")
	}
	if token == "" {
		return &closing{4001, "no token"}
	}
	version, err := strconv.Atoi(query.Get("version"))
	switch {
	case query.Get("version") == "":
		version = 1
	case err != nil:
		return &closing{code: websocket.StatusInternalError}
	case version != 1 && version != 2:
		return &closing{code: 4004}
	}
	c.version = version
	ses := c.server.websocketSession(token)
	if ses == nil {
		return &closing{4002, "authentication failed"}
	}
	if c.server.faults.busLost() {
		return &closing{websocket.StatusInternalError, "bus connection error"}
	}
	c.bind(ses)
	c.server.counts.addBy(ses.account.UUID, "GET /api/websocketd/")
	return nil
}

// bind fixes whose events the connection gets
// (docs/wazo.md, "Who receives an event").
func (c *wsClient) bind(ses *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = ses
	c.user, c.tenant = ses.account.UUID, ses.tenant
	c.seesTenant = ses.account.Admin || ses.account.Purpose != PurposeUser
	c.seesAll = ses.tenant == c.server.master.UUID
}

// websocketSession returns the session of a token that may open a websocket, or
// nil; nil also when wazo-auth is down.
func (s *Server) websocketSession(token string) *session {
	if s.authDown() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ses := s.liveSession(token)
	if ses == nil || !ses.access.allows("websocketd") {
		return nil
	}
	return ses
}

// read handles what the client sends until the connection ends.
func (c *wsClient) read(ctx context.Context) {
	for {
		kind, reader, err := c.conn.Reader(ctx)
		if err != nil {
			return
		}
		frame, err := io.ReadAll(io.LimitReader(reader, maxFrame+1))
		switch {
		case err != nil:
			return
		case len(frame) > maxFrame:
			c.close(closing{code: websocket.StatusMessageTooBig})
			_, _ = io.Copy(io.Discard, reader) // the next frame is behind the rest of this one
		case kind != websocket.MessageText || !json.Valid(frame):
			c.close(closing{code: 4004})
		default:
			c.command(frame)
		}
	}
}

// write sends what is queued, in order, and the close frame at the end. hangUp
// ends the connection at once.
func (c *wsClient) write(ctx context.Context, hangUp func()) {
	for {
		c.mu.Lock()
		queue, end := c.queue, c.closing
		c.queue = nil
		c.mu.Unlock()
		for _, frame := range queue {
			if c.conn.Write(ctx, websocket.MessageText, frame) != nil {
				return
			}
		}
		if end != nil {
			c.sendClose(*end, hangUp)
			return
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
			return
		}
	}
}

// sendClose closes politely, but does not wait for ever.
func (c *wsClient) sendClose(end closing, hangUp func()) {
	timer := time.AfterFunc(closePatience, hangUp)
	defer timer.Stop()
	_ = c.conn.Close(end.code, end.reason) // a client that is gone needs no close frame
}

// close queues a close frame behind everything else. Only the first counts.
func (c *wsClient) close(end closing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing == nil {
		c.closing = &end
		c.signal()
	}
}

// enqueue queues a frame. The caller holds c.mu.
func (c *wsClient) enqueue(frame []byte) {
	if c.closing == nil {
		c.queue = append(c.queue, frame)
		c.signal()
	}
}

func (c *wsClient) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *wsClient) reply(v object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enqueue(mustJSON(v))
}

// offer passes an event on if the client has started, has subscribed to it, is
// an addressee, and its token has the access
// (docs/wazo.md, "Who receives an event").
func (c *wsClient) offer(e event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started || !c.subscribed[e.name] && !c.subscribed["*"] || !c.isAddressee(e) {
		return
	}
	if e.acl != "" && !c.session.access.allows(e.acl) {
		return
	}
	if c.server.faults.fires(dropEvent, faultScope{user: c.user}) != nil {
		return
	}
	frame := e.payload
	if c.version >= 2 {
		frame = mustJSON(object{{"op", "event"}, {"code", 0}, {"data", json.RawMessage(e.payload)}})
	}
	c.enqueue(frame)
}

func (c *wsClient) isAddressee(e event) bool {
	if c.seesAll {
		return true
	}
	return e.tenant == c.tenant && (c.seesTenant || e.addressee == c.user || e.addressee == "*")
}

// RestartWebsocketd closes all websockets the way a restart of the service
// does, with 1001.
func (s *Server) RestartWebsocketd() {
	s.closeWebsockets(closing{code: websocket.StatusGoingAway})
}

func (s *Server) closeWebsockets(end closing) {
	s.bus.each(func(l listener) {
		if c, ok := l.(*wsClient); ok {
			c.close(end)
		}
	})
}

// KillWebsocketd cuts all websockets without a close frame.
func (s *Server) KillWebsocketd() {
	var clients []*wsClient
	s.bus.each(func(l listener) {
		if c, ok := l.(*wsClient); ok {
			clients = append(clients, c)
		}
	})
	for _, c := range clients {
		_ = c.conn.CloseNow()
	}
}

// Websockets returns how many websockets are open.
func (s *Server) Websockets() int {
	return s.countWebsockets(func(*wsClient) bool { return true })
}

// WebsocketsOf returns how many websockets of an account are open.
func (s *Server) WebsocketsOf(u User) int {
	return s.countWebsockets(func(c *wsClient) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.user == u.UUID
	})
}

func (s *Server) countWebsockets(wanted func(*wsClient) bool) int {
	n := 0
	s.bus.each(func(l listener) {
		if c, ok := l.(*wsClient); ok && wanted(c) {
			n++
		}
	})
	return n
}
