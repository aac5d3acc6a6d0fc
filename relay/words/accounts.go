package words

// LogInEnded tells a person that Wazo does not accept the log-in of their account any more.
func (t Texts) LogInEnded(username string) string {
	return t.say("Wazo no longer accepts your log-in as %s: it was revoked, or your account was disabled, renamed or deleted. "+
		"Type `%s login` here to log in again. Until then, %s", Escape(username), t.prefix, t.heardAs())
}

// LogInWithdrawn tells a person who may no longer use the bot that their log-in has ended.
func (t Texts) LogInWithdrawn(username string) string {
	return t.say("You may no longer use this bot, so I have ended your log-in to Wazo as %s. From now on, %s", Escape(username), t.heardAs())
}

// heardAs says how a person without an account on Wazo is heard there. The sentence begins in lower case.
func (t Texts) heardAs() string {
	if t.noRelayAccount {
		return t.say("people on Wazo do not see your messages.")
	}
	return t.say("your messages go out through the relay's account, in the chats that this account is a member of.")
}

// postedForYou tells a person without a log-in who posts their messages.
func (t Texts) postedForYou() string {
	if t.noRelayAccount {
		return t.say("Without a log-in, nobody posts your messages on Wazo.")
	}
	return t.say("I post your messages with the relay's account.")
}

// postedForThem tells an administrator who posts the messages of a person without a log-in.
func (t Texts) postedForThem() string {
	if t.noRelayAccount {
		return t.say("Without a log-in, nobody posts their messages on Wazo.")
	}
	return t.say("I post their messages with the relay's account.")
}

// NotHeardOnWazo tells the sender of a message that nobody can post it on Wazo, and what to do. loggedIn says whether
// they have logged in.
func (t Texts) NotHeardOnWazo(matrixRoom, title string, loggedIn bool) string {
	why := t.say("you are not logged in to Wazo. If you have a Wazo account that is a member of this chat, type `%s login` here.", t.prefix)
	if loggedIn {
		why = t.say("your Wazo account is not a member of this chat. Type `%s whoami` here to see how you are logged in.", t.prefix)
	}
	return t.say("People on Wazo do not see your messages in %s (`%s`), which is linked with **%s**: %s "+
		"I will not repeat this notice unless something changes.", matrixTo(matrixRoom), matrixRoom, Escape(title), why)
}

// NobodyLoggedIn says, in a status, that nothing is relayed because there is no account on Wazo yet.
func (t Texts) NobodyLoggedIn() string {
	return t.say("nobody has logged in yet, and the relay has no account of its own")
}

// NoRelayAccount refuses what only the relay's own account could do.
func (t Texts) NoRelayAccount() string {
	return t.say("The relay has no Wazo account of its own, so it cannot do that. Type `%s login` in a direct chat with me to use your own account.", t.prefix)
}

// NoDirectory refuses a search for people: nobody could ask Wazo.
func (t Texts) NoDirectory() string {
	return t.say("I cannot search the directory of Wazo, because nobody has logged in to Wazo yet. Type `%s login` in a direct chat with me to log in.", t.prefix)
}

// LogInIsRelays tells a person that their log-in has ended because the relay itself uses the account now.
func (t Texts) LogInIsRelays(username string) string {
	return t.say("I have ended your log-in to Wazo as %s: the relay itself uses this account now. "+
		"From now on, %s To post as yourself, type `%s login` here and use an account of your own.", Escape(username), t.heardAs(), t.prefix)
}

// LogInOfOtherTenant tells a person that their log-in has ended because the relay uses another tenant of Wazo now.
func (t Texts) LogInOfOtherTenant(username string) string {
	return t.say("I have ended your log-in to Wazo as %s: the relay uses another tenant of Wazo now, to which this account does not belong. "+
		"From now on, %s To post as yourself, type `%s login` here and use an account of the relay's tenant.", Escape(username), t.heardAs(), t.prefix)
}

// Instead is a reason why the relay's account posts a message on Wazo although its sender has an account there.
type Instead string

// The reasons.
const (
	InsteadNoMember      Instead = "no_member"
	InsteadNoPermission  Instead = "no_permission"
	InsteadConflict      Instead = "conflict"
	InsteadTooManyLogins Instead = "too_many_logins"
	InsteadLogInFails    Instead = "log_in_fails"
	InsteadAccountFails  Instead = "account_fails"
)

// PostedInstead tells the sender of a message that the relay's account has posted it, and not their own, and why.
func (t Texts) PostedInstead(matrixRoom, title string, why Instead) string {
	return t.say("Your message in %s (`%s`), which is linked with **%s**, went out through the relay's account and not through your own: %s "+
		"I will not repeat this notice unless something changes.", matrixTo(matrixRoom), matrixRoom, Escape(title), t.instead(why))
}

// instead says a reason. The sentence follows a colon.
func (t Texts) instead(why Instead) string {
	switch why {
	case InsteadNoMember:
		return t.say("your Wazo account is not a member of this chat.")
	case InsteadNoPermission:
		return t.say("your Wazo account lacks a permission. An administrator of Wazo must grant it.")
	case InsteadConflict:
		return t.say("Wazo does not accept messages of your account in this chat.")
	case InsteadTooManyLogins:
		return t.say("Wazo does not accept another log-in of your account at the moment.")
	case InsteadLogInFails:
		return t.say("I cannot log in to Wazo as you at the moment.")
	case InsteadAccountFails:
		return t.say("at the moment, Wazo answers requests of your account with errors, or not at all.")
	default:
		return t.say("your account cannot post there.")
	}
}
