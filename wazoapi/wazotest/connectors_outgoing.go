package wazotest

import (
	"net/http"
	"strconv"
	"time"
)

// smsPause is the time between a message and its first attempt: the median of the
// recorded ones (connectors-05).
const smsPause = 16 * time.Millisecond

// Statuses of a message to or from somebody outside Wazo.
const (
	StatusPending    = "pending"
	StatusAccepted   = "accepted"    // the provider took it
	StatusRetrying   = "retrying"    // the provider refused it, chatd tries again
	StatusDeadLetter = "dead_letter" // chatd gave up
	StatusSent       = "sent"        // as the provider reports
	StatusDelivered  = "delivered"   // as the provider reports; nothing follows it
	StatusFailed     = "failed"      // as the provider reports; "delivered" may follow it
)

// delivery is how a message leaves Wazo, or how it came in. Server.mu guards it.
type delivery struct {
	room    *room
	message *Message
	kind    string // the type
	address string // where it goes, or which number was written to
	status  string
	updated time.Time

	from       string // the own number; "" for a message that came in
	attempts   int
	providerID string // "" until the provider took it
}

func (d *delivery) view() object {
	return object{{"type", d.kind}, {"backend", smsBackend}, {"recipients", []object{{
		{"identity", d.address}, {"status", d.status}, {"updated_at", isoformatUTC(d.updated)},
	}}}}
}

// visibleTo tells whether a member may see a message: one that goes to a colleague
// as a text message only when it was delivered. The caller holds Server.mu.
func (c *connectors) visibleTo(m *Message, user string) bool {
	d := c.deliveries[m.UUID]
	return d == nil || d.from == "" || m.UserUUID == user || d.status == StatusDelivered
}

// visible returns the messages of a list that a member may see. The caller holds
// Server.mu.
func (c *connectors) visible(messages []*Message, user string) []*Message {
	for i, m := range messages {
		if !c.visibleTo(m, user) {
			seen := append([]*Message{}, messages[:i]...)
			for _, later := range messages[i+1:] {
				if c.visibleTo(later, user) {
					seen = append(seen, later)
				}
			}
			return seen
		}
	}
	return messages
}

// outgoing prepares the delivery of a message by an identity of the caller, in the
// order of checks of docs/wazo.md, "Outside participants".
func (s *Server) outgoing(r *room, user, identityUUID string) (*delivery, *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	by := s.connectors.identity(identityUUID)
	if by == nil || by.UserUUID != user {
		unknown := s.apiError(http.StatusBadRequest, "invalid-identity", "No identity found with UUID '"+identityUUID+"'",
			object{{"identity_uuid", identityUUID}}, "messages")
		return nil, &unknown
	}
	others := r.others(user)
	if len(others) != 1 {
		bad := s.unreachable("expected exactly 1 recipient, got "+strconv.Itoa(len(others)), "")
		return nil, &bad
	}
	address, ok := s.connectors.address(others[0], by)
	if !ok {
		bad := s.unreachable(address, smsBackend)
		return nil, &bad
	}
	return &delivery{room: r, kind: by.Type, address: address, status: StatusPending, from: by.Number}, nil
}

// unreachable is the answer for a participant whom no connector reaches. It names
// the resource "rooms" also when a message is refused.
func (s *Server) unreachable(participant, connector string) answer {
	message := "No connector can reach participant '" + participant + "'"
	if connector != "" {
		message += " via '" + connector + "'"
	}
	return s.apiError(http.StatusConflict, "unreachable-participant", message,
		object{{"participant", participant}, {"connector_type", connector}}, "rooms")
}

// attempt hands a message to the provider. With the backend off it stays as it is,
// for ever.
func (s *Server) attempt(d *delivery) {
	s.mu.Lock()
	on, done := s.connectors.on, d.providerID != "" || d.status == StatusDeadLetter
	d.attempts++
	attempts := d.attempts
	s.mu.Unlock()
	if !on || done {
		return
	}
	scope := faultScope{room: d.room.uuid, user: d.message.UserUUID, text: d.message.Content}
	refusal := s.faults.fires(refuseSMS, scope)
	retries := s.connectors.retries
	switch {
	case refusal == nil:
		s.connectors.provider.take(d)
	case attempts > len(retries):
		s.setStatus(d, StatusDeadLetter)
	default:
		pause := retries[attempts-1]
		if refusal.delay > 0 {
			pause = refusal.delay
		}
		s.setStatus(d, StatusRetrying)
		s.clock.AfterFunc(pause, func() { s.attempt(d) })
	}
}

// setStatus changes the status of a message and tells its author. Nothing follows
// "delivered", and the same status is told again only while chatd retries.
func (s *Server) setStatus(d *delivery, status string) {
	s.mu.Lock()
	if d.status == StatusDelivered || d.status == StatusDeadLetter || d.status == status && status != StatusRetrying {
		s.mu.Unlock()
		return
	}
	d.status, d.updated = status, s.now()
	data := object{
		{"message_uuid", d.message.UUID}, {"recipient_identity", d.address}, {"status", status},
		{"timestamp", isoformatUTC(d.updated)}, {"backend", smsBackend},
	}
	d.room.signal()
	s.mu.Unlock()
	scope := faultScope{room: d.room.uuid, user: d.message.UserUUID, text: d.message.Content}
	if s.faults.busLost() || s.faults.fires(noStatusEvent, scope) != nil {
		return
	}
	if late := s.faults.fires(lateStatus, scope); late != nil {
		s.clock.AfterFunc(late.delay, func() { s.announceStatus(d, data) })
	} else {
		s.announceStatus(d, data)
	}
	if status == StatusDelivered {
		s.announceMessage(d.room, d.message, s.view(d.message), membersInside(d.room.others(d.message.UserUUID)))
	}
}

// membersInside returns the uuids of those who are not outside Wazo.
func membersInside(users []roomUser) []string {
	var uuids []string
	for _, u := range users {
		if u.identity == "" {
			uuids = append(uuids, u.uuid)
		}
	}
	return uuids
}

// announceStatus tells the author of a message what became of it.
func (s *Server) announceStatus(d *delivery, data object) {
	const name = "chatd_message_delivery_status"
	m := d.message
	envelope := object{
		{"tenant_uuid", m.TenantUUID}, {"room_uuid", m.RoomUUID}, {"message_uuid", m.UUID},
		{"name", name}, {"user_uuid:" + m.UserUUID, true},
	}
	acl := "events.chat.message." + m.UUID + "." + m.UserUUID + ".delivery"
	s.publishEnvelope(envelope, event{name: name, tenant: m.TenantUUID, addressee: m.UserUUID, acl: acl}, data)
}

// DeliveryStatus returns the status of a message that left Wazo or came in, and ""
// for one that stays inside.
func (s *Server) DeliveryStatus(messageUUID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.connectors.deliveries[messageUUID]; d != nil {
		return d.status
	}
	return ""
}

// PostSMS writes a text message as a native client of the identity's account would,
// with its events. It returns the message also when a fault keeps it from being
// stored. It panics if that room cannot be reached by the identity.
func (s *Server) PostSMS(roomUUID string, by Identity, content string) Message {
	r := s.room(roomUUID)
	d, refusal := s.outgoing(r, by.UserUUID, by.UUID)
	if refusal != nil {
		panic("wazotest: " + string(refusal.body))
	}
	return *s.post(r, faultScope{room: roomUUID, user: by.UserUUID}, content, nil, d).message
}
