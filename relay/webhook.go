package relay

import (
	"context"
	"crypto/subtle"
	"errors"
	"sync"
	"time"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// WebhookConfig says how events of Wazo come by requests of wazo-webhookd.
type WebhookConfig struct {
	URL string // the address to which Wazo sends them, without a secret and without / at its end; "": they come by websockets

	CheckInterval time.Duration // between two looks whether a subscription is there; default 30 s, twice that for people's accounts
	SilenceAfter  time.Duration // how long an event may take before the subscription counts as dead; default 15 s
	ReorderWait   time.Duration // how long a message waits for earlier ones that it has overtaken; default 250 ms
}

func (c WebhookConfig) isSet() bool { return c.URL != "" }

// address is what the addresses of all subscriptions begin with.
func (c WebhookConfig) address() string {
	if !c.isSet() {
		return ""
	}
	return c.URL + "/"
}

// Webhook hears events of Wazo by requests of wazo-webhookd. Each account that listens has a subscription of its own,
// or the relay account has one for the tenant, if it may.
//
// webhookd delivers by several workers and tries again what failed, so that messages may come late, twice, and after
// later ones. The first two are nothing new. Against the third a message waits a little before it is shown. What
// webhookd has to try again comes after later ones all the same, unless it was the relay that refused it: that refuses
// everything then until it has read the history.
//
// A subscription may be there and bring nothing (docs/wazo.md, "Webhooks"). Each look for news shows what should have
// come.
type Webhook struct {
	*Relay

	mu    sync.Mutex
	hooks map[*account]*wazoapi.Hook // of those that listen
	looks map[*account]look

	leftovers map[*account]bool // accounts whose former subscription is being deleted, or was
}

var _ eventSource = (*Webhook)(nil)

// look is what a look for news has found during a connection: the newest message of each room.
type look struct {
	connection uint64
	latest     map[wazoapi.UUID]wazoapi.UUID
}

func newWebhook(r *Relay) *Webhook {
	return &Webhook{Relay: r, hooks: make(map[*account]*wazoapi.Hook), looks: make(map[*account]look), leftovers: make(map[*account]bool)}
}

// newEventSource returns how events come according to the configuration.
func newEventSource(r *Relay) eventSource {
	if r.cfg.Webhook.isSet() {
		return newWebhook(r)
	}
	return &websocketEvents{r, r.hookKey}
}

// Webhook returns what takes the requests of wazo-webhookd, nil if events come by websockets.
func (r *Relay) Webhook() *Webhook {
	webhook, _ := r.events.(*Webhook)
	return webhook
}

func (w *Webhook) load(ctx context.Context) error { return w.hookKey.create(ctx) }

func (w *Webhook) run(context.Context) {}

// Receive takes an event that came to the address with a secret. It returns nil when everything is stored that the
// event means. Other errors than wazoapi.ErrNotSubscribed and wazoapi.ErrUnreadableEvent mean that it must be sent
// again. read reads the event, and is called only if the secret is right.
func (w *Webhook) Receive(secret string, read func() ([]byte, error)) error {
	if !w.hookKey.isKnown() {
		return wazoapi.ErrNotListening // the relay is only starting
	}
	acc, tenant := w.find(secret)
	if acc == nil {
		return wazoapi.ErrNotSubscribed
	}
	w.mu.Lock()
	hook := w.hooks[acc]
	w.mu.Unlock()
	switch {
	case hook == nil && w.readers.modeIs(streamShared): // another account hears for this one
		w.removeLeftover(acc)
		return wazoapi.ErrNotSubscribed
	case hook == nil:
		return wazoapi.ErrNotListening
	}
	body, err := read()
	if err != nil {
		return err
	}
	return hook.Receive(tenant, body)
}

// removeLeftover deletes the subscription of an account that does not listen, once: the relay was stopped before it
// could.
func (w *Webhook) removeLeftover(acc *account) {
	w.mu.Lock()
	isFirst := !w.leftovers[acc]
	w.leftovers[acc] = true
	w.mu.Unlock()
	if isFirst {
		w.tasks.Go(func(ctx context.Context) { w.left(ctx, acc) })
	}
}

// find returns the account to which the address with a secret belongs, nil if there is none. It takes the same time for
// all secrets.
func (w *Webhook) find(secret string) (found *account, ofTenant bool) {
	for _, acc := range w.accounts.inUse() {
		for _, tenant := range []bool{false, true} {
			if subtle.ConstantTimeCompare([]byte(w.hookKey.secret(acc, tenant)), []byte(secret)) == 1 {
				found, ofTenant = acc, tenant
			}
		}
	}
	return found, ofTenant
}

func (w *Webhook) listen(ctx context.Context, acc *account, h wazoapi.Handler) error {
	cfg := wazoapi.HookConfig{
		URL: w.cfg.Webhook.address() + w.hookKey.secret(acc, false), Address: w.cfg.Webhook.address(), Relay: w.hookKey.relay(),
		CheckInterval: 2 * w.cfg.Webhook.CheckInterval, SilenceAfter: w.cfg.Webhook.SilenceAfter,
	}
	if acc == w.account {
		cfg.CheckInterval = w.cfg.Webhook.CheckInterval
		cfg.TenantURL = w.cfg.Webhook.address() + w.hookKey.secret(acc, true)
	}
	hook := acc.api.NewHook(cfg)
	w.mu.Lock()
	w.hooks[acc] = hook
	delete(w.leftovers, acc)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.looks, acc)
		if w.hooks[acc] == hook { // it may listen again already
			delete(w.hooks, acc)
		}
	}()
	return hook.Listen(ctx, h)
}

