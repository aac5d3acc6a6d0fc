package harness

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"time"
)

// Wire is a piece of network between a relay and one server: it forwards bytes, can be
// cut, and knows when it last forwarded something. It is safe for concurrent use.
type Wire struct {
	// Address is the host and the port at which the relay finds the server.
	Address string

	listener net.Listener
	dial     func() (net.Conn, error)
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	cut   Cut
	first time.Time // when the relay first sent something that was forwarded, since Forget
	sent  time.Time // when it last did
}

// Cut is how a wire is cut.
type Cut int

// The ways in which a wire is cut.
const (
	Whole  Cut = iota
	Closed     // connections end at once, and no new one is possible
	Silent     // connections stay, and nothing arrives by them
)

// NewWire makes a wire to what dial connects to, until Close.
func NewWire(dial func() (net.Conn, error)) (*Wire, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &Wire{Address: listener.Addr().String(), listener: listener, dial: dial, conns: make(map[net.Conn]struct{})}
	w.running.Go(w.serve)
	return w, nil
}

// WireTo makes a wire to the host and port of a URL.
func WireTo(address string) (*Wire, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	return NewWire(func() (net.Conn, error) { return net.Dial("tcp", parsed.Host) })
}

// WireToDatabase makes a wire to the server of a database, and returns the URL of the database through the wire.
func WireToDatabase(location string) (w *Wire, through string, err error) {
	parsed, err := url.Parse(location)
	if err != nil {
		return nil, "", err
	}
	query := parsed.Query()
	socket := filepath.Join(query.Get("host"), ".s.PGSQL."+query.Get("port"))
	if w, err = NewWire(func() (net.Conn, error) { return net.Dial("unix", socket) }); err != nil {
		return nil, "", err
	}
	query.Del("host")
	query.Del("port")
	query.Set("sslmode", "disable")
	parsed.Host, parsed.RawQuery = w.Address, query.Encode()
	return w, parsed.String(), nil
}

// Close ends the wire and its connections.
func (w *Wire) Close() error {
	err := w.listener.Close()
	w.closeConns()
	w.running.Wait()
	return err
}

// Set cuts the wire, or makes it whole. A connection that was silent ends when the wire is whole again: what the relay
// has written to it is lost.
func (w *Wire) Set(cut Cut) {
	w.mu.Lock()
	before := w.cut
	w.cut = cut
	w.mu.Unlock()
	if cut == Closed || before == Silent {
		w.closeConns()
	}
}

// LastSent returns when the relay last sent something that was forwarded.
func (w *Wire) LastSent() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

// FirstSent returns when the relay first sent something that was forwarded, since Forget. It is zero if the
// relay has sent nothing.
func (w *Wire) FirstSent() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first
}

// Forget forgets what the relay has sent.
func (w *Wire) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.first, w.sent = time.Time{}, time.Time{}
}

func (w *Wire) closeConns() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.conns {
		_ = conn.Close() // it is of no use any more
	}
	clear(w.conns)
}

func (w *Wire) serve() {
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return // the wire is closed
		}
		w.running.Go(func() { w.forward(conn) })
	}
}

// add keeps a connection to close it with the wire. It returns false if the wire is cut.
func (w *Wire) add(conn net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut == Closed {
		return false
	}
	w.conns[conn] = struct{}{}
	return true
}

func (w *Wire) forward(conn net.Conn) {
	defer conn.Close()
	if !w.add(conn) {
		return
	}
	server, err := w.dial()
	if err != nil {
		return
	}
	defer server.Close()
	if !w.add(server) {
		return
	}
	var both sync.WaitGroup
	for _, way := range []struct {
		from, to net.Conn
		isSent   bool
	}{{conn, server, true}, {server, conn, false}} {
		both.Go(func() {
			w.copy(way.from, way.to, way.isSent)
			_ = way.from.Close() // so that the other way ends, too
			_ = way.to.Close()
		})
	}
	both.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, conn)
	delete(w.conns, server)
}

func (w *Wire) copy(from, to net.Conn, isSent bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !w.pass(isSent) {
			_, _ = io.Copy(io.Discard, from) // until the wire is whole again
			return
		}
		if _, writeErr := to.Write(buffer[:n]); errors.Join(err, writeErr) != nil {
			return
		}
	}
}

// pass notes that something is forwarded, unless the wire is cut.
func (w *Wire) pass(isSent bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut != Whole {
		return false
	}
	if isSent {
		w.sent = time.Now()
		if w.first.IsZero() {
			w.first = w.sent
		}
	}
	return true
}

// Through returns a URL with the wire's address in the place of the server's.
func (w *Wire) Through(address string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("failed to put a wire before a server: %w", err)
	}
	parsed.Host = w.Address
	return parsed.String(), nil
}
