package wazotest

import (
	"maps"
	"sync"
)

// Requests counts what reached the server, by method and route, such as
// "POST /api/auth/0.1/token" or
// "GET /api/chatd/1.0/users/me/rooms/{room}/messages". A path without route
// counts as "(unknown)" of its service, a WebSocket handshake as
// "GET /api/websocketd/".
type Requests map[string]int

type counters struct {
	mu sync.Mutex
	n  Requests
}

func newCounters() *counters { return &counters{n: Requests{}} }

func (c *counters) add(route string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[route]++
}

// Requests returns a copy of the counters.
func (s *Server) Requests() Requests {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return maps.Clone(s.counts.n)
}
