package wazoapi

import (
	"context"
	"encoding/json"
	"strings"
)

// OutsideHandler is a [Handler] that also hears of messages to people outside Wazo,
// and of the account's own numbers. An event that cannot be read is left out.
type OutsideHandler interface {
	Handler
	// DeliveryChanged is called when a message of the account to somebody outside Wazo
	// has another status. That may be before MessageCreated is called for it. What
	// happened before Connected must be read from the history. An error closes the
	// connection.
	DeliveryChanged(ctx context.Context, c DeliveryChange) error
	// IdentitiesChanged is called when a number of an account was assigned, changed or
	// taken away, see [Account.Identities]. Wazo's default policy lacks the right to
	// hear of it. A tenant admin hears of all accounts. owner is the account's user, ""
	// if Wazo does not name it.
	IdentitiesChanged(ctx context.Context, owner UUID)
}

// Names of the events about people outside Wazo
// (docs/wazo.md, "Outside participants").
const (
	eventDeliveryStatus  = "chatd_message_delivery_status"
	eventIdentityCreated = "chatd_user_identity_created"
	eventIdentityUpdated = "chatd_user_identity_updated"
	eventIdentityDeleted = "chatd_user_identity_deleted"
)

func outsideEvents() []string {
	return []string{eventDeliveryStatus, eventIdentityCreated, eventIdentityUpdated, eventIdentityDeleted}
}

// outsideEvent is an event about people outside Wazo: a delivery status or, without
// one, a change of the account's numbers.
type outsideEvent struct {
	delivery *DeliveryChange
	owner    UUID // of the numbers that have changed
}

// parseOutsideEvent returns nil for what cannot be read: a message must not be lost
// because of its status.
func parseOutsideEvent(env envelope) *outsideEvent {
	if env.Name != eventDeliveryStatus {
		return &outsideEvent{owner: identityOwner(env.ACL)}
	}
	change := new(DeliveryChange)
	if json.Unmarshal(env.Data, change) != nil {
		return nil
	}
	return &outsideEvent{delivery: change}
}

// identityOwner returns the user in "events.chatd.users.USER.identities.ACTION", "" if it is something else. The data
// of the event does not name the user.
func identityOwner(acl string) UUID {
	rest, isOfUser := strings.CutPrefix(acl, "events.chatd.users.")
	user, _, _ := strings.Cut(rest, ".")
	if owner := NewUUID(user); isOfUser && owner.Valid() {
		return owner
	}
	return ""
}

// tell gives an event about people outside Wazo to a handler that wants it.
func (ev outsideEvent) tell(ctx context.Context, h Handler) error {
	handler, wants := h.(OutsideHandler)
	switch {
	case !wants:
		return nil
	case ev.delivery != nil:
		return handler.DeliveryChanged(ctx, *ev.delivery)
	default:
		handler.IdentitiesChanged(ctx, ev.owner)
		return nil
	}
}
