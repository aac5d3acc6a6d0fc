package wazotest

import (
	"slices"
	"strings"
	"time"
)

// smsBackend and smsType are what the pretend backend calls itself, and the only
// type that it carries. Wazo ships no backend
// (docs/wazo.md, "Outside participants").
const (
	smsBackend = "fakesms"
	smsType    = "sms"
)

// Identity is an address of an account outside Wazo, such as a telephone number.
type Identity struct {
	UUID       string // made anew each time, also for a number that was there before
	TenantUUID string
	UserUUID   string // the account
	Backend    string
	Type       string // "sms", or whatever else it was created with
	Number     string // in the form of the backend: "+15145550101"
	extra      object
}

// IdentityPolicy returns the rights that an account needs to see its own
// identities and their events, which [DefaultUserPolicy] lacks.
func IdentityPolicy() []string {
	return []string{"chatd.users.me.identities.read", "events.chatd.users.me.identities.#"}
}

// WithSMS switches the pretend SMS backend on, see [Server.SetSMS].
func WithSMS() Option {
	return func(s *Server) { s.connectors.on = true }
}

// WithSMSRetries replaces the pauses after which chatd hands a refused text message
// to the provider again: 30, 120 and 300 s. After the last it gives up.
func WithSMSRetries(pauses ...time.Duration) Option {
	return func(s *Server) { s.connectors.retries = pauses }
}

// WithInboundDelay replaces the time, 13 s, after which a message from outside that
// comes while RabbitMQ is away can be read.
func WithInboundDelay(d time.Duration) Option {
	return func(s *Server) { s.connectors.delay = d }
}

// connectors is the part of chatd that reaches people outside Wazo.
type connectors struct {
	provider *SMSProvider
	retries  []time.Duration
	delay    time.Duration // of inbound messages while RabbitMQ is away

	// Guarded by Server.mu.
	on         bool
	identities []*Identity          // in the order of their creation
	deliveries map[string]*delivery // by message
	seen       map[string]time.Time // when ids and idempotency keys of inbound messages came first
}

func newConnectors(s *Server) *connectors {
	c := &connectors{
		retries:    []time.Duration{30 * time.Second, 2 * time.Minute, 5 * time.Minute},
		delay:      commitWithoutBus,
		deliveries: map[string]*delivery{},
		seen:       map[string]time.Time{},
	}
	c.provider = &SMSProvider{server: s, changed: make(chan struct{})}
	return c
}

// SetSMS switches the pretend SMS backend on or off in chatd's configuration, as an
// administrator does who then restarts chatd. Identities, rooms and messages stay.
func (s *Server) SetSMS(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connectors.on = on
}

// RestartChatd does what a restart of chatd does to identities: those of accounts
// that confd does not know vanish, without an event. Retries go on.
func (s *Server) RestartChatd() {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.connectors
	c.identities = slices.DeleteFunc(c.identities, func(i *Identity) bool {
		return s.accounts[i.UserUUID].Purpose != PurposeUser
	})
}

// normalNumber returns a telephone number in the form of the backend, and whether
// it is one: ten digits are taken for one of North America.
func normalNumber(text string) (string, bool) {
	digits := strings.NewReplacer(" ", "", "(", "", ")", "", "-", "", ".", "").Replace(text)
	plain, international := strings.CutPrefix(digits, "+")
	isDigit := func(c rune) bool { return '0' <= c && c <= '9' }
	if strings.ContainsFunc(plain, func(c rune) bool { return !isDigit(c) }) {
		return "", false
	}
	switch n := len(plain); {
	case international && n >= 8 && n <= 15, n == 11 && plain[0] == '1':
		return "+" + plain, true
	case n == 10:
		return "+1" + plain, true
	}
	return "", false
}

// reachable tells whether the backend can send to an address. The caller holds
// Server.mu.
func (c *connectors) reachable(address string) bool {
	_, isNumber := normalNumber(address)
	return c.on && isNumber
}

