package wazotest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// version is the release of Wazo that is simulated.
const version = "26.08"

// Server is a simulated Wazo. Make one with [New]. All methods may be called at
// any time from any goroutine.
type Server struct {
	clock       Clock
	certificate *tls.Certificate
	checkAfter  func(remaining time.Duration) time.Duration
	pingEvery   time.Duration
	pongWithin  time.Duration
	tamper      func(route string, a *answer) // only for the contract test's own test

	services   []*service
	bus        *bus
	webhooks   *webhooks
	connectors *connectors
	faults     *Faults
	counts     *counters
	wazoUUID   string
	master     Tenant

	mu           sync.Mutex // guards what follows
	tenants      map[string]Tenant
	domains      map[string]string // uuid of the tenant, by domain name
	sources      []source
	accounts     map[string]*account
	accountOrder []string
	lastID       int
	sessions     map[string]*session
	rooms        map[string]*room
	roomOrder    []*room
	roomsOfUser  map[string][]*room // those that somebody is, or was, a member of
	roomsOfSet   map[string]*room
	roomsChanged chan struct{}
	plugin       bool
	listenMu     sync.Mutex // guards what follows, and starting and stopping
	listening    *listening
	addr         string
}

// listening is what exists between Start and Stop.
type listening struct {
	http   *http.Server
	cancel context.CancelFunc
	served chan struct{}
	drain  *drain
}

// New returns a server that is not listening yet, with a master tenant and
// nobody in it. Without options it uses the system's clock, speaks plain HTTP,
// answers at once, and pings each websocket every 20 s.
func New(opts ...Option) *Server {
	s := &Server{
		clock:        systemClock{},
		checkAfter:   DynamicTokenChecks,
		pingEvery:    20 * time.Second,
		pongWithin:   20 * time.Second,
		counts:       newCounters(),
		wazoUUID:     newUUID(),
		tenants:      map[string]Tenant{},
		domains:      map[string]string{},
		accounts:     map[string]*account{},
		sessions:     map[string]*session{},
		rooms:        map[string]*room{},
		roomsOfUser:  map[string][]*room{},
		roomsOfSet:   map[string]*room{},
		roomsChanged: make(chan struct{}),
	}
	s.bus = newBus()
	s.webhooks = newWebhooks(s)
	s.connectors = newConnectors(s)
	s.faults = newFaults(s)
	for _, opt := range opts {
		opt(s)
	}
	s.master = s.addTenant("master")
	s.services = []*service{s.authService(), s.chatdService(), s.dirdService(), s.confdService(), s.webhookdService()}
	return s
}

// UUID returns the uuid of the Wazo server
// (docs/wazo.md, "Server identity and version").
func (s *Server) UUID() string { return s.wazoUUID }

// Faults returns the switches that make the server misbehave.
func (s *Server) Faults() *Faults { return s.faults }

// Start listens on a loopback address, "127.0.0.1:0" for a free port. After
// [Server.Stop] it may be called again, with [Server.Addr] for the same
// address; everything is as it was, like after a restart of a real Wazo. It
// fails if the address is taken or not loopback, or if the server runs already.
func (s *Server) Start(addr string) error {
	s.listenMu.Lock()
	defer s.listenMu.Unlock()
	if s.listening != nil {
		return errors.New("wazotest: already started")
	}
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return fmt.Errorf("failed to resolve the address: %w", err)
	}
	if !tcp.IP.IsLoopback() {
		return fmt.Errorf("wazotest listens on loopback addresses only, not on %q", addr)
	}
	listener, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return fmt.Errorf("failed to listen: %w", err)
	}
	s.addr = listener.Addr().String()
	s.listening = s.serve(listener)
	s.webhooks.start()
	return nil
}

func (s *Server) serve(listener net.Listener) *listening {
	if s.certificate != nil {
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{*s.certificate},
			MinVersion:   tls.VersionTLS12,
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &listening{cancel: cancel, served: make(chan struct{}), drain: &drain{}}
	l.http = &http.Server{
		Handler:           &nginx{server: s, drain: l.drain},
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          silentLog(),
	}
	go func() {
		defer close(l.served)
		_ = l.http.Serve(listener) // always http.ErrServerClosed: Stop is the only way out
	}()
	return l
}

// Stop closes the listener and all connections and returns when nothing runs
// any more. State stays. Stopping a stopped server does nothing.
func (s *Server) Stop() {
	s.listenMu.Lock()
	defer s.listenMu.Unlock()
	if s.listening == nil {
		return
	}
	l := s.listening
	l.drain.close() // first: from now on a websocket either is on the bus or sees this
	s.RestartWebsocketd()
	l.cancel()
	_ = l.http.Close() // closing the listener again is its only error
	<-l.served
	l.drain.wait()
	s.webhooks.halt()
	s.listening = nil
}

// Addr returns host and port of the last Start.
func (s *Server) Addr() string {
	s.listenMu.Lock()
	defer s.listenMu.Unlock()
	return s.addr
}

// URL returns the base of the server's public URLs, such as
// "http://127.0.0.1:40411".
func (s *Server) URL() string { return s.scheme() + "://" + s.Addr() }

func (s *Server) scheme() string {
	if s.certificate != nil {
		return "https"
	}
	return "http"
}

// now is the time of the server's stamps, which have microseconds.
func (s *Server) now() time.Time {
	return s.clock.Now().UTC().Truncate(time.Microsecond)
}
