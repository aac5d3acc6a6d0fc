package wazoapi

import (
	"context"
	"sync/atomic"
	"time"
)

// PluginHandler is a [Handler] that also hears of reactions and replies. Listen
// asks before each connection begins, and every [StreamConfig.PluginInterval]
// after that, whether the plugin is there, and subscribes to its events only then
// (docs/wazo.md, "How the plugin is noticed"). An event of the plugin that cannot be
// read is left out, so that an unknown version of it disturbs nothing else.
type PluginHandler interface {
	Handler
	// PluginRoom returns a room that the account is a member of, preferably one
	// with few reactions, or "" if there is none: in it, Listen asks whether the
	// plugin is there, see [Account.HasPlugin]. Unlike the others, it is called
	// from another goroutine, while other methods may run. It must not wait.
	PluginRoom() UUID
	// PluginChanged is called before Connected with whether the plugin is there,
	// and again whenever that has changed. If so, its events come from now on. What
	// happened before must be read, see [Account.RoomReactions] and
	// [Account.RoomReplies]. As long as Wazo does not answer, what was known before
	// holds.
	PluginChanged(ctx context.Context, present bool)
	// ReactionAdded is called for each new reaction, also for those of the account
	// itself. An admin account gets one call per member of the room
	// (docs/wazo.md, "Events of the plugin"). An error closes the connection.
	ReactionAdded(ctx context.Context, x Reaction) error
	// ReactionRemoved is called for each reaction that was removed, in the same way.
	// Nothing but the order tells the copies of one removal from another removal
	// of the same reaction.
	ReactionRemoved(ctx context.Context, x Reaction) error
	// ReplyCreated is called for each message that was marked as a reply, after
	// MessageCreated was called for it, in the same way.
	ReplyCreated(ctx context.Context, y Reply) error
}

// pluginWatch finds out for a stream whether the plugin is there, and subscribes to
// its events. Its methods are called by one goroutine at a time, see tend, unless
// they say something else.
type pluginWatch struct {
	s          *stream
	h          PluginHandler // nil if nobody wants to know
	known      *atomic.Bool  // what the account knows, also after the stream
	told       bool          // what the handler was told
	subscribed bool
	next       time.Time     // when to ask again
	news       chan bool     // what the handler has still to be told; has room for one
	acks       chan struct{} // has an element for each subscription that was acknowledged
}

func newPluginWatch(s *stream) *pluginWatch {
	h, _ := s.h.(PluginHandler)
	return &pluginWatch{s: s, h: h, known: &s.a.plugin, news: make(chan bool, 1), acks: make(chan struct{}, 8)}
}

func pluginEvents() []string {
	return []string{eventReactionCreated, eventReactionDeleted, eventReplyCreated}
}

// begin asks before the stream starts, and subscribes. The start acknowledges the
// subscriptions, too.
func (w *pluginWatch) begin(ctx context.Context) error {
	if w.h == nil {
		return nil
	}
	w.told = w.ask(ctx)
	w.news <- w.told // nobody else has put anything there
	if !w.told {
		return ctx.Err()
	}
	return w.subscribe(ctx)
}

// check asks again if it is time to.
func (w *pluginWatch) check(ctx context.Context) error {
	if w.h == nil || w.s.a.c.now().Before(w.next) {
		return nil
	}
	present := w.ask(ctx)
	if present == w.told {
		return ctx.Err()
	}
	if present && !w.subscribed {
		if err := w.subscribeLate(ctx); err != nil {
			return err
		}
	}
	w.told = present
	select { // what the handler was not told yet is outdated
	case <-w.news:
	default:
	}
	w.news <- present
	if w.s.events.wake() {
		w.s.serve()
	}
	return nil
}

// ask returns whether the plugin is there, as far as is known. If there was no
// answer, it is asked for again with the next ping.
func (w *pluginWatch) ask(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, w.s.cfg.PongTimeout)
	defer cancel()
	var present bool
	if !w.s.a.lacksPlugin() { // many connections may begin at the same moment
		var err error
		if present, err = w.s.a.HasPlugin(ctx, w.h.PluginRoom()); err != nil {
			return w.known.Load()
		}
	}
	w.known.Store(present)
	w.next = w.s.a.c.now().Add(w.s.cfg.PluginInterval)
	return present
}

func (w *pluginWatch) subscribe(ctx context.Context) error {
	w.subscribed = true
	return w.s.subscribe(ctx, pluginEvents()...)
}

// subscribeLate subscribes on an open stream and waits until Wazo has taken note,
// so that nothing that happens after a call of PluginChanged is missed.
func (w *pluginWatch) subscribeLate(ctx context.Context) error {
	for len(w.acks) > 0 {
		<-w.acks // those before the start, which have all been read
	}
	if err := w.subscribe(ctx); err != nil {
		return err
	}
	for range pluginEvents() {
		if err := w.s.await(ctx, w.acks, w.s.cfg.PongTimeout, errNoPong); err != nil {
			return err
		}
	}
	return nil
}

// tell tells the handler what is new. It is called by the goroutine that calls the
// handler, before each event.
func (w *pluginWatch) tell(ctx context.Context) {
	select {
	case present := <-w.news:
		w.h.PluginChanged(ctx, present)
	default:
	}
}

// handle gives an event of the plugin to the handler.
func (w *pluginWatch) handle(ctx context.Context, ev pluginEvent) error { return ev.tell(ctx, w.h) }

// tell gives an event of the plugin to a handler, which may be nil.
func (ev pluginEvent) tell(ctx context.Context, h PluginHandler) error {
	switch {
	case h == nil:
		return nil
	case ev.reaction != nil && ev.removed:
		return h.ReactionRemoved(ctx, *ev.reaction)
	case ev.reaction != nil:
		return h.ReactionAdded(ctx, *ev.reaction)
	case ev.reply != nil:
		return h.ReplyCreated(ctx, *ev.reply)
	}
	return nil
}
