package relay

import (
	"context"
	"net/http"
	"sync"
	"time"

	"wazo-matrix-relay/db"
)

// This file follows how the relay itself is: its database, its clock, and whether it works at all. These belong to
// neither side.

// stalledAfter is how old the last look of watch may be. What it does takes milliseconds.
const stalledAfter = 2 * time.Minute

// IsAlive reports whether the relay works: that its watch goes round, for which the database must answer. It says
// nothing about both sides. A relay that is not alive is helped by nothing but a new start.
func (r *Relay) IsAlive() bool {
	last := r.watched.load()
	return last.IsZero() || time.Since(last) < stalledAfter+r.cfg.HealthInterval // zero: it is starting
}

// checkDatabase finds out whether anything can be stored.
func (r *Relay) checkDatabase(ctx context.Context) error {
	return r.db.Setting.Set(ctx, db.SettingCheckedAt, time.Now().UTC().Format(time.RFC3339))
}

// maxSkew is how much the clocks of the relay and of a server may differ. Commands that are older than two minutes are
// not obeyed.
const maxSkew = time.Minute

// skewAnswers is how many answers of a server are compared: a single one may have been kept somewhere on its way.
const skewAnswers = 3

// Clocks compares the clock of this machine with those of the servers, by the times that their answers carry. It is
// safe for concurrent use, and its zero value is ready.
type Clocks struct {
	mu    sync.Mutex
	skews map[Server][]time.Duration // of the last answers
}

// Server is one of the two servers that the relay connects.
type Server string

// The servers.
const (
	Homeserver Server = "homeserver"
	WazoServer Server = "wazo"
)

// Transport returns what is put around the requests to a server.
func (c *Clocks) Transport(server Server, next http.RoundTripper) http.RoundTripper {
	return &clockTransport{c, server, next}
}

type clockTransport struct {
	clocks *Clocks
	server Server
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *clockTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err == nil {
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			t.clocks.note(t.server, time.Until(date))
		}
	}
	return resp, err
}

// CloseIdleConnections closes what http.Client.CloseIdleConnections is to close.
func (t *clockTransport) CloseIdleConnections() {
	if closer, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// note notes by how much the clock of a server was ahead in an answer.
func (c *Clocks) note(server Server, ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.skews == nil {
		c.skews = make(map[Server][]time.Duration)
	}
	skews := append(c.skews[server], ahead)
	c.skews[server] = skews[max(0, len(skews)-skewAnswers):]
}

// Skew returns by how much the clock of a server is ahead of that of this machine, negative if it is behind. Of the
// last answers, that with the smallest difference counts.
func (c *Clocks) Skew(server Server) (ahead time.Duration) {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, skew := range c.skews[server] {
		if i == 0 || skew.Abs() < ahead.Abs() {
			ahead = skew
		}
	}
	return ahead
}

// addClocks adds whose clock differs from that of this machine.
func (r *healthReport) addClocks() {
	for _, server := range []Server{Homeserver, WazoServer} {
		if skew := r.cfg.Clocks.Skew(server); skew.Abs() > maxSkew {
			r.result.Relay.add(r.texts.ClocksDiffer(server == WazoServer, skew))
		}
	}
}
