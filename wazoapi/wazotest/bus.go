package wazotest

import "sync"

// event is a message on Wazo's bus, ready for those who listen.
type event struct {
	name      string
	tenant    string
	addressee string // a user's uuid, "*" for the whole tenant, "" for nobody
	acl       string // the access needed to receive it, "" for none
	payload   []byte // the envelope (docs/wazo.md, "Event envelope")
}

// listener receives events, in the order of their publishing. It must not
// block.
type listener interface{ offer(event) }

// bus is RabbitMQ: it hands events to who listens at that moment, and keeps
// nothing.
type bus struct {
	mu        sync.Mutex
	listeners map[listener]struct{}
}

func newBus() *bus { return &bus{listeners: map[listener]struct{}{}} }

func (b *bus) join(l listener) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners[l] = struct{}{}
}

func (b *bus) leave(l listener) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.listeners, l)
}

// publish hands an event to all listeners. It holds the lock meanwhile: events
// have one order, the same for everybody.
func (b *bus) publish(e event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		l.offer(e)
	}
}

// deaf tells whether nobody listens.
func (b *bus) deaf() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.listeners) == 0
}

// each calls f for every listener.
func (b *bus) each(f func(listener)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		f(l)
	}
}

// publishTo publishes an event to one user of a tenant. room is "" for events
// that are not about a message.
func (s *Server) publishTo(user, tenant, room, name, acl string, data any) {
	envelope := object{{"tenant_uuid", tenant}}
	if room != "" {
		envelope = append(envelope, field{"room_uuid", room})
	}
	envelope = append(envelope, field{"name", name}, field{"user_uuid:" + user, true})
	s.publishEnvelope(envelope, event{name: name, tenant: tenant, addressee: user, acl: acl}, data)
}

// publishAll publishes an event to a whole tenant.
func (s *Server) publishAll(tenant, name, acl string, data any) {
	envelope := object{{"tenant_uuid", tenant}, {"user_uuid:*", true}, {"name", name}}
	s.publishEnvelope(envelope, event{name: name, tenant: tenant, addressee: "*", acl: acl}, data)
}

func (s *Server) publishEnvelope(envelope object, e event, data any) {
	if s.bus.deaf() {
		return
	}
	e.payload = mustJSON(append(envelope,
		field{"required_access", "event." + e.name},
		field{"required_acl", e.acl},
		field{"origin_uuid", s.wazoUUID},
		field{"timestamp", isoformat(s.now())},
		field{"data", data},
	))
	s.bus.publish(e)
}
