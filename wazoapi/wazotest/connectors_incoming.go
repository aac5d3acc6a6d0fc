package wazotest

import (
	"net/http"
	"time"
)

const (
	// atOnceWithin is how far apart requests may be that Faults.AtOnce treats as
	// simultaneous.
	atOnceWithin = time.Second
	// confirmedWithin is how long the text of a message to a colleague's number that
	// comes back from the provider is taken for the confirmation of its delivery.
	confirmedWithin = time.Minute
	// commitWithoutBus is how late an inbound message becomes readable when RabbitMQ
	// is away (connectors-09); see WithInboundDelay.
	commitWithoutBus = 13 * time.Second
)

// inbound is a text message from outside, as the provider hands it over.
type inbound struct{ id, key, from, to, text string }

// postIncoming answers POST /connectors/incoming, the callback of the provider.
// What its body looks like is the pretend backend's own affair.
func (s *Server) postIncoming(r *request) answer {
	parsed, err := decodeBody(r.Header.Get("Content-Type"), r.body)
	fields, isObject := parsed.(map[string]any)
	value := func(name string) string { v, _ := fields[name].(string); return v }
	backend, given := r.vars["backend"]
	unknown := s.apiError(http.StatusBadRequest, "webhook-parse-error", "Unrecognized request", nil, "connectors")
	switch {
	case err != nil, !isObject, given && backend != smsBackend, !s.hasSMS():
		return unknown
	case r.Header.Get("X-Fake-Signature") != "good":
		return s.apiError(http.StatusUnauthorized, "connector-signature-invalid", "Webhook signature verification failed",
			nil, "connectors")
	}
	done := false
	switch value("kind") {
	case "status":
		done = s.report(value("id"), value("status"))
	case "message":
		done = s.receive(inbound{value("id"), value("key"), value("from"), value("to"), value("text")})
	}
	if !done {
		return unknown
	}
	return noContent()
}

// report takes a report of the provider about a message that it took, and tells
// whether there is such a message. Other statuses mean nothing to the backend.
func (s *Server) report(id, status string) bool {
	s.mu.Lock()
	var of *delivery
	for _, d := range s.connectors.deliveries {
		if d.providerID == id {
			of = d
		}
	}
	s.mu.Unlock()
	if of == nil || id == "" {
		return false
	}
	switch status {
	case StatusSent, StatusDelivered, StatusFailed:
		s.setStatus(of, status)
	}
	return true
}

// receive takes a message from outside and tells whether somebody has the number
// that it was sent to, written exactly so. The sender is normalised.
func (s *Server) receive(in inbound) bool {
	s.mu.Lock()
	owner := s.connectors.owner(in.to, "")
	if owner == nil || !s.connectors.on {
		s.mu.Unlock()
		return false
	}
	to := *owner
	atOnce := s.faults.fires(atOnce, faultScope{user: to.UserUUID}) != nil
	if s.connectors.known(in, s.now(), atOnce) {
		s.mu.Unlock()
		return true
	}
	if number, ok := normalNumber(in.from); ok {
		in.from = number
	}
	member := roomUser{uuid: to.UserUUID, tenant: to.TenantUUID, wazo: s.wazoUUID}
	author := s.outsideUser(to.TenantUUID, in.from)
	if colleague := s.connectors.owner(in.from, to.TenantUUID); colleague != nil {
		author = roomUser{uuid: colleague.UserUUID, tenant: to.TenantUUID, wazo: s.wazoUUID}
		if d := s.connectors.unconfirmed(colleague.UserUUID, in, s.now()); d != nil {
			s.mu.Unlock()
			s.setStatus(d, StatusDelivered)
			return true
		}
	}
	rooms := s.roomsOfPair(to.TenantUUID, author, member, atOnce)
	s.mu.Unlock()
	switch len(rooms) {
	case 0:
		made, _ := s.makeRoom(to.TenantUUID, nil, []roomUser{author, member})
		rooms = append(rooms, made)
	case 1:
	default: // chatd's log has the error
		return true
	}
	m := &Message{UUID: newUUID(), RoomUUID: rooms[0].uuid, UserUUID: author.uuid, TenantUUID: to.TenantUUID, Content: in.text, CreatedAt: s.now()}
	d := &delivery{room: rooms[0], message: m, kind: smsType, address: to.Number, status: StatusDelivered, updated: s.now()}
	s.store(rooms[0], faultScope{room: m.RoomUUID, user: m.UserUUID, text: m.Content}, m, d)
	return true
}

// known notes the marks of a message and tells whether one of them came before. At
// once with another, only the provider's id is looked up. The caller holds
// Server.mu.
func (c *connectors) known(in inbound, now time.Time, atOnce bool) bool {
	id, key := "id:"+in.id, "key:"+in.key
	_, knowsID := c.seen[id]
	last, knowsKey := c.seen[key]
	if atOnce && now.Sub(last) < atOnceWithin {
		knowsKey = false
	}
	c.seen[id] = now
	if in.key == "" {
		return knowsID
	}
	if !knowsKey {
		c.seen[key] = now
	}
	return knowsID || knowsKey
}

// unconfirmed returns the message that a colleague sent to a number not long ago and
// that now comes from the provider, or nil. The caller holds Server.mu.
func (c *connectors) unconfirmed(colleague string, in inbound, now time.Time) *delivery {
	for _, d := range c.deliveries {
		if d.message.UserUUID == colleague && d.address == in.to && d.message.Content == in.text &&
			d.status != StatusDelivered && now.Sub(d.message.CreatedAt) < confirmedWithin {
			return d
		}
	}
	return nil
}

// roomsOfPair returns the rooms of two participants, the oldest first. At once with
// another request, those of the last second are overlooked. The caller holds
// Server.mu.
func (s *Server) roomsOfPair(tenant string, a, b roomUser, atOnce bool) []*room {
	wanted := setOf(tenant, []roomUser{a, b})
	var found []*room
	for _, r := range s.roomOrder {
		if atOnce && s.now().Sub(r.created) < atOnceWithin {
			continue
		}
		if r.tenant == tenant && len(r.users()) == 2 && setOf(tenant, r.users()) == wanted {
			found = append(found, r)
		}
	}
	return found
}
