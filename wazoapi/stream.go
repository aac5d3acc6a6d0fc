package wazoapi

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// closeGrace is how long a close frame is waited for after a failed write.
const closeGrace = time.Second

var (
	errNoPong       = errors.New("the server doesn't answer pings")
	errStartTimeout = errors.New("the server didn't acknowledge the start")
	errSlowHandler  = errors.New("the event queue is full: the handler is too slow")
)

// stream is one connection to wazo-websocketd. A relay may have a thousand of them
// that are idle, so only one goroutine waits for frames. Others come and go: one
// that calls the handler while there are events, and one that keeps the connection
// and its token alive.
type stream struct {
	a        *Account
	conn     *websocketConn
	h        Handler
	cfg      StreamConfig
	token    string // of the connection; used by tend only, after run has begun
	hide     atomic.Pointer[secrets]
	events   eventQueue
	started  chan struct{}             // closed when the start is acknowledged
	alive    chan struct{}             // has an element if a frame came since the last ping
	since    atomic.Pointer[time.Time] // when events began to flow, nil before
	plugin   *pluginWatch
	presence presenceWatch

	readDone chan struct{} // closed when read has ended, readErr is set then
	readErr  error

	tending sync.Mutex // held by tend
	serve   func()     // has the handler called until it has no more to do

	work  sync.WaitGroup // goroutines besides that of run
	mu    sync.Mutex     // guards what follows
	over  bool           // no more of them may begin
	err   error          // why the connection ends
	stop  context.CancelFunc
	timer *time.Timer // of the next ping; nil before the first one is due
}

// dial opens a connection. The token is sent as a header, which stays out of
// proxies' logs (docs/wazo.md, "Connect").
func (a *Account) dial(ctx context.Context, token Token, h Handler) (*stream, error) {
	ctx, cancel := context.WithTimeout(ctx, a.c.cfg.Stream.ConnectTimeout)
	defer cancel()
	var connected atomic.Bool
	r := request{method: http.MethodGet, service: serviceWebsocketd, query: map[string][]string{"version": {"2"}}, token: token.Token}
	header := http.Header{"X-Auth-Token": {token.Token}, "User-Agent": {a.c.cfg.UserAgent}}
	conn, resp, err := dialWebsocket(traceConnection(ctx, &connected), a.c.ws, r.url(a.c.base), header)
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return nil, newError(r, resp.StatusCode, resp.Header, nil)
		}
		return nil, r.transportError(err, connected.Load())
	}
	s := &stream{
		a: a, conn: conn, h: h, cfg: a.c.cfg.Stream, token: token.Token,
		events:  eventQueue{limit: a.opts.QueueLength},
		started: make(chan struct{}),
		alive:   make(chan struct{}, 1),

		readDone: make(chan struct{}),
	}
	s.hide.Store(&secrets{token.Token})
	s.plugin = newPluginWatch(s)
	s.presence = newPresenceWatch(h, token.UserUUID)
	return s, nil
}

// run subscribes, starts and serves the connection until it is lost; it
// returns the reason. What was read is still given to the handler. When it has
// started, or cannot, started is called.
func (s *stream) run(outer context.Context, started func()) error {
	ctx, stop := context.WithCancel(outer)
	defer stop()
	s.stop = stop
	// The handler gets the outer context: a lost connection must not abort
	// what it is doing.
	s.serve = func() { s.spawn(func() { s.dispatch(outer) }) }
	s.spawn(func() {
		err := s.start(ctx)
		started()
		if err != nil {
			s.fail(err)
			return
		}
		s.pingLater(ctx)
	})
	s.fail(s.read(ctx))
	s.mu.Lock()
	s.over = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.work.Wait()
	return s.err
}

// spawn runs something besides run, which waits for it.
func (s *stream) spawn(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.work.Go(fn)
	}
}

// fail ends the connection. The first reason counts.
func (s *stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.stop()
}

// uptime returns how long events have been flowing.
func (s *stream) uptime() time.Duration {
	since := s.since.Load()
	if since == nil {
		return 0
	}
	return s.a.c.now().Sub(*since)
}