// identity returns the identity of a uuid, or nil. The caller holds Server.mu.
func (c *connectors) identity(uuid string) *Identity {
	for _, i := range c.identities {
		if i.UUID == uuid {
			return i
		}
	}
	return nil
}

// owner returns the identity that has exactly this number in any tenant, or in the
// given one; nil if there is none. The caller holds Server.mu.
func (c *connectors) owner(number, tenant string) *Identity {
	for _, i := range c.identities {
		if i.Number == number && (tenant == "" || i.TenantUUID == tenant) {
			return i
		}
	}
	return nil
}

// of returns the identities of an account, in the order of their creation. The
// caller holds Server.mu.
func (c *connectors) of(user string) []*Identity {
	var mine []*Identity
	for _, i := range c.identities {
		if i.UserUUID == user {
			mine = append(mine, i)
		}
	}
	return mine
}

// address returns where a message by an identity would go in a room, and whether
// that can be reached: the number of the other member, or its uuid if it has none.
// The caller holds Server.mu.
func (c *connectors) address(other roomUser, by *Identity) (string, bool) {
	if other.identity != "" {
		return other.identity, c.reachable(other.identity)
	}
	for _, i := range c.of(other.uuid) {
		if i.Type == by.Type {
			return i.Number, true // also with the backend off (connectors-08)
		}
	}
	return other.uuid, false
}

// others returns the members of a room without one.
func (r *room) others(user string) []roomUser {
	return slices.DeleteFunc(slices.Clone(r.users()), func(u roomUser) bool { return u.uuid == user })
}

// AddNumber gives an account a telephone number, as an administrator does, with the
// event. It panics if somebody has the number already, or if it is none.
func (s *Server) AddNumber(u User, number string) Identity {
	normal, ok := normalNumber(number)
	s.mu.Lock()
	if !ok || s.connectors.owner(normal, "") != nil {
		s.mu.Unlock()
		panic("wazotest: no new number: " + number)
	}
	i := &Identity{
		UUID: newUUID(), TenantUUID: s.account(u).Tenant.UUID, UserUUID: u.UUID,
		Backend: smsBackend, Type: smsType, Number: normal, extra: object{},
	}
	s.connectors.identities = append(s.connectors.identities, i)
	s.mu.Unlock()
	s.announceIdentity(*i, "created")
	return *i
}

// RemoveNumber takes an identity away, with the event. It does nothing if it is
// gone already.
func (s *Server) RemoveNumber(i Identity) {
	s.mu.Lock()
	known := s.connectors.identity(i.UUID) != nil
	s.connectors.remove(i.UUID)
	s.mu.Unlock()
	if known {
		s.announceIdentity(i, "deleted")
	}
}

func (c *connectors) remove(uuid string) {
	c.identities = slices.DeleteFunc(c.identities, func(i *Identity) bool { return i.UUID == uuid })
}

// Identities returns those of an account, in the order of their creation.
func (s *Server) Identities(u User) []Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Identity
	for _, i := range s.connectors.of(u.UUID) {
		list = append(list, *i)
	}
	return list
}

// announceIdentity tells an account what became of one of its identities. The
// default policy does not let it hear that.
func (s *Server) announceIdentity(i Identity, action string) {
	if s.faults.busLost() {
		return
	}
	s.publishTo(i.UserUUID, i.TenantUUID, "", "chatd_user_identity_"+action,
		"events.chatd.users."+i.UserUUID+".identities."+action, i.ownView())
}

// ownView is an identity as its account sees it.
func (i Identity) ownView() object {
	return object{{"uuid", i.UUID}, {"backend", i.Backend}, {"type", i.Type}, {"identity", i.Number}}
}

// view is an identity as an administrator sees it.
func (i Identity) view() object {
	return object{
		{"uuid", i.UUID}, {"tenant_uuid", i.TenantUUID}, {"user_uuid", i.UserUUID}, {"backend", i.Backend},
		{"type", i.Type}, {"identity", i.Number}, {"extra", i.extra},
	}
}
