package wazoapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// What the errors about people outside Wazo mean, for errors.Is
// (docs/wazo.md, "Outside participants"). Nothing was stored.
var (
	// ErrInvalidIdentity means that the account does not have the identity, or not
	// any more: one that was taken away and given back has another uuid.
	ErrInvalidIdentity = errors.New("the Wazo account does not have this number")
	// ErrIdentityRequired means that a message in a room with somebody outside Wazo
	// needs [Draft.Identity].
	ErrIdentityRequired = errors.New("a message to somebody outside Wazo needs a number to send it from")
	// ErrUnreachable means that nothing can be sent to somebody outside Wazo: the
	// number is none, or cannot be answered, the account has no number, or the
	// backend is off. It is final.
	ErrUnreachable = errors.New("Wazo cannot reach this number")
)

// Identity is a number of an account, by which it is reached from outside Wazo and
// writes there. Its UUID is another one whenever an administrator assigns it anew,
// so it must not be kept for long.
type Identity struct {
	UUID    UUID   `json:"uuid"`
	Backend string `json:"backend"`
	Type    string `json:"type"`     // such as "sms"
	Number  string `json:"identity"` // as the backend writes it, such as "+15145550101"
}

// DeliveryStatus is what became of a message to somebody outside Wazo
// (docs/wazo.md, "Delivery status").
type DeliveryStatus string

// All statuses. A message from outside is always DeliveryDelivered.
const (
	DeliveryPending    DeliveryStatus = "pending"
	DeliveryAccepted   DeliveryStatus = "accepted" // the provider took it
	DeliveryRetrying   DeliveryStatus = "retrying" // the provider refused it; Wazo tries again
	DeliveryDeadLetter DeliveryStatus = "dead_letter"
	DeliverySent       DeliveryStatus = "sent"
	DeliveryDelivered  DeliveryStatus = "delivered"
	DeliveryFailed     DeliveryStatus = "failed" // DeliveryDelivered may still follow
)

// IsSuccess reports whether the message has left Wazo. Many providers report nothing
// after DeliveryAccepted.
func (s DeliveryStatus) IsSuccess() bool {
	return s == DeliveryAccepted || s == DeliverySent || s == DeliveryDelivered
}

// IsFailure reports whether the message was given up.
func (s DeliveryStatus) IsFailure() bool { return s == DeliveryFailed || s == DeliveryDeadLetter }

// Delivery is how a message leaves Wazo, or how it came in. It is zero for messages
// that stay inside Wazo.
type Delivery struct {
	Type      string // such as "sms"
	Backend   string
	Number    string // where it goes to; for a message from outside, which own number it was sent to
	Status    DeliveryStatus
	UpdatedAt time.Time // UTC
}

// internalDelivery is the type of messages that stay inside Wazo.
const internalDelivery = "internal"

type rawDelivery struct {
	Type       string         `json:"type"`
	Backend    *string        `json:"backend"`
	Recipients []rawRecipient `json:"recipients"`
}

type rawRecipient struct {
	Number    string         `json:"identity"`
	Status    DeliveryStatus `json:"status"`
	UpdatedAt string         `json:"updated_at"`
}

// UnmarshalJSON reads the delivery of a message of any version of chatd. Before
// 26.05 there is none. One that cannot be read is left out: a message must not be
// lost because of it.
func (d *Delivery) UnmarshalJSON(data []byte) error {
	*d = Delivery{}
	var raw rawDelivery
	if json.Unmarshal(data, &raw) != nil || raw.Type == internalDelivery || len(raw.Recipients) == 0 {
		return nil
	}
	to := raw.Recipients[0]
	*d = Delivery{Type: raw.Type, Number: to.Number, Status: to.Status}
	if raw.Backend != nil {
		d.Backend = *raw.Backend
	}
	var at wazoTime
	if at.UnmarshalText([]byte(to.UpdatedAt)) == nil {
		d.UpdatedAt = at.Time
	}
	return nil
}

// MarshalJSON writes a delivery in chatd's form.
func (d Delivery) MarshalJSON() ([]byte, error) {
	if d == (Delivery{}) {
		return json.Marshal(rawDelivery{Type: internalDelivery, Recipients: []rawRecipient{}})
	}
	to := rawRecipient{Number: d.Number, Status: d.Status}
	if !d.UpdatedAt.IsZero() {
		to.UpdatedAt = formatTime(d.UpdatedAt)
	}
	return json.Marshal(rawDelivery{Type: d.Type, Backend: &d.Backend, Recipients: []rawRecipient{to}})
}

// IdentityScope is the right that [Account.Identities] needs. Wazo's default policy
// lacks it.
const IdentityScope = "chatd.users.me.identities.read"

// Identities returns the numbers by which the account can write in a room, or, if
// room is "", all that it has. There are none while the backend is off. Without
// [IdentityScope], the error is one for which [Error.MissingPermission] is true.
func (a *Account) Identities(ctx context.Context, room UUID) ([]Identity, error) {
	r := request{
		method: http.MethodGet, service: serviceChatd, path: "/users/me/identities",
		timeout: a.c.cfg.Timeout,
	}
	if room != "" {
		r.query = url.Values{"room_uuid": {string(room)}}
	}
	var answer struct {
		Items []Identity `json:"items"`
	}
	err := a.call(ctx, r, &answer)
	return answer.Items, err
}

// CreateOutsideRoom makes the room of the account and somebody outside Wazo, or
// returns the one that there is. number is sent as it is: another spelling makes
// another room, into which nothing ever comes. A colleague's number leads to an
// ordinary room, see [Room.Outside].
//
// **Never call it for the same number twice at the same moment, nor again before
// [Account.Rooms] was looked at**: two rooms of one pair make Wazo drop all messages
// from that number. The error is [ErrUnreachable] if the number cannot be written
// to; [OutcomeUnknown] tells whether there may be a new room.
func (a *Account) CreateOutsideRoom(ctx context.Context, number string) (Room, error) {
	if number == "" {
		return Room{}, fmt.Errorf("failed to create chat room: %w", ErrUnreachable)
	}
	type user struct {
		Number string `json:"identity"`
	}
	return a.createRoom(ctx, struct {
		Users []user `json:"users"`
	}{[]user{{number}}})
}

// DeliveryChange tells what became of a message of the account to somebody outside
// Wazo. It may come before the message itself.
type DeliveryChange struct {
	Message UUID
	Status  DeliveryStatus
	At      time.Time // on chatd's clock, in UTC
}

// UnmarshalJSON reads the data of an event. Message and status must be there.
func (c *DeliveryChange) UnmarshalJSON(data []byte) error {
	var raw struct {
		Message UUID           `json:"message_uuid"`
		Status  DeliveryStatus `json:"status"`
		At      wazoTime       `json:"timestamp"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if raw.Message == "" || raw.Status == "" {
		return errors.New("delivery status without message or status")
	}
	*c = DeliveryChange{Message: raw.Message, Status: raw.Status, At: raw.At.Time}
	return nil
}
