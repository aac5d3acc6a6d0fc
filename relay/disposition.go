package relay

import (
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
	Reacted                         // it is a reaction to another event
)

// Disposition decides what the relay does with an event. It is the only place where that is decided: for events of
// /sync, for those of a gap, and for those whose keys came late. What an event says to people is known to
// convert.Describe.
func (r *Relay) Disposition(evt Event) Disposition {
	if evt.ParseError != nil {
		return ParseError
	}
	kind := convert.Describe(evt.Event, nil).Kind
	if evt.StateKey != nil {
		if disposition := r.stateDisposition(evt); disposition != NothingToDo || kind == convert.KindSilent {
			return disposition
		}
	}
	switch {
	case evt.Sender == r.matrix.UserID():
		return OwnEcho
	case kind == convert.KindRedacted:
		return Redaction
	case evt.Tag != nil:
		return Tagged
	case r.cfg.Rights.IsIgnored(evt.Sender):
		return Ignored
	case r.isCommand(evt.Event):
		return Command
	case kind == convert.KindSilent:
		return NothingToDo
	case kind == convert.KindReacted:
		return Reacted
	case kind == convert.KindLocked:
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

// isCommand reports whether an event is addressed to the bot.
func (r *Relay) isCommand(evt *event.Event) bool {
	_, ok := r.Command(evt)
	return ok
}
