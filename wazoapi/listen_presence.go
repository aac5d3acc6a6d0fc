package wazoapi

import (
	"context"
	"encoding/json"
)

// PresenceHandler is a [Handler] that also hears when the presence of the account
// itself was set. Wazo sends such an event also if it was set to what it was before
// (docs/wazo.md, "Presences").
type PresenceHandler interface {
	Handler
	// HearsPresence reports whether OwnPresenceUpdated is to be called. It is asked
	// when a connection begins.
	HearsPresence() bool
	// OwnPresenceUpdated is called for each event about the account's own presence:
	// it was set, or a session of the account has begun or ended.
	OwnPresenceUpdated(ctx context.Context)
}

// eventPresenceUpdated goes to the whole tenant (docs/wazo.md, "Chat events").
const eventPresenceUpdated = "chatd_presence_updated"

// PresenceScopes returns the rights that an account needs to set its own presence
// and to hear of that, in the form that [Account.CheckScopes] takes.
func PresenceScopes(own UUID) []string {
	return []string{
		"chatd.users." + string(own) + ".presences.read",
		"chatd.users." + string(own) + ".presences.update",
		"events.chatd.users." + string(own) + ".presences.updated",
	}
}

// presenceWatch is what a stream has to do with presences.
type presenceWatch struct {
	h   PresenceHandler // nil if nobody wants to hear of them
	own UUID            // the account's user
}

func newPresenceWatch(h Handler, own UUID) presenceWatch {
	if wants, ok := h.(PresenceHandler); ok && wants.HearsPresence() {
		return presenceWatch{wants, own}
	}
	return presenceWatch{}
}

// events returns what is to be subscribed to.
func (w presenceWatch) events() []string {
	if w.h == nil {
		return nil
	}
	return []string{eventPresenceUpdated}
}

// concerns reports whether the handler is to hear of somebody's presence.
func (w presenceWatch) concerns(user UUID) bool { return w.h != nil && user == w.own }

// parsePresenceEvent returns whose presence an event is about, nil if it cannot be
// read: a message must not be lost because of a presence.
func parsePresenceEvent(data json.RawMessage) *UUID {
	var presence struct {
		UUID UUID `json:"uuid"`
	}
	if json.Unmarshal(data, &presence) != nil || presence.UUID == "" {
		return nil
	}
	return &presence.UUID
}
