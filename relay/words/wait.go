package words

import "time"

// Wait is what a queue waits for although nothing is paused, which [Status] says in words. Each wait ends by itself.
type Wait string

// What queues wait for.
const (
	WaitNothing   Wait = ""
	WaitLogins    Wait = "logins"     // the record of who has logged in to Wazo
	WaitStart     Wait = "start"      // the start of the link
	WaitGap       Wait = "gap"        // what /sync left out
	WaitDelivered Wait = "delivered"  // what was delivered before the relay started
	WaitHistory   Wait = "history"    // what was said on Wazo while the relay did not listen
	WaitJoin      Wait = "join"       // somebody who joins the room of a conversation
	WaitLateEvent Wait = "late_event" // messages of Wazo that may come in the wrong order
	WaitOwn       Wait = "own"        // whether a message is one that the relay has posted for somebody
	WaitReplyMark Wait = "reply_mark" // whether a message is a reply
	WaitTextLimit Wait = "text_limit" // that another text message may be sent
)

// Standstill is that a queue waits.
type Standstill struct {
	For  Wait
	Time time.Duration // so far
}

// wait says what a queue waits for, behind "waiting for ".
func (t Texts) wait(wait Wait) string {
	switch wait {
	case WaitLogins:
		return t.say("the homeserver, which keeps a list of who has logged in to Wazo")
	case WaitStart:
		return t.say("the homeserver, which has not confirmed the start of the link yet")
	case WaitGap:
		return t.say("the homeserver, which left out messages that I now read")
	case WaitDelivered:
		return t.say("a list of what was delivered before I was started, so that nothing is delivered twice")
	case WaitHistory:
		return t.say("Wazo, where I read what was said while I did not listen")
	case WaitJoin:
		return t.say("the first person to join this room")
	case WaitLateEvent:
		return t.say("earlier messages of Wazo that may still come")
	case WaitOwn:
		return t.say("Wazo, which has not confirmed yet whether a message is one that was posted from this room")
	case WaitReplyMark:
		return t.say("Wazo, which may still mark a message as a reply")
	case WaitTextLimit:
		return t.say("the moment when the limit of text messages per hour allows the next one")
	default:
		return string(wait)
	}
}
