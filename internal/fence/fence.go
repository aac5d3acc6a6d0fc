// Package fence sees to it that a process makes requests only while it is the active one.
//
// Several relays may be started on one database (docs/architecture.md, "Stand-by"). A process that stood still, or was
// cut off from the database, may wake up in the middle of a request, long after another one has taken over. So the
// question whether it is still active is asked twice: before a request, which waits while that is not certain
// ([Fence.Transport]), and before each piece of data that is written to a connection ([Fence.Connection]). The second
// one cannot be forgotten by anybody who makes requests, and leaves only the moment between the question and the system
// call. What was written in that moment is like a request whose answer was lost: the next process looks for its outcome
// before it repeats it.
package fence

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Lease is what says whether a process is the active one. It is safe for concurrent use.
type Lease interface {
	// IsActive reports whether the process may act.
	IsActive() bool
	// AwaitActive returns when the process may act, or with an error if it may not act any more or if ctx ends.
	AwaitActive(ctx context.Context) error
}

// ErrNotActive is returned for a request that was not made, or was broken off, because the process is not the active
// one at the moment.
var ErrNotActive = errors.New("this relay is not certain to be the active one")

// Fence is what requests and connections have to pass. A nil Fence lets everything pass.
type Fence struct{ lease Lease }

// New returns a fence that is open while a lease is valid.
func New(lease Lease) *Fence {
	if sabotaged() {
		return nil
	}
	return &Fence{lease}
}

// Transport puts the fence before the requests of a transport. They wait while the fence is closed.
func (f *Fence) Transport(next http.RoundTripper) http.RoundTripper {
	if f == nil {
		return next
	}
	return &transport{f, next}
}

type transport struct {
	fence *Fence
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.fence.lease.AwaitActive(r.Context()); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // nothing was read from it
		}
		return nil, fmt.Errorf("%w: %w", ErrNotActive, err)
	}
	return t.next.RoundTrip(r)
}

// CloseIdleConnections closes what http.Client.CloseIdleConnections is to close.
func (t *transport) CloseIdleConnections() {
	if closer, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// Connection puts the fence before what is written to a connection. While the fence is closed, writing fails: in the
// middle of a request there is nothing to wait for.
func (f *Fence) Connection(next net.Conn) net.Conn {
	if f == nil {
		return next
	}
	limitUnacknowledged(next, lateLimit)
	return &connection{next, f}
}

// lateLimit is how long the kernel tries to send what was written to a connection. If the network between this machine
// and a server is cut, what was written before arrives within this time or never. The next process waits for longer
// before it repeats a request whose outcome is unknown: until it takes over, and then as long as after every unknown
// outcome (docs/architecture.md, "Stand-by").
const lateLimit = 10 * time.Second

type connection struct {
	net.Conn
	fence *Fence
}

// Write implements net.Conn.
func (c *connection) Write(data []byte) (int, error) {
	if !c.fence.lease.IsActive() {
		return 0, ErrNotActive
	}
	return c.Conn.Write(data)
}
