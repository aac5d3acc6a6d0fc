package wazotest

import (
	"net/http"
	"slices"
	"strings"
)

// subscription is a subscription of webhookd.
type subscription struct {
	uuid, name  string
	service     string
	events      []string
	config      webhookConfig
	rawConfig   object // of a service that is not installed: as it was sent
	metadata    map[string]string
	ownerUser   string // "" for a subscription of the tenant
	ownerTenant string
	eventsUser  string // the only addressee; "" for all
	eventsWazo  string
	unbound     bool // webhookd stores it and never hears anything for it
}

// webhookConfig is the config of the service "http".
type webhookConfig struct {
	url, method       string
	body, contentType *string // nil if not given
	verify            *string
}

// WebhookSubscription is a subscription of webhookd, as a test may want to see it.
type WebhookSubscription struct {
	UUID     string
	Name     string
	Owner    string // the uuid of the user that it belongs to, "" for one of the tenant
	URL      string
	Events   []string
	Metadata map[string]string
}

func (s *Server) webhookdService() *service {
	own := "/1.0/users/me/subscriptions"
	return &service{name: "webhookd", routes: []route{
		{"/1.0/subscriptions", map[string]handler{http.MethodGet: s.hookLister(false), http.MethodPost: s.hookMaker(false)}},
		{"/1.0/subscriptions/{subscription:text}", s.hookRoutes(false)},
		{own, map[string]handler{http.MethodGet: s.hookLister(true), http.MethodPost: s.hookMaker(true)}},
		{own + "/{subscription:text}", s.hookRoutes(true)},
	}}
}

// hookAccess returns the access that a route of webhookd needs.
func hookAccess(isOwn bool, action string) string {
	if isOwn {
		return "webhookd.users.me.subscriptions." + action
	}
	return "webhookd.subscriptions." + action
}

// isVisible tells whether a caller finds a subscription on the routes of users, or on
// those of tenants.
func (sub *subscription) isVisible(who caller, isOwn bool) bool {
	if isOwn {
		return sub.ownerUser == who.user
	}
	return sub.ownerTenant == who.acting
}

func (sub *subscription) view() object {
	config := sub.rawConfig
	if config == nil {
		add := func(key string, value *string) {
			if value != nil {
				config = append(config, field{key, *value})
			}
		}
		add("body", sub.config.body)
		add("content_type", sub.config.contentType)
		config = append(config, field{"method", sub.config.method}, field{"url", sub.config.url})
		add("verify_certificate", sub.config.verify)
	}
	return object{
		{"owner_user_uuid", nullable(sub.ownerUser)}, {"service", sub.service}, {"config", config}, {"events", sub.events},
		{"owner_tenant_uuid", sub.ownerTenant}, {"metadata", sub.metadata}, {"events_wazo_uuid", nullable(sub.eventsWazo)},
		{"events_user_uuid", nullable(sub.eventsUser)}, {"uuid", sub.uuid}, {"name", sub.name},
	}
}

// hookLister answers GET /subscriptions, or GET /users/me/subscriptions.
func (s *Server) hookLister(isOwn bool) handler {
	return func(r *request) answer {
		who, refusal := s.authorize(r, hookAccess(isOwn, "read"))
		if refusal != nil {
			return *refusal
		}
		query := r.URL.Query()
		recurse := !isOwn && isTrue(query.Get("recurse")) && who.acting == s.master.UUID
		s.webhooks.mu.Lock()
		defer s.webhooks.mu.Unlock()
		items := []object{}
		for _, sub := range s.webhooks.subscriptions {
			if (recurse || sub.isVisible(who, isOwn)) && sub.hasMetadata(query["search_metadata"]) {
				items = append(items, sub.view())
			}
		}
		return jsonAnswer(http.StatusOK, object{{"items", items}, {"total", len(items)}})
	}
}

// hasMetadata tells whether a subscription has all of these "key:value".
func (sub *subscription) hasMetadata(wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(pair string) bool {
		key, value, _ := strings.Cut(pair, ":")
		have, ok := sub.metadata[key]
		return !ok || have != value
	})
}

