package words

import (
	"fmt"
	"time"
)

// NotDelivered tells a Matrix sender why a message was not delivered to Wazo.
func NotDelivered(why string) string {
	return "This message was not delivered to Wazo: " + why
}

// CannotShow stands in a Matrix room for a Wazo message that can't be shown there.
func CannotShow(name, why string) string {
	return fmt.Sprintf("A message from %s on Wazo can't be shown here: %s", Escape(name), why)
}

// Paused says that a link is paused, why, and what to do.
func Paused(why string) string {
	return "I can't relay at the moment: " + why + " Messages are kept and delivered once this is fixed."
}

// GoesOn says that a paused link works again.
const GoesOn = "Relaying messages again."

// Outage says that a service has not been reachable for a minute.
func Outage(service string) string {
	return service + " can't be reached at the moment. Messages are kept and delivered in order once it is back."
}

// OutageOver says that the service can be reached again.
func OutageOver(service string) string { return service + " is back. Messages are delivered again." }

// GapLost says that the bot can't read a part of the room's history.
const GapLost = "I was away and can't read what was said here in the meantime. It was not delivered to Wazo. Please send again what is still needed."

// RemovedFromRoom tells the person who linked a room that the bot was removed from it.
func RemovedFromRoom(matrixRoom, title, prefix string) string {
	return fmt.Sprintf("I was removed from %s (`%s`), which is linked with **%s**. Messages from Wazo are kept. "+
		"Invite me again to continue, or type `%s unlink %s` here to end the link.",
		"https://matrix.to/#/"+matrixRoom, matrixRoom, Escape(title), prefix, matrixRoom)
}

// Reasons why something failed. Each begins in lower case, unless with "I", because it follows a colon, and ends with a full
// stop. It does not depend on what is before the colon: the status shows it as the last error, too.
const (
	WhyTooLarge      = "the message is too large."
	WhyRefused       = "the server rejected the request as invalid."
	WhyUnreadable    = "I could not understand the content of the message."
	WhyUndecryptable = "the message can't be decrypted with any key. Please send it again."
	WhyBroken        = "the relay had an internal error. Its log has the details."
	WhyNoPermission  = "the relay's Wazo account lacks a permission. An administrator of Wazo must grant it."
	WhyNoRoomOnWazo  = "the chat no longer exists on Wazo, or the relay's Wazo account is not a member of it. An administrator of Wazo must check this."
	WhyConflict      = "Wazo does not accept my messages in this chat, perhaps because it has participants outside Wazo."
	WhyLogin         = "the relay can't log in to Wazo. The relay's administrator must check the user name and the password."
	WhyTooManyLogins = "Wazo does not accept another log-in of the relay's account at the moment."
	WhyForbidden     = "I don't have permission to send messages in this room. Please give me the power level for it."
	WhyRemoved       = "I am no longer in the Matrix room. Please invite me again."
	WhyOpened        = "this room is open to strangers. Close it, or ask an administrator of the relay to accept this with the link command and `--public`."
	WhyService       = "the server can't be reached, or it answers with an error."
)

// WhyNoKey says that the key of a message is missing, and for how long the message is kept.
func WhyNoKey(kept time.Duration) string {
	return "I could not decrypt it. If its key reaches me within " + period(kept) + ", I deliver the message late. You can also send it again."
}

// WhyKeyWithheld says that the sender's client decided not to share the key of a message, and for how long the message is kept.
func WhyKeyWithheld(kept time.Duration) string {
	return "your app did not share the key of the message with me, perhaps because it does not trust my device. " +
		"If the key reaches me within " + period(kept) + ", I deliver the message late. You can also send it again."
}

// KeyNeverCame tells the sender that the relay drops a message because its key did not come in time.
func KeyNeverCame(kept time.Duration) string {
	return "I could not deliver this message to Wazo, because its key did not reach me within " + period(kept) + ". Please send it again if it is still needed."
}

// period says in words how long something takes.
func period(d time.Duration) string {
	if days := int(d / (24 * time.Hour)); days > 1 {
		return fmt.Sprintf("%d days", days)
	}
	return d.String()
}

// LastError is what the status command shows of the latest failure.
func LastError(when time.Time, why string) string {
	return when.UTC().Format("2006-01-02 15:04 UTC: ") + why
}

// ServiceWazo names the service in an outage.
const ServiceWazo = "Wazo"
