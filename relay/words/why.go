package words

// Why is a reason why something failed, which [Texts.Why] says in words.
type Why string

// The reasons.
const (
	WhyTooLarge      Why = "too_large"
	WhyRefused       Why = "refused"
	WhyUnreadable    Why = "unreadable"
	WhyUndecryptable Why = "undecryptable"
	WhyBroken        Why = "broken"
	WhyNoPermission  Why = "no_permission"
	WhyNoRoomOnWazo  Why = "no_room_on_wazo"
	WhyConflict      Why = "conflict"
	WhyLogin         Why = "login"
	WhyTooManyLogins Why = "too_many_logins"
	WhyForbidden     Why = "forbidden"
	WhyRemoved       Why = "removed"
	WhyOpened        Why = "opened"
	WhyService       Why = "service"
)

// Why says a reason. The sentence begins in lower case, unless with "I", because it follows a colon, and it ends with a full
// stop. It does not depend on what is before the colon: the status shows it as the last error, too.
func (t Texts) Why(why Why) string {
	switch why {
	case WhyTooLarge:
		return "the message is too large."
	case WhyRefused:
		return "the server rejected the request as invalid."
	case WhyUnreadable:
		return "I could not understand the content of the message."
	case WhyUndecryptable:
		return "the message can't be decrypted with any key. Please send it again."
	case WhyBroken:
		return "the relay had an internal error. Its log has the details."
	case WhyNoPermission:
		return "the relay's Wazo account lacks a permission. An administrator of Wazo must grant it."
	case WhyNoRoomOnWazo:
		return "the chat no longer exists on Wazo, or the relay's Wazo account is not a member of it. An administrator of Wazo must check this."
	case WhyConflict:
		return "Wazo does not accept my messages in this chat, perhaps because it has participants outside Wazo."
	case WhyLogin:
		return "the relay can't log in to Wazo. The relay's administrator must check the user name and the password."
	case WhyTooManyLogins:
		return "Wazo does not accept another log-in of the relay's account at the moment."
	case WhyForbidden:
		return "I don't have permission to send messages in this room. Please give me the power level for it."
	case WhyRemoved:
		return "I am no longer in the Matrix room. Please invite me again."
	case WhyOpened:
		return "this room is open to strangers. Close it, or ask an administrator of the relay to accept this with `" + t.prefix + " link --public`."
	case WhyService:
		return "the server can't be reached, or it answers with an error."
	default:
		return string(why)
	}
}
