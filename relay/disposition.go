package relay

import (
	"strings"

	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay/convert"
)

// Disposition says what the relay does with an event of a Matrix room.
type Disposition int

// What an event of a Matrix room is.
const (
	NothingToDo  Disposition = iota // it says nothing to people and changes nothing that concerns the relay
	ParseError                      // it cannot be parsed: a portal parks it
	OwnJoin                         // the bot came into the room
	AccessChange                    // who may enter or read the room was changed
	PowerChange                     // who may speak in the room was changed
	RoomUpgrade                     // the room was replaced by another one
	OwnEcho                         // the bot sent it
	Redaction                       // it takes another event back
	Tagged                          // some relay sent it: relaying it again could go on in a circle
	Ignored                         // its sender is in IGNORED_USERS
	Command                         // it is addressed to the bot
	Encrypted                       // its key is missing, so that it is not known what it is
	Relayed                         // it says something to people
)

// Disposition decides what the relay does with an event. It is the only place where that is decided: for events of /sync, for
// those of a gap, and for those whose keys came late.
func (r *Relay) Disposition(evt Event) Disposition {
	switch {
	case evt.ParseError != nil:
		return ParseError
	case evt.StateKey != nil:
		return r.stateDisposition(evt)
	case evt.Sender == r.matrix.UserID():
		return OwnEcho
	case evt.Type.Type == event.EventRedaction.Type:
		return Redaction
	case evt.Tag != nil:
		return Tagged
	case r.cfg.Rights.IsIgnored(evt.Sender):
		return Ignored
	case r.isCommand(evt.Event):
		return Command
	case !saysSomething(evt.Event):
		return NothingToDo
	case evt.Type.Type == event.EventEncrypted.Type:
		return Encrypted
	default:
		return Relayed
	}
}

func (r *Relay) stateDisposition(evt Event) Disposition {
	switch {
	case isJoinOf(evt, r.matrix.UserID()):
		return OwnJoin
	case ChangesAccess(evt.Event):
		return AccessChange
	case ChangesPower(evt.Event):
		return PowerChange
	case evt.Type.Type == event.StateTombstone.Type:
		return RoomUpgrade
	default:
		return NothingToDo
	}
}

// ChangesAccess reports whether a state event changes who may enter or read a room.
func ChangesAccess(evt *event.Event) bool {
	return evt.Type.Type == event.StateJoinRules.Type || evt.Type.Type == event.StateHistoryVisibility.Type
}

// ChangesPower reports whether a state event changes who may speak in a room.
func ChangesPower(evt *event.Event) bool { return evt.Type.Type == event.StatePowerLevels.Type }

// saysSomething reports whether an event, encrypted or not, says something to people.
func saysSomething(evt *event.Event) bool {
	body, _ := evt.Content.Raw["body"].(string)
	msgType, _ := evt.Content.Raw["msgtype"].(string)
	switch {
	case strings.HasPrefix(evt.Type.Type, verificationPrefix), strings.HasPrefix(msgType, verificationPrefix):
		return false // clients say it to each other
	case evt.Type.Type == event.EventMessage.Type, evt.Type.Type == event.EventSticker.Type, evt.Type.Type == event.EventEncrypted.Type:
		return evt.Redacts == "" && evt.Unsigned.RedactedBecause == nil && len(evt.Content.Raw) > 0
	case isPoll(evt) && convert.Poll(evt.Content.Raw) != nil:
		return true
	default:
		// Types of the future carry a text for those who don't know them.
		return body != ""
	}
}

// verificationPrefix begins the types of all events by which devices verify each other. In a room, the first of them is the type
// of a message.
const verificationPrefix = "m.key.verification."

// isPoll reports whether an event begins a poll, or edits one (MSC3381).
func isPoll(evt *event.Event) bool {
	switch evt.Type.Type {
	case "m.poll.start", event.EventUnstablePollStart.Type:
		return true
	default:
		return false
	}
}

// isCommand reports whether an event is addressed to the bot.
func (r *Relay) isCommand(evt *event.Event) bool {
	_, ok := r.Command(evt)
	return ok
}
