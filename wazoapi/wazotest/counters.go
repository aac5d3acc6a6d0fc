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
	by map[string]Requests // by the uuid of the account
}

func newCounters() *counters { return &counters{n: Requests{}, by: map[string]Requests{}} }

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

// addBy counts a request whose account is known.
func (c *counters) addBy(user, route string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[user] == nil {
		c.by[user] = Requests{}
	}
	c.by[user][route]++
}

// RequestsBy returns a copy of the counters of one account: of log-ins with the
// right password or refresh token, of requests with a token that had the right
// for them, and of websockets that were let in.
func (s *Server) RequestsBy(u User) Requests {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	requests := maps.Clone(s.counts.by[u.UUID])
	if requests == nil {
		requests = Requests{}
	}
	return requests
}
