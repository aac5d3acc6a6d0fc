package harness

import (
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Match is a condition on an event, for Client.WaitEvent.
type Match = func(*event.Event) bool

// All matches what matches each of the conditions.
func All(conditions ...Match) Match {
	return func(evt *event.Event) bool {
		for _, condition := range conditions {
			if !condition(evt) {
				return false
			}
		}
		return true
	}
}

// From matches what that user sent.
func From(user id.UserID) Match {
	return func(evt *event.Event) bool { return evt.Sender == user }
}

// HasID matches one event.
func HasID(eventID id.EventID) Match {
	return func(evt *event.Event) bool { return evt.ID == eventID }
}

// Says matches messages of any type (after decryption) whose body contains text.
func Says(text string) Match {
	return func(evt *event.Event) bool {
		return evt.Type == event.EventMessage && strings.Contains(evt.Content.AsMessage().Body, text)
	}
}

// Notice matches an m.notice whose body contains text.
func Notice(text string) Match {
	return All(Says(text), func(evt *event.Event) bool {
		return evt.Content.AsMessage().MsgType == event.MsgNotice
	})
}

// ReadBy matches a receipt that says that user has read the room up to that
// event: how a person sees that the relay has delivered a message.
func ReadBy(user id.UserID, eventID id.EventID) Match {
	return func(evt *event.Event) bool {
		if evt.Type != event.EphemeralEventReceipt {
			return false
		}
		_, read := (*evt.Content.AsReceipt())[eventID][event.ReceiptTypeRead][user]
		return read
	}
}

// Membership matches that user's join, invitation, leave or ban.
func Membership(user id.UserID, membership event.Membership) Match {
	return func(evt *event.Event) bool {
		return evt.Type == event.StateMember && evt.GetStateKey() == user.String() &&
			evt.Content.AsMember().Membership == membership
	}
}