// read takes frames from the connection. It never waits for the handler, so
// that the server's pings are answered. It is where an idle account waits, so
// whatever else is to be done is done on another stack.
func (s *stream) read(ctx context.Context) (err error) {
	stop := context.AfterFunc(ctx, s.conn.close)
	defer func() {
		stop()
		// At once, not when the handler has caught up with what was read.
		s.conn.close()
		s.readErr = err
		close(s.readDone)
	}()
	for {
		if err = s.conn.await(); err != nil {
			return s.wrap(err)
		}
		onOwnStack(func() { err = s.receive(ctx) })
		if err != nil {
			return err
		}
	}
}

// receive reads what has come.
func (s *stream) receive(ctx context.Context) error {
	data, err := s.conn.read(ctx)
	if err != nil {
		return s.wrap(err)
	} else if data == nil {
		return nil
	}
	trySend(s.alive, struct{}{})
	ev, err := parseFrame(data)
	if err != nil {
		return err
	}
	return s.accept(ctx, ev)
}

func (s *stream) accept(ctx context.Context, ev event) error {
	switch {
	case ev.expires != nil:
		s.a.renewEarly(*ev.expires)
		s.spawn(func() { s.tend(ctx, s.refresh) })
		return nil
	case ev.presence != nil && !s.presence.concerns(*ev.presence):
		return nil
	case ev.subscribed:
		trySend(s.plugin.acks, struct{}{})
		return nil
	case ev.plugin != nil && ev.plugin.unreadable != "":
		s.a.log.Warn().Str("event", ev.plugin.unreadable).Msg("Ignored an event of the plugin that cannot be read")
		return nil
	}
	if ev.started {
		if s.since.Load() != nil {
			return nil
		}
		now := s.a.c.now()
		s.since.Store(&now)
		close(s.started)
	}
	if ev == (event{}) {
		return nil
	}
	fits, idle := s.events.put(ev)
	if !fits {
		return errSlowHandler
	} else if idle {
		s.serve()
	}
	return nil
}

// dispatch gives the events, and what is new about the plugin, to the handler, one
// after the other, until there is nothing more. After an error it takes nothing any
// more, and the connection ends.
func (s *stream) dispatch(ctx context.Context) {
	for ctx.Err() == nil {
		ev, found, left := s.events.takeOrLeave(func() bool { return len(s.plugin.news) > 0 })
		if left {
			return
		}
		s.plugin.tell(ctx)
		if !found {
			continue
		} else if err := s.handleNext(ctx, ev); err != nil {
			s.fail(err)
			return
		}
	}
}

// maxMessages is how many messages a [BatchHandler] gets at once.
const maxMessages = 100

// handleNext gives an event to the handler. A [BatchHandler] gets a message together with those that wait behind it.
func (s *stream) handleNext(ctx context.Context, ev event) error {
	batch, ok := s.h.(BatchHandler)
	if !ok || ev.message == nil {
		return s.handle(ctx, ev)
	}
	messages := []Message{*ev.message}
	for len(messages) < maxMessages {
		next, waits := s.events.take()
		if !waits {
			break
		} else if next.message == nil {
			if err := batch.MessagesCreated(ctx, messages); err != nil {
				return err
			}
			s.plugin.tell(ctx)
			return s.handle(ctx, next)
		}
		messages = append(messages, *next.message)
	}
	return batch.MessagesCreated(ctx, messages)
}

func (s *stream) handle(ctx context.Context, ev event) error {
	switch {
	case ev.started:
		s.h.Connected(ctx)
	case ev.message != nil:
		return s.h.MessageCreated(ctx, *ev.message)
	case ev.room != nil:
		return s.h.RoomCreated(ctx, *ev.room)
	case ev.presence != nil:
		s.presence.h.OwnPresenceUpdated(ctx)
	case ev.outside != nil:
		return ev.outside.tell(ctx, s.h)
	case ev.plugin != nil:
		return s.plugin.handle(ctx, *ev.plugin)
	}
	return nil
}

