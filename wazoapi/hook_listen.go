package wazoapi

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"wazo-matrix-relay/internal/task"
)

// Listen keeps the hook's subscription until ctx ends. Then it returns ctx.Err(); it
// returns no other error. The subscription stays, so that webhookd goes on trying to
// deliver what is said meanwhile: see [Account.RemoveHooks].
//
// The handler is called as by [Account.Listen]: Connected when events come from now on,
// because the subscription is there, and Disconnected when that cannot be relied on any
// more: webhookd fails, the subscription was gone, the handler returned an error, or
// nothing comes. If a subscription that was made anew brings nothing either, Connected is
// called only when an event has come, or for another attempt after
// [HookConfig.ProofWait]. Only one Listen may run at a time.
func (h *Hook) Listen(ctx context.Context, handler Handler) error {
	pause := reconnectBackoff{Backoff: task.Backoff{First: h.a.c.cfg.Stream.BackoffMin, Longest: h.a.c.cfg.Stream.BackoffMax}}
	for {
		uptime, err := h.listenOnce(ctx, handler)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		handler.Disconnected(ctx, err)
		if err = task.Sleep(ctx, pause.next(uptime, err)); err != nil {
			return err
		}
	}
}

// listenOnce takes events until they cannot be relied on any more. It returns how long
// they were taken, and why they ended.
func (h *Hook) listenOnce(ctx context.Context, handler Handler) (time.Duration, error) {
	if err := h.begin(ctx); err != nil {
		return 0, err
	}
	began := h.a.c.now()
	plugin := newHookPlugin(h, handler)
	h.open(ctx, handler, plugin)
	defer h.close()
	ticker := time.NewTicker(min(h.cfg.CheckInterval, h.cfg.SilenceAfter/2))
	defer ticker.Stop()
	next := began.Add(h.pause())
	for {
		var err error
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case err = <-h.failed:
		case <-ticker.C:
			if err = h.checkSilence(); err != nil || h.a.c.now().Before(next) {
				break
			} else if err = h.check(ctx); err == nil {
				plugin.check(ctx)
			}
			next = h.a.c.now().Add(h.pause())
		}
		if err != nil {
			return h.a.c.now().Sub(began), err
		}
	}
}

// begin makes sure that the subscription is there. One that was silent is made anew.
func (h *Hook) begin(ctx context.Context) error {
	tenant, err := h.chooseLevel(ctx)
	if err != nil {
		return err
	}
	h.mu.Lock()
	silences := h.silences
	clear(h.expected)
	h.mu.Unlock()
	if silences > 0 {
		if err = h.a.removeHooks(ctx, tenant, h.cfg.Relay, h.cfg.Address); err != nil {
			return err
		}
	}
	drain(h.arrived) // what came before proves nothing
	if _, err = h.repair(ctx, tenant); err != nil {
		return err
	}
	if h.cfg.TenantURL != "" { // everything would come twice, or to nobody
		if err = h.a.removeHooks(ctx, !tenant, h.cfg.Relay, h.cfg.Address); unlessForbidden(err) != nil {
			return err
		}
	}
	if silences < 2 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-h.arrived:
	case <-time.After(h.cfg.ProofWait):
	}
	return nil
}

