package words

// Why is a reason why something failed, which [Texts.Why] says in words.
type Why string

// The reasons.
const (
	WhyTooLarge          Why = "too_large"
	WhyWazoRefused       Why = "wazo_refused"
	WhyHomeserverRefused Why = "homeserver_refused"
	WhyUnreadable        Why = "unreadable"
	WhyUndecryptable     Why = "undecryptable"
	WhyBroken            Why = "broken"
	WhyNoPermission      Why = "no_permission"
	WhyNoRoomOnWazo      Why = "no_room_on_wazo"
	WhyNoReader          Why = "no_reader"
	WhyOwnAccount        Why = "own_account"
	WhyOwnLogin          Why = "own_login"
	WhyLinkerLeft        Why = "linker_left"
	WhyConflict          Why = "conflict"
	WhyLogin             Why = "login"
	WhyTooManyLogins     Why = "too_many_logins"
	WhyForbidden         Why = "forbidden"
	WhyRemoved           Why = "removed"
	WhyOpened            Why = "opened"
	WhyWazoFails         Why = "wazo_fails"
	WhyHomeserverFails   Why = "homeserver_fails"
	WhyService           Why = "service" // it is not known which one

	// The reasons why no text message is sent to somebody outside Wazo.
	WhyUnreachable   Why = "unreachable"
	WhyNoNumber      Why = "no_number"
	WhyWhichNumber   Why = "which_number"
	WhyNumbersHidden Why = "numbers_hidden"
	WhyNumberGone    Why = "number_gone"

	// The reasons why the relay is not well, besides those above.
	WhyNoSync         Why = "no_sync"
	WhyCatchingUp     Why = "catching_up"
	WhyLoginFails     Why = "login_fails"
	WhyChatFails      Why = "chat_fails"
	WhyEventsFail     Why = "events_fail"
	WhyWebhookFails   Why = "webhook_fails"
	WhyWebhookSilent  Why = "webhook_silent"
	WhyDirectoryFails Why = "directory_fails"
	WhyDatabaseFails  Why = "database_fails"
	WhyMatrixSilent   Why = "matrix_silent"
	WhyWazoSilent     Why = "wazo_silent"
)

