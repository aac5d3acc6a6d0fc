package wazoapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wazo-matrix-relay/internal/task"
)

// Handler receives the events of [Account.Listen]. Its methods are called one
// after the other, in order, with the context of Listen. While one runs, events
// wait in a queue of [StreamConfig.QueueLength]. If that overflows, the
// connection is closed and replaced. A handler that reads the history after each
// call of Connected misses nothing, because Wazo itself keeps no events
// (docs/wazo.md, "Delivery guarantees"). No method should run for long. One that is
// a [PluginHandler] hears of reactions and replies, too.
type Handler interface {
	// Connected is called when events begin to come. What happened before must
	// be read from the history.
	Connected(ctx context.Context)
	// Disconnected is called once for each lost connection and for each failed
	// attempt to connect, but not when ctx ends. err is a *CloseError, an
	// *Error, a *TransportError or what the handler or the token store
	// returned.
	Disconnected(ctx context.Context, err error)
	// MessageCreated is called for each message event, also for those that the
	// account wrote itself. An admin account gets one per member of the room
	// (docs/wazo.md, "Who receives an event"). An error closes the connection.
	MessageCreated(ctx context.Context, m Message) error
	// RoomCreated is called for each new room. An error closes the connection.
	RoomCreated(ctx context.Context, r Room) error
}

// BatchHandler is a [Handler] that takes several messages at once: those that wait one behind the other when the
// handler becomes free. MessageCreated is not called then.
type BatchHandler interface {
	Handler
	// MessagesCreated is MessageCreated for one or more messages, in order.
	MessagesCreated(ctx context.Context, messages []Message) error
}

// Listen receives the account's events until ctx ends. Then it returns ctx.Err();
// it returns no other error. It keeps one connection to wazo-websocketd
// (protocol version 2), renews its token, notices when the server is gone and
// connects again after random pauses that grow up to [StreamConfig.BackoffMax].
// If many accounts of a client want to connect at the same moment, some of them wait.
func (a *Account) Listen(ctx context.Context, h Handler) error {
	pause := reconnectBackoff{Backoff: task.Backoff{First: a.c.cfg.Stream.BackoffMin, Longest: a.c.cfg.Stream.BackoffMax}}
	suspect := false
	for {
		uptime, err := a.listenOnce(ctx, h, suspect)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		onOwnStack(func() { h.Disconnected(ctx, err) })
		// A suspicion stays until a token has been good enough for a start.
		suspect = isAuthClose(err) || suspect && uptime == 0
		if err = task.Sleep(ctx, pause.next(uptime, err)); err != nil {
			return err
		}
	}
}

// connectingAtOnce is how many accounts of a client connect at the same time. There may
// be a thousand, and at a start or after an outage all of them want to: then the rest
// wait, because much memory is needed for connecting, and hardly any for waiting.
// Besides, the server has something to do for each. All of them have the same server,
// so whoever waits for those that get no answer would get none either.
const connectingAtOnce = 64

// listenOnce connects and listens until the connection is lost. It returns how
// long events flowed and why they ended. If the token is suspect, wazo-auth is
// asked about it first.
func (a *Account) listenOnce(ctx context.Context, h Handler, suspect bool) (uptime time.Duration, err error) {
	if err = a.c.connecting.Acquire(ctx, 1); err != nil {
		return 0, err
	}
	connected := func() { a.c.connecting.Release(1) }
	var s *stream
	onOwnStack(func() { s, err = a.connect(ctx, h, suspect) })
	if err != nil {
		connected()
		return 0, err
	}
	err = s.run(ctx, connected)
	return s.uptime(), err
}

// connect opens a connection.
func (a *Account) connect(ctx context.Context, h Handler, suspect bool) (*stream, error) {
	token, err := a.Token(ctx)
	if err == nil && suspect {
		token, err = a.verified(ctx, token)
	}
	if err != nil {
		return nil, err
	}
	return a.dial(ctx, token, h)
}

// onOwnStack calls fn on another goroutine and waits for it. A stack that has grown
// hardly ever becomes smaller while its goroutine runs. There may be a thousand that
// wait for events, and what they do now and then would leave each with a stack of 8
// to 16 KiB instead of 4.
func onOwnStack(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	<-done
}

// verified returns the token, or a new one if wazo-auth doesn't know it any
// more. Close codes alone don't tell: 4002 and 4003 also come when wazo-auth
// was away for a moment, or when the access is missing
// (docs/wazo.md, "Close codes"), which is returned as an *Error with status
// 403.
func (a *Account) verified(ctx context.Context, token Token) (Token, error) {
	err := a.c.checkToken(ctx, token.Token, "websocketd")
	if isStatus(err, 404) {
		return a.replaceToken(ctx, token, err)
	}
	return token, err
}

// CloseBusLost is the [CloseError.Code] with which wazo-websocketd says that it
// has no connection to RabbitMQ (docs/wazo.md, "Close codes").
const CloseBusLost = 1011

// Close codes of wazo-websocketd (docs/wazo.md, "Close codes"). 1001 (shut
// down), 1009 (frame too big) and 1011 (bus lost) need nothing but a new
// connection.
const (
	closeNoToken       = 4001
	closeAuthFailed    = 4002
	closeAuthExpired   = 4003
	closeProtocolError = 4004
)

// CloseError is the close frame with which wazo-websocketd ended a connection
// (docs/wazo.md, "Close codes"). It never contains a token.
type CloseError struct {
	Code   int
	Reason string
}

// Error describes the close frame in one line.
func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("the server closed the event stream with code %d", e.Code)
	}
	return fmt.Sprintf("the server closed the event stream with code %d: %s", e.Code, e.Reason)
}

// isAuthClose reports whether the token of the connection may be invalid.
func isAuthClose(err error) bool {
	closed, ok := errors.AsType[*CloseError](err)
	return ok && (closed.Code == closeNoToken || closed.Code == closeAuthFailed || closed.Code == closeAuthExpired)
}

// isPermanent reports whether a connection fails until somebody changes
// something: a right, a password or this program. An early attempt is pointless
// then.
func isPermanent(err error) bool {
	if closed, ok := errors.AsType[*CloseError](err); ok {
		return closed.Code == closeProtocolError
	}
	answer, ok := errors.AsType[*Error](err)
	return ok && (answer.MissingPermission() || answer.LoginFailed())
}

// reconnectBackoff computes the pauses between connections.
type reconnectBackoff struct {
	task.Backoff
	failures int // connections in a row that did not live long
}

// next returns the pause before the next connection, after one that received
// events for uptime (0 if it never started) and ended with err.
func (b *reconnectBackoff) next(uptime time.Duration, err error) time.Duration {
	if uptime >= b.Longest {
		b.failures = 0
	}
	b.failures++
	if isPermanent(err) {
		return b.AfterAsked(b.Longest, b.failures)
	}
	return b.After(b.failures)
}