// hookMaker answers POST /subscriptions, or POST /users/me/subscriptions.
func (s *Server) hookMaker(isOwn bool) handler {
	return func(r *request) answer {
		who, refusal := s.authorize(r, hookAccess(isOwn, "create"))
		if refusal != nil {
			return *refusal
		}
		sub, refusal := s.parseSubscription(r, who, isOwn)
		if refusal != nil {
			return *refusal
		}
		sub.uuid = newUUID()
		sub.unbound = s.faults.fires(unboundHook, faultScope{user: who.user}) != nil
		s.webhooks.mu.Lock()
		s.webhooks.subscriptions = append(s.webhooks.subscriptions, sub)
		s.webhooks.mu.Unlock()
		s.webhooks.listen()
		return jsonAnswer(http.StatusCreated, sub.view())
	}
}

// hookRoutes are the routes of one subscription.
func (s *Server) hookRoutes(isOwn bool) map[string]handler {
	// with calls f with the subscription that is asked for, under s.webhooks.mu.
	with := func(action string, f func(r *request, who caller, at int) answer) handler {
		return func(r *request) answer {
			uuid := r.vars["subscription"]
			who, refusal := s.authorize(r, hookAccess(isOwn, uuid+"."+action))
			if refusal != nil {
				return *refusal
			}
			s.webhooks.mu.Lock()
			defer s.webhooks.mu.Unlock()
			at := slices.IndexFunc(s.webhooks.subscriptions, func(sub *subscription) bool { return sub.uuid == uuid && sub.isVisible(who, isOwn) })
			if at < 0 {
				return s.apiError(http.StatusNotFound, "no-such-subscription", "No such subscription: "+uuid,
					object{{"subscription_uuid", uuid}}, "")
			}
			return f(r, who, at)
		}
	}
	return map[string]handler{
		http.MethodGet: with("read", func(_ *request, _ caller, at int) answer {
			return jsonAnswer(http.StatusOK, s.webhooks.subscriptions[at].view())
		}),
		http.MethodPut: with("update", func(r *request, who caller, at int) answer {
			sub, refusal := s.parseSubscription(r, who, isOwn)
			if refusal != nil {
				return *refusal
			}
			sub.uuid, sub.unbound = s.webhooks.subscriptions[at].uuid, s.webhooks.subscriptions[at].unbound
			s.webhooks.subscriptions[at] = sub
			return jsonAnswer(http.StatusOK, sub.view())
		}),
		http.MethodDelete: with("delete", func(_ *request, _ caller, at int) answer {
			s.webhooks.subscriptions = slices.Delete(s.webhooks.subscriptions, at, at+1)
			return noContent()
		}),
	}
}

// Webhooks returns the subscriptions of webhookd, the oldest first.
func (s *Server) Webhooks() []WebhookSubscription {
	s.webhooks.mu.Lock()
	defer s.webhooks.mu.Unlock()
	var all []WebhookSubscription
	for _, sub := range s.webhooks.subscriptions {
		all = append(all, WebhookSubscription{
			UUID: sub.uuid, Name: sub.name, Owner: sub.ownerUser, URL: sub.config.url,
			Events: slices.Clone(sub.events), Metadata: sub.metadata,
		})
	}
	return all
}

// AddWebhook makes a subscription as another program of the user would, for message
// events and with metadata, which may be nil. It returns its uuid.
func (s *Server) AddWebhook(owner User, url string, metadata map[string]string) string {
	if metadata == nil {
		metadata = map[string]string{}
	}
	sub := &subscription{
		uuid: newUUID(), name: "another program", service: "http", events: []string{"chatd_user_room_message_created"},
		config: webhookConfig{url: url, method: "post"}, metadata: metadata,
		ownerUser: owner.UUID, ownerTenant: owner.Tenant.UUID, eventsUser: owner.UUID, eventsWazo: s.wazoUUID,
	}
	s.webhooks.mu.Lock()
	s.webhooks.subscriptions = append(s.webhooks.subscriptions, sub)
	s.webhooks.mu.Unlock()
	s.webhooks.listen()
	return sub.uuid
}

// DeleteWebhooks deletes all subscriptions of webhookd, as an administrator might.
func (s *Server) DeleteWebhooks() {
	s.webhooks.mu.Lock()
	defer s.webhooks.mu.Unlock()
	s.webhooks.subscriptions = nil
}

// UnbindWebhooks makes webhookd forget that it listens for the subscriptions that it
// has: they are still there, and bring nothing. A subscription that is made later is
// bound (docs/wazo.md, "Webhooks").
func (s *Server) UnbindWebhooks() {
	s.webhooks.mu.Lock()
	defer s.webhooks.mu.Unlock()
	for _, sub := range s.webhooks.subscriptions {
		sub.unbound = true
	}
}