// Why says a reason. The sentence begins in lower case, unless with "I", because it follows a colon, and it ends with a
// full stop. It is about a message; [Texts.WhyWithoutMessage] is for everything else.
func (t Texts) Why(why Why) string {
	switch why {
	case WhyTooLarge:
		return t.say("the message is too large.")
	case WhyWazoRefused:
		return t.say("Wazo rejected the request as invalid.")
	case WhyHomeserverRefused:
		return t.say("the homeserver rejected the request as invalid.")
	case WhyUnreadable:
		return t.say("I could not understand the content of the message.")
	case WhyUndecryptable:
		return t.say("the message cannot be decrypted with any key. Please send it again.")
	case WhyBroken:
		return t.say("the relay had an internal error. Its log has the details.")
	case WhyNoPermission:
		return t.say("the relay's Wazo account lacks a permission. An administrator of Wazo must grant it.")
	case WhyNoRoomOnWazo:
		return t.say("the chat no longer exists on Wazo, or the relay's Wazo account is not a member of it. An administrator of Wazo must check this.")
	case WhyNoReader:
		return t.say("no member of the Wazo chat is logged in to Wazo here. The messages are relayed as soon as a member logs in: type `%s login` in a direct chat with me.", t.prefix)
	case WhyLinkerLeft:
		return t.say("the person who linked the room has logged out of Wazo, or Wazo no longer accepts the log-in.")
	case WhyOwnAccount:
		return t.say("your Wazo account cannot post in this chat at the moment, and nobody else may post for you.")
	case WhyOwnLogin:
		return t.say("Wazo no longer accepts your log-in, and nobody else may post for you. Type `%[1]s login` in a direct chat with me, and then `%[1]s retry` here.", t.prefix)
	case WhyConflict:
		return t.say("Wazo does not accept my messages in this chat, perhaps because it has participants outside Wazo.")
	case WhyLogin:
		return t.say("the relay cannot log in to Wazo. The relay's administrator must check the user name and the password.")
	case WhyTooManyLogins:
		return t.say("Wazo does not accept another log-in of the relay's account at the moment.")
	case WhyForbidden:
		return t.say("I don't have permission to send messages in the Matrix room. Please give me the power level for it.")
	case WhyRemoved:
		return t.say("I am no longer in the Matrix room. Please invite me again.")
	case WhyOpened:
		return t.say("the Matrix room is open to strangers. Close it, or ask an administrator of the relay to accept this by typing `%s link --public` there.", t.prefix)
	case WhyWazoFails:
		return t.say("Wazo cannot be reached, or it answers with an error.")
	case WhyHomeserverFails:
		return t.say("the homeserver cannot be reached, or it answers with an error.")
	case WhyService:
		return t.say("the homeserver, Wazo or the relay has a problem. The relay's log has the details.")
	case WhyUnreachable:
		return t.say("Wazo cannot send text messages to this number. It may be a short code that nobody can answer, or the text message service of Wazo is switched off.")
	case WhyNoNumber:
		return t.say("you have no number on Wazo from which a text message can be sent here. The other side may be a short code that nobody can answer, or an administrator of Wazo must assign you a number.")
	case WhyWhichNumber:
		return t.say("you have several numbers. Type `%[1]s number <number>` here to choose one, and then `%[1]s retry`.", t.prefix)
	case WhyNumbersHidden:
		return t.say("your Wazo account may not see its own numbers any more. An administrator of Wazo must allow it. Then type `%[1]s logout` and `%[1]s login` in our direct chat, and `%[1]s retry` here.", t.prefix)
	case WhyNumberGone:
		return t.say("the number from which it was to be sent does not belong to your Wazo account any more. Type `%[1]s number` here to see your numbers, and then `%[1]s retry`.", t.prefix)
	case WhyNoSync:
		return t.say("the homeserver has not answered yet.")
	case WhyCatchingUp:
		return t.say("I have started, and I am still finding out what was written on Wazo meanwhile.")
	case WhyLoginFails:
		return t.say("wazo-auth cannot be reached, or it answers with an error. Without it, Wazo accepts no messages.")
	case WhyChatFails:
		return t.say("wazo-chatd cannot be reached, or it answers with an error.")
	case WhyEventsFail:
		return t.say("the connection for Wazo's events is closed, because wazo-websocketd, RabbitMQ or the network fails. Messages from Wazo come late.")
	case WhyWebhookFails:
		return t.say("wazo-webhookd does not accept the relay's webhook, because wazo-webhookd, its database or the network fails. Messages from Wazo come late.")
	case WhyWebhookSilent:
		return t.say("wazo-webhookd has the relay's webhook, but it sends nothing there, because RabbitMQ fails or because the Wazo server cannot reach the relay at `PUBLIC_URL`. Messages from Wazo come late.")
	case WhyDirectoryFails:
		return t.say("the directory of Wazo (wazo-dird or wazo-confd) cannot be reached, or it answers with an error. People on Wazo may appear under other names.")
	case WhyMatrixSilent:
		return t.say("a message that the relay sent to itself on Matrix does not come back, although the homeserver answers.")
	case WhyWazoSilent:
		return t.say("the events of Wazo do not come, although the connection for them is open. Messages from Wazo come late. An administrator of Wazo must check RabbitMQ and wazo-websocketd.")
	case WhyDatabaseFails:
		return t.say("the relay cannot store anything in its database, so nothing is relayed. Perhaps its disk is full.")
	default:
		return string(why)
	}
}

// undecryptable says WhyUndecryptable without the advice.
const undecryptable Phrase = "the message cannot be decrypted with any key."

// whyOnWazo says to people on Wazo why a link is paused. They can do nothing in the Matrix room.
func (t Texts) whyOnWazo(why Why) string {
	switch why {
	case WhyForbidden:
		return t.say("I don't have permission to send messages in the Matrix room. A moderator of that room must give me the power level for it.")
	case WhyNoReader:
		return t.say("no member of this chat is logged in to Wazo from Matrix any more.")
	case WhyRemoved:
		return t.say("I am no longer in the Matrix room. Somebody in that room must invite me again.")
	case WhyOpened:
		return t.say("the Matrix room is open to strangers. A moderator of that room must close it, or an administrator of the relay must allow this in that room.")
	default:
		return t.Why(why)
	}
}

// WhyWithoutMessage says why something failed that is not a message: a command, or the beginning of a link.
func (t Texts) WhyWithoutMessage(why Why) string {
	switch why {
	case WhyTooLarge:
		return t.say("the request is too large.")
	case WhyUnreadable, WhyUndecryptable:
		return t.Why(WhyBroken)
	default:
		return t.Why(why)
	}
}