// left deletes the subscription of an account, which would bring everything twice.
func (w *Webhook) left(ctx context.Context, acc *account) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	if err := acc.api.RemoveHooks(ctx, w.hookKey.relay(), w.cfg.Webhook.address()); err != nil && ctx.Err() == nil {
		w.log.Warn().Err(err).Stringer("matrix_user", acc.row.MatrixUser).Msg("Failed to delete a subscription of wazo-webhookd")
	}
}

func (w *Webhook) seesTenant(_ context.Context, acc *account) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	hook := w.hooks[acc]
	return hook != nil && hook.IsTenant(), nil
}

// looked has the webhook bring what a look for news has found and an earlier one has not, if the webhook brought
// everything in between. Rooms that the earlier one did not show are left out: the account may have been added to them.
func (w *Webhook) looked(acc *account, connection uint64, latest []wazoapi.Message) {
	now := look{connection, make(map[wazoapi.UUID]wazoapi.UUID, len(latest))}
	for _, m := range latest {
		now.latest[m.Room] = m.UUID
	}
	w.mu.Lock()
	before, hook := w.looks[acc], w.hooks[acc]
	if acc.shared.Load() != nil {
		hook = w.hooks[w.account]
	}
	w.looks[acc] = now
	w.mu.Unlock()
	if hook == nil || before.connection != connection || !acc.stream().connected.Load() {
		return
	}
	var expected []wazoapi.UUID
	for room, uuid := range now.latest {
		if last, known := before.latest[room]; known && last != uuid {
			expected = append(expected, uuid)
		}
	}
	hook.Expect(expected...)
}

func (w *Webhook) settling(row *db.Row) time.Duration {
	age := time.Since(row.AcceptedAt.Time)
	if age < 0 {
		return 0 // the clock was set back
	}
	return w.cfg.Webhook.ReorderWait - age
}

func (w *Webhook) scopes(websocket []string) []string { return wazoapi.ByWebhook(websocket) }

func (w *Webhook) why(err error) words.Why {
	if errors.Is(err, wazoapi.ErrHookSilent) {
		return words.WhyWebhookSilent
	}
	return words.WhyWebhookFails
}