// chooseLevel decides whether the hook is for the tenant.
func (h *Hook) chooseLevel(ctx context.Context) (tenant bool, err error) {
	if h.cfg.TenantURL != "" {
		missing, err := h.a.MissingScopes(ctx, TenantWebhookScopes()...)
		if err != nil {
			return false, err
		}
		tenant = len(missing) == 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.isTenant = tenant
	return tenant, nil
}

// open begins to take events.
func (h *Hook) open(ctx context.Context, handler Handler, plugin *hookPlugin) {
	plugin.begin(ctx) // before the lock, for which requests wait
	h.receiving.Lock()
	defer h.receiving.Unlock()
	drain(h.failed) // it is about an earlier time
	plugin.tell(ctx)
	handler.Connected(ctx)
	h.handler, h.listenCtx = handler, ctx
}

// drain empties a channel of which nobody else reads.
func drain[T any](c chan T) {
	for len(c) > 0 {
		<-c
	}
}

// close takes no more events, when the handler has returned.
func (h *Hook) close() {
	h.receiving.Lock()
	defer h.receiving.Unlock()
	h.handler = nil
}

// pause returns the pause until the next look at the subscription: up to a quarter
// shorter than configured, so that the accounts come one after the other.
func (h *Hook) pause() time.Duration {
	return h.cfg.CheckInterval - rand.N(h.cfg.CheckInterval/4+1)
}

// checkSilence looks whether the subscription brings what it should.
func (h *Hook) checkSilence() error {
	if !h.isSilent() {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.silences++
	return ErrHookSilent
}

// check looks whether the subscription is still there.
func (h *Hook) check(ctx context.Context) error {
	changed, err := h.repair(ctx, h.IsTenant())
	if err == nil && changed {
		return ErrHookGone
	}
	return err
}

// repair makes, changes and deletes subscriptions until there is exactly the right one. It
// reports whether that was not there.
func (h *Hook) repair(ctx context.Context, tenant bool) (changed bool, err error) {
	have, err := h.a.hooks(ctx, tenant, h.cfg.Relay, h.cfg.Address)
	if err != nil {
		return false, err
	}
	wanted := h.wanted(tenant)
	if len(have) > 0 {
		wanted.UUID = have[0].UUID
	}
	if len(have) == 0 || !have[0].does(wanted) {
		made, err := h.a.putHook(ctx, tenant, wanted)
		if err != nil {
			return false, err
		}
		have, changed = append([]subscription{made}, have[min(1, len(have)):]...), true
	}
	h.mu.Lock()
	h.wazo = have[0].EventsWazo
	h.mu.Unlock()
	for _, other := range have[1:] {
		err = errors.Join(err, h.a.deleteHook(ctx, tenant, other.UUID))
	}
	return changed, err
}

// wanted is the subscription as it has to be. The events of the plugin, and those about
// people outside Wazo, are harmless where there are none.
func (h *Hook) wanted(tenant bool) subscription {
	target := h.cfg.URL
	if tenant {
		target = h.cfg.TenantURL
	}
	return subscription{
		Name: "Matrix relay", Service: "http",
		Events:   slices.Concat([]string{eventMessageCreated, eventRoomCreated}, pluginEvents(), outsideEvents()),
		Config:   hookTarget{URL: target, Method: "post", Body: hookTemplate, ContentType: "application/json", Verify: "true"},
		Metadata: map[string]string{"app": hookApp, "relay": h.cfg.Relay},
	}
}

// parseHook reads a body that webhookd has made of hookTemplate.
func parseHook(body []byte) (ev event, wazo UUID, err error) {
	var origin struct {
		Name string `json:"name"`
		Wazo UUID   `json:"wazo"`
	}
	if err = json.Unmarshal(body, &origin); err != nil || origin.Name == "" {
		return event{}, "", errors.New("not a JSON object with name and data")
	}
	ev, err = parseEvent(body)
	return ev, origin.Wazo, err
}

// hookPlugin tells a handler whether the plugin for reactions and replies is there.
type hookPlugin struct {
	h       *Hook
	handler PluginHandler // nil if it does not want to know
	told    bool
	next    time.Time // when to ask again
}

func newHookPlugin(h *Hook, handler Handler) *hookPlugin {
	plugin, _ := handler.(PluginHandler)
	return &hookPlugin{h: h, handler: plugin}
}

// begin asks before events are taken.
func (p *hookPlugin) begin(ctx context.Context) {
	if p.handler != nil {
		p.told = p.ask(ctx)
	}
}

// tell tells the handler what is known. The caller holds Hook.receiving.
func (p *hookPlugin) tell(ctx context.Context) {
	if p.handler != nil {
		p.handler.PluginChanged(ctx, p.told)
	}
}

// check asks again if it is time to.
func (p *hookPlugin) check(ctx context.Context) {
	if p.handler == nil || p.h.a.c.now().Before(p.next) {
		return
	}
	present := p.ask(ctx)
	if present == p.told {
		return
	}
	p.told = present
	p.h.receiving.Lock()
	defer p.h.receiving.Unlock()
	p.tell(ctx)
}

// ask returns whether the plugin is there, as far as is known.
func (p *hookPlugin) ask(ctx context.Context) bool {
	a := p.h.a
	ctx, cancel := context.WithTimeout(ctx, a.c.cfg.Stream.PongTimeout)
	defer cancel()
	present, err := a.HasPlugin(ctx, p.handler.PluginRoom())
	if err != nil {
		return a.plugin.Load()
	}
	a.plugin.Store(present)
	p.next = a.c.now().Add(a.c.cfg.Stream.PluginInterval)
	return present
}
