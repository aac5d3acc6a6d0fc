package wazoapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
)

// hookApp marks the subscriptions of this program, whichever installation they belong
// to.
const hookApp = "wazo-matrix-relay"

// hookTemplate is the body that webhookd sends: without it, nothing would tell which
// event it is (docs/wazo.md, "Deliveries of a webhook").
const hookTemplate = `{"name": {{ event_name|tojson }}, "wazo": {{ wazo_uuid|tojson }}, "data": {{ event|tojson }}}`

// subscription is a subscription of wazo-webhookd (docs/wazo.md, "Webhooks").
type subscription struct {
	UUID     UUID              `json:"uuid,omitempty"`
	Name     string            `json:"name"`
	Service  string            `json:"service"`
	Events   []string          `json:"events"`
	Config   hookTarget        `json:"config"`
	Metadata map[string]string `json:"metadata"`

	OwnerUser  UUID `json:"owner_user_uuid,omitempty"`  // "" for a subscription of the tenant
	EventsWazo UUID `json:"events_wazo_uuid,omitempty"` // of a user's: the only Wazo whose events it brings
}

type hookTarget struct {
	URL         string `json:"url"`
	Method      string `json:"method"`
	Body        string `json:"body"`
	ContentType string `json:"content_type"`
	Verify      string `json:"verify_certificate"` // a text for webhookd, and no boolean
}

// does reports whether a subscription brings what another one would. The order of a list of
// events is not promised.
func (s subscription) does(wanted subscription) bool {
	return s.Name == wanted.Name && s.Service == wanted.Service && s.Config == wanted.Config &&
		slices.Equal(slices.Sorted(slices.Values(s.Events)), slices.Sorted(slices.Values(wanted.Events))) && s.Metadata["app"] == wanted.Metadata["app"] && s.Metadata["relay"] == wanted.Metadata["relay"]
}

// WebhookScopes returns the rights that an account needs for a subscription of its own,
// in the form that [Account.CheckScopes] takes. SUBSCRIPTION stands for any uuid. All of
// them are in Wazo's default policy (docs/wazo.md, "Webhooks").
func WebhookScopes() []string { return hookScopes("webhookd.users.me.subscriptions.") }

// TenantWebhookScopes returns the rights that an account needs for a subscription to the
// events of its whole tenant. Administrators have them (docs/wazo.md, "Webhooks").
func TenantWebhookScopes() []string { return hookScopes("webhookd.subscriptions.") }

func hookScopes(prefix string) []string {
	return []string{prefix + "read", prefix + "create", prefix + "SUBSCRIPTION.update", prefix + "SUBSCRIPTION.delete"}
}

// hookPath is where subscriptions of the tenant are, or those of the account.
func hookPath(tenant bool) string {
	if tenant {
		return "/subscriptions"
	}
	return "/users/me/subscriptions"
}

func (a *Account) hookRequest(method, path string) request {
	return request{method: method, service: serviceWebhookd, path: path, timeout: a.c.cfg.Timeout}
}

// hooks returns the subscriptions that an installation of this program has made as this
// account, for the tenant or for the account: those that bear its name, and those that
// lead to its address, of which it cannot remember having made them.
func (a *Account) hooks(ctx context.Context, tenant bool, relay, address string) ([]subscription, error) {
	r := a.hookRequest(http.MethodGet, hookPath(tenant))
	r.query = url.Values{"search_metadata": {"app:" + hookApp}}
	var list struct {
		Items []subscription `json:"items"`
	}
	if err := a.call(ctx, r, &list); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list.Items, func(s subscription) bool {
		isOwn := s.Metadata["relay"] == relay || address != "" && len(s.Config.URL) > len(address) && s.Config.URL[:len(address)] == address
		return !isOwn || s.Metadata["app"] != hookApp || tenant != (s.OwnerUser == "")
	}), nil
}

// putHook makes a subscription, or, if it has a uuid, changes it. It returns what
// webhookd has then.
func (a *Account) putHook(ctx context.Context, tenant bool, s subscription) (made subscription, err error) {
	r := a.hookRequest(http.MethodPost, hookPath(tenant))
	if s.UUID != "" {
		uuid, err := s.UUID.inPath()
		if err != nil {
			return subscription{}, err
		}
		r.method, r.path = http.MethodPut, r.path+"/"+uuid
	}
	r.hook = s.Config.URL
	s.UUID = ""
	r.body = s
	return made, a.call(ctx, r, &made)
}

// deleteHook deletes a subscription. It is no error if it is gone already.
func (a *Account) deleteHook(ctx context.Context, tenant bool, id UUID) error {
	uuid, err := id.inPath()
	if err != nil {
		return err
	}
	err = a.call(ctx, a.hookRequest(http.MethodDelete, hookPath(tenant)+"/"+uuid), nil)
	if isStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

// CheckHooks asks whether webhookd answers and lets the account have subscriptions. It
// changes nothing.
func (a *Account) CheckHooks(ctx context.Context) error {
	_, err := a.hooks(ctx, false, "", "")
	return err
}

// RemoveHooks deletes the subscriptions of wazo-webhookd that an installation of this
// program has made as this account: relay and address are those of its [HookConfig].
// Nobody else's are touched. Those of the tenant are left out if the account may not see
// them.
func (a *Account) RemoveHooks(ctx context.Context, relay, address string) error {
	return errors.Join(a.removeHooks(ctx, false, relay, address), unlessForbidden(a.removeHooks(ctx, true, relay, address)))
}

func (a *Account) removeHooks(ctx context.Context, tenant bool, relay, address string) error {
	list, err := a.hooks(ctx, tenant, relay, address)
	if err != nil {
		return err
	}
	for _, s := range list {
		err = errors.Join(err, a.deleteHook(ctx, tenant, s.UUID))
	}
	return err
}
