package wazoapi

import (
	"context"
	"errors"
	"sync"
	"time"
)

// HookConfig says where wazo-webhookd sends the events of an account to.
type HookConfig struct {
	// URL is the address for the account's own events. Its last part is a secret:
	// nothing else tells that a request comes from Wazo (docs/wazo.md, "Webhooks").
	URL string
	// TenantURL is the address for the events of the whole tenant. If it is set, and the
	// account has [TenantWebhookScopes], there is one subscription for the tenant instead
	// of one for the account.
	TenantURL string
	// Relay names the installation of the program. Only its own subscriptions are changed
	// and deleted.
	Relay string
	// Address begins URL and TenantURL, without the secret. A subscription of this program
	// that leads there is its own, whatever Relay it bears. "" means that there is none.
	Address string
	// CheckInterval is how often it is looked whether the subscription is there; default 30 s.
	CheckInterval time.Duration
	// SilenceAfter is how long an event may take, see [Hook.Expect]; default 15 s.
	SilenceAfter time.Duration
	// ProofWait is how long nothing is believed of a subscription that was made anew in
	// vain, until it is made anew again; default 5 min.
	ProofWait time.Duration
}

// Errors of [Hook.Receive], for errors.Is. Any other is that of the handler.
var (
	// ErrNotListening means that events cannot be taken at the moment. webhookd must
	// try again.
	ErrNotListening = errors.New("nobody listens to the webhook now")
	// ErrNotSubscribed means that the event is not for this hook. webhookd must not try
	// again.
	ErrNotSubscribed = errors.New("the event is of a subscription that there is not any more")
	// ErrUnreadableEvent means that the body is no event.
	ErrUnreadableEvent = errors.New("the body is not an event")
)

// Reasons of [Handler.Disconnected], for errors.Is.
var (
	// ErrHookSilent means that something was said on Wazo, and webhookd has not brought
	// it, although the subscription is there.
	ErrHookSilent = errors.New("wazo-webhookd does not bring what is said on Wazo, although it has the subscription")
	// ErrHookGone means that the subscription was deleted or changed by somebody, and has
	// been repaired: what was said meanwhile did not come.
	ErrHookGone = errors.New("the subscription of wazo-webhookd was not there, or was changed")
)

// Hook hears the events of an account by requests of wazo-webhookd instead of a
// connection to wazo-websocketd. [Hook.Listen] keeps the subscription, and whoever serves
// the address gives the bodies of the requests to [Hook.Receive].
type Hook struct {
	a   *Account
	cfg HookConfig

	failed chan error // what ends listenOnce; has room for one

	receiving sync.Mutex // held while the handler is called
	handler   Handler    // nil unless events are taken; guarded by receiving
	listenCtx context.Context

	mu       sync.Mutex // never held during a request or a call of the handler
	isTenant bool
	wazo     UUID // the only Wazo whose events come; "" if that is not known
	arrived  chan struct{}
	silences int                // in a row, without an event in between
	expected map[UUID]time.Time // messages that have not come, with the time since when they are expected
	recent   recentUUIDs        // messages that have come
}

// NewHook returns a hook for the account. It makes no request.
func (a *Account) NewHook(cfg HookConfig) *Hook {
	setDefault(&cfg.CheckInterval, 30*time.Second)
	setDefault(&cfg.SilenceAfter, 15*time.Second)
	setDefault(&cfg.ProofWait, 5*time.Minute)
	return &Hook{a: a, cfg: cfg, failed: make(chan error, 1), arrived: make(chan struct{}, 1), expected: make(map[UUID]time.Time)}
}

// IsTenant reports whether the hook brings the events of the whole tenant.
func (h *Hook) IsTenant() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.isTenant
}

// Receive takes the body of a request that came to the hook's address, for the tenant or
// for the account. It returns nil when the handler has returned nil: then the event is
// taken care of. A duplicate is given to the handler, too. The handler is called with the
// context of Listen.
func (h *Hook) Receive(tenant bool, body []byte) error {
	ev, wazo, err := parseHook(body)
	if err != nil {
		return errors.Join(ErrUnreadableEvent, err)
	}
	h.mu.Lock()
	isOwn := tenant == h.isTenant && (h.wazo == "" || h.wazo == wazo)
	h.mu.Unlock()
	h.receiving.Lock()
	defer h.receiving.Unlock()
	switch {
	case h.handler == nil: // not even what it is subscribed to may be known
		h.noteArrival(ev)
		return ErrNotListening
	case !isOwn:
		return ErrNotSubscribed
	}
	h.noteArrival(ev)
	if err = h.handle(h.listenCtx, ev); err != nil {
		// What is not stored must not be overtaken by what comes later: the handler has to
		// read the history first.
		h.handler = nil
		trySend(h.failed, err)
	}
	return err
}

// noteArrival notes that webhookd brings something.
func (h *Hook) noteArrival(ev event) {
	h.mu.Lock()
	h.silences = 0
	if ev.message != nil {
		h.recent.add(ev.message.UUID)
		delete(h.expected, ev.message.UUID)
	}
	h.mu.Unlock()
	trySend(h.arrived, struct{}{})
}

func (h *Hook) handle(ctx context.Context, ev event) error {
	plugin, _ := h.handler.(PluginHandler)
	switch {
	case ev.message != nil:
		return h.handler.MessageCreated(ctx, *ev.message)
	case ev.room != nil:
		return h.handler.RoomCreated(ctx, *ev.room)
	case ev.outside != nil:
		return ev.outside.tell(ctx, h.handler)
	case ev.plugin != nil && ev.plugin.unreadable != "":
		h.a.log.Warn().Str("event", ev.plugin.unreadable).Msg("Ignored an event of the plugin that cannot be read")
	case ev.plugin != nil:
		return ev.plugin.tell(ctx, plugin)
	}
	return nil
}

// Expect says that messages were found on Wazo of which the hook should have heard. If
// they don't come within [HookConfig.SilenceAfter], the subscription is believed to be
// dead, and made anew (docs/wazo.md, "Webhooks").
func (h *Hook) Expect(messages ...UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, uuid := range messages {
		if _, known := h.expected[uuid]; !known && !h.recent.has(uuid) {
			h.expected[uuid] = h.a.c.now()
		}
	}
}

// isSilent reports whether something has not come in time.
func (h *Hook) isSilent() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, since := range h.expected {
		if h.a.c.now().Sub(since) >= h.cfg.SilenceAfter {
			return true
		}
	}
	return false
}

// recentUUIDs remembers a limited number of uuids. Unlike exsync.RingBuffer it takes memory only for those that it has
// seen: there is one for each log-in.
type recentUUIDs struct {
	known map[UUID]struct{}
	order []UUID
	next  int
}

// recentKept is how many messages are remembered: many more than come between two looks
// for news.
const recentKept = 4096

func (r *recentUUIDs) add(uuid UUID) {
	if r.has(uuid) {
		return
	} else if r.known == nil {
		r.known = make(map[UUID]struct{})
	}
	r.known[uuid] = struct{}{}
	if len(r.order) < recentKept {
		r.order = append(r.order, uuid)
		return
	}
	delete(r.known, r.order[r.next])
	r.order[r.next] = uuid
	r.next = (r.next + 1) % recentKept
}

func (r *recentUUIDs) has(uuid UUID) bool {
	_, ok := r.known[uuid]
	return ok
}
