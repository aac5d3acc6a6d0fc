package words

import (
	"fmt"
	"time"
)

// NotDelivered tells a Matrix sender that a message is parked.
func NotDelivered(why string) string {
	return "This message was not delivered to Wazo: " + why
}

// CannotShow stands in a Matrix room for a Wazo message that cannot be shown.
func CannotShow(name, why string) string {
	return fmt.Sprintf("A message from %s on Wazo could not be shown here: %s", Escape(name), why)
}

// Paused says why a portal relays nothing, and what to do.
func Paused(why string) string {
	return "I can't relay at the moment: " + why + " Messages are kept and go out as soon as it works again."
}

// GoesOn says that a paused portal relays again.
const GoesOn = "Relaying again."

// Outage is said when a service has been away for a minute.
func Outage(service string) string {
	return service + " can't be reached at the moment. Messages are kept and go out, in order, when it is back."
}

// OutageOver is said when it is back.
func OutageOver(service string) string { return service + " is back, messages go out again." }

// GapLost says that a stretch of the timeline could not be read.
const GapLost = "I was away and can't read what was said here in the meantime, so that was not relayed to Wazo."

// RemovedFromRoom tells the person who linked a room that the bot was removed from it.
func RemovedFromRoom(matrixRoom, title, prefix string) string {
	return fmt.Sprintf("I was removed from %s (`%s`), which is linked with **%s**. Messages from Wazo are kept. Invite me again to go on, or type `%s unlink %s` here.",
		"https://matrix.to/#/"+matrixRoom, matrixRoom, Escape(title), prefix, matrixRoom)
}

// Why something failed: ends of the sentences above.
const (
	WhyTooLarge      = "it is too large."
	WhyRefused       = "it was refused as invalid."
	WhyUnreadable    = "its content could not be understood."
	WhyUndecryptable = "it is encrypted in a way that I can't decrypt. Please send it again."
	WhyEmpty         = "there is nothing in it that can be shown."
	WhyBroken        = "an error of mine; the log knows more."
	WhyNoPermission  = "the relay's Wazo account lacks a permission for this chat; an administrator of Wazo must give it."
	WhyNoRoomOnWazo  = "the chat does not exist on Wazo any more, or the relay account may not enter it."
	WhyConflict      = "Wazo refuses messages in this chat."
	WhyLogin         = "the relay can't log in on Wazo; its administrator must check the password."
	WhyTooManyLogins = "Wazo refuses another log-in of the relay account for now."
	WhyForbidden     = "I may not send messages in this room; give me the power level for that."
	WhyRemoved       = "I am not in the Matrix room any more; invite me again."
	WhyOpened        = "this room is open to strangers; close it, or an administrator of the relay confirms with the link command and --public."
	WhyService       = "the server can't be reached."
)

// WhyNoKey says that the key of a message is missing, and for how long it is kept.
func WhyNoKey(kept time.Duration) string {
	return "I could not decrypt it. If its key reaches me within " + period(kept) + ", I post it late; or send it again."
}

// WhyKeyWithheld says that the sender's client decided not to share the key of a message, and for how long it is kept.
func WhyKeyWithheld(kept time.Duration) string {
	return "your app did not share its key with me, perhaps because it does not trust my device. If it does so within " + period(kept) + ", I post it late; or send it again."
}

// KeyNeverCame tells the sender that a message is given up.
func KeyNeverCame(kept time.Duration) string {
	return "I gave this message up: its key did not reach me within " + period(kept) + "."
}

// period says in words how long something is.
func period(d time.Duration) string {
	if days := int(d / (24 * time.Hour)); days > 1 {
		return fmt.Sprintf("%d days", days)
	}
	return d.String()
}

// LastError is what the status shows of a failure.
func LastError(when time.Time, why string) string {
	return when.UTC().Format("2006-01-02 15:04 UTC: ") + why
}

// ServiceWazo names the service in an outage.
const ServiceWazo = "Wazo"