// pingLater keeps the stream alive: after a while it pings the server, sends a new
// token if the old one ends soon, and looks for the plugin. The pauses differ, so
// that many connections that began at the same moment are not tended at the same
// moment.
func (s *stream) pingLater(ctx context.Context) {
	pause := s.cfg.PingInterval - time.Duration(rand.Int64N(int64(s.cfg.PingInterval)/4+1))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.timer = time.AfterFunc(pause, func() {
		s.spawn(func() {
			if s.tend(ctx, s.ping, s.refresh, s.plugin.check) {
				s.pingLater(ctx)
			}
		})
	})
}

// tend does something for the connection. It reports whether that succeeded;
// otherwise the connection ends.
func (s *stream) tend(ctx context.Context, steps ...func(context.Context) error) bool {
	s.tending.Lock()
	defer s.tending.Unlock()
	for _, step := range steps {
		if err := step(ctx); err != nil {
			s.fail(err)
			return false
		}
	}
	return true
}

// start subscribes before it starts, because events before the start are
// dropped (docs/wazo.md, "Frames"), and waits for the acknowledgement.
func (s *stream) start(ctx context.Context) error {
	if err := s.plugin.begin(ctx); err != nil {
		return err
	}
	events := append([]string{eventMessageCreated, eventRoomCreated, eventExpireSoon}, s.presence.events()...)
	if _, wants := s.h.(OutsideHandler); wants {
		events = append(events, outsideEvents()...)
	}
	if err := s.subscribe(ctx, events...); err != nil {
		return err
	}
	if err := s.send(ctx, command{Op: "start"}); err != nil {
		return err
	}
	return s.await(ctx, s.started, s.cfg.ConnectTimeout, errStartTimeout)
}

func (s *stream) subscribe(ctx context.Context, names ...string) error {
	for _, name := range names {
		if err := s.send(ctx, command{Op: "subscribe", Data: map[string]string{"event_name": name}}); err != nil {
			return err
		}
	}
	return nil
}

// ping asks for a sign of life: any frame will do, since the pong may have to
// wait behind many events.
func (s *stream) ping(ctx context.Context) error {
	select {
	case <-s.alive:
	default:
	}
	if err := s.send(ctx, command{Op: "ping", Data: map[string]string{"payload": "alive"}}); err != nil {
		return err
	}
	return s.await(ctx, s.alive, s.cfg.PongTimeout, errNoPong)
}

// refresh gives the connection the account's token if that is another by now.
// If none can be had, the connection goes on with its own: the server closes
// it when that has ended. It ends at once if the log-in has ended.
func (s *stream) refresh(ctx context.Context) error {
	token, err := s.a.Token(ctx)
	if errors.Is(err, ErrLogInEnded) {
		return err
	}
	if err != nil || token.Token == s.token {
		return ctx.Err()
	}
	s.token = token.Token
	s.hide.Store(&secrets{token.Token})
	return s.send(ctx, command{Op: "token", Data: map[string]string{"token": token.Token}})
}

func (s *stream) send(ctx context.Context, c command) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.PongTimeout)
	defer cancel()
	if err = s.conn.writeText(ctx, data); err != nil {
		return s.writeError(err)
	}
	return nil
}

// writeError prefers the close frame that the reader may be about to find:
// it is why nothing can be written any more, and its code matters.
func (s *stream) writeError(err error) error {
	timer := time.NewTimer(closeGrace)
	defer timer.Stop()
	select {
	case <-s.readDone:
		if closed, ok := errors.AsType[*CloseError](s.readErr); ok {
			return closed
		}
	case <-timer.C:
	}
	return s.wrap(err)
}

func (s *stream) await(ctx context.Context, sign <-chan struct{}, limit time.Duration, missing error) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-sign:
		return nil
	case <-timer.C:
		return s.wrap(missing)
	}
}

// wrap gives an error of the connection its type, without secrets.
func (s *stream) wrap(err error) error {
	hide := *s.hide.Load()
	if closed, ok := errors.AsType[*CloseError](err); ok {
		return &CloseError{Code: closed.Code, Reason: oneLine(hide.redact(closed.Reason))}
	}
	return &TransportError{Op: "event stream", Sent: true, Err: hide.redactError(err)}
}

// trySend puts v into a channel of length 1, unless something is in it.
func trySend[T any](c chan T, v T) {
	select {
	case c <- v:
	default:
	}
}
