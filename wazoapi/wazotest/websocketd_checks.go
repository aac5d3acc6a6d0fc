package wazotest

import (
	"context"
	"sync"

	"github.com/coder/websocket"
)

// scheduleCheck sets the next check of the current token
// (docs/wazo.md, "Token renewal").
func (c *wsClient) scheduleCheck() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopCheck()
	c.server.mu.Lock()
	remaining := c.session.expires.Sub(c.server.clock.Now())
	c.server.mu.Unlock()
	c.stopCheck = c.server.clock.AfterFunc(c.server.checkAfter(remaining), func() {
		if c.checkToken() {
			c.scheduleCheck()
		}
	})
}

// checkToken closes the connection if its token is no longer good, or nobody
// can tell because wazo-auth is down.
func (c *wsClient) checkToken() bool {
	c.mu.Lock()
	ses := c.session
	c.mu.Unlock()
	if ses == nil { // not admitted yet, or refused
		return false
	}
	if c.server.websocketSession(ses.token) != nil {
		return true
	}
	c.close(closing{4003, "authentication expired"})
	return false
}

// CheckTokens makes websocketd check the tokens of all connections now instead
// of at their time.
func (s *Server) CheckTokens() {
	s.bus.each(func(l listener) {
		if c, ok := l.(*wsClient); ok {
			c.checkToken()
		}
	})
}

// The application of websocketd pings on its own, without waiting for the pong
// (docs/wazo.md, "Keep-alive"): three times as seldom as its WebSocket library.
const applicationPings = 3

// keepAlive starts the two kinds of server pings.
func (s *Server) keepAlive(ctx context.Context, c *wsClient, goroutines *sync.WaitGroup) {
	if s.pingEvery <= 0 {
		return
	}
	goroutines.Go(func() {
		for wait(ctx, s.clock, s.pingEvery) == nil {
			if !c.ping(ctx, goroutines) {
				c.close(closing{websocket.StatusInternalError, "keepalive ping timeout"})
				return
			}
		}
	})
	goroutines.Go(func() {
		for wait(ctx, s.clock, applicationPings*s.pingEvery) == nil {
			c.ping(ctx, goroutines)
		}
	})
}

// ping tells whether the pong came in time, or the connection ended meanwhile.
// It does not give up by a context: that would cut the connection.
func (c *wsClient) ping(ctx context.Context, goroutines *sync.WaitGroup) bool {
	over := make(chan struct{})
	goroutines.Go(func() {
		defer close(over)
		_ = c.conn.Ping(ctx) // an error is the end of the connection
	})
	late := make(chan struct{})
	defer c.server.clock.AfterFunc(c.server.pongWithin, func() { close(late) })()
	select {
	case <-over:
		return true
	case <-late:
		return false
	}
}
