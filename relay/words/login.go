package words

import (
	"strings"
	"time"
)

// WazoUser is a user on Wazo as people know them.
type WazoUser struct {
	Name     string // first and last name; "" if the directory does not tell
	Username string // for logging in; "" if it is not known
}

// show returns the name, and the log-in name behind it.
func (u WazoUser) show() string {
	switch {
	case u.Name == "":
		return "**" + Escape(u.Username) + "**"
	case u.Username == "" || u.Username == u.Name:
		return "**" + Escape(u.Name) + "**"
	default:
		return "**" + Escape(u.Name) + "** (" + Escape(u.Username) + ")"
	}
}

// What the bot says to somebody who wants to log in to Wazo.

// LoginInDirectChat says that a log-in goes on in the direct chat.
func (t Texts) LoginInDirectChat() string {
	return t.say("I've sent you a message in our direct chat. If you are not in that chat yet, accept my invite.")
}

// LoginHere is said in a direct chat that was made for a log-in.
func (t Texts) LoginHere() string {
	return t.say("To log in to your Wazo account, type `%s login` here.", t.prefix)
}

// LoginLink gives a person the address of the page on which they log in. It works for a time.
func (t Texts) LoginLink(user, address string, life time.Duration) string {
	return t.say("To log in to your Wazo account, open this page within %s:\n\n%s\n\n"+
		"The page is for `%s` only. Don't pass its address on: whoever logs in there lets you read and write their Wazo chats.",
		t.Period(int(life.Minutes()), Minutes), address, user)
}

// LoginAskName asks for the name with which a person logs in to Wazo.
func (t Texts) LoginAskName() string {
	return t.say("What is the user name of your Wazo account? If your organisation uses an LDAP directory with a domain, write the domain behind the name, as in `robin, example.org`. " +
		"To stop, write `cancel`. I remove your answers from this chat.")
}

// LoginAskPassword asks for the password of a Wazo account. It does not repeat the name: people may have written their
// password instead.
func (t Texts) LoginAskPassword() string {
	return t.say("What is the password of this Wazo account? I remove your answer as soon as I have read it, and I don't keep the password. To change the user name, write `name`.")
}

// LoginTrying answers what a person says while the bot logs them in.
func (t Texts) LoginTrying() string { return t.say("I am still logging you in. Please wait a moment.") }

// LoginCancelled says that the person has stopped the log-in.
func (t Texts) LoginCancelled() string { return t.say("The log-in is cancelled.") }

// LoginTooLate says that a person took too long to answer.
func (t Texts) LoginTooLate() string {
	return t.say("I waited for ten minutes, and then I ended the log-in. I did not use your message. Type `%s login` to start again.", t.prefix)
}

// LoginRestarted says that the bot was restarted in the middle of a log-in.
func (t Texts) LoginRestarted() string {
	return t.say("I was restarted while you were logging in, so I don't know your first answers any more. Type `%s login` to start again.", t.prefix)
}

// LoginDialogueOver says that no further answer is used.
func (t Texts) LoginDialogueOver() string {
	return t.say("This log-in has ended. Type `%s login` to start again.", t.prefix)
}

// LoginNotUsed answers what a person says after a log-in has failed.
func (t Texts) LoginNotUsed() string {
	return t.say("This log-in has ended. I did not use your message, and I remove it, because it may contain your password. Type `%s login` to start again, or `cancel` to go on chatting.", t.prefix)
}

// LoginNotEncrypted refuses to ask for a password in a room that is not encrypted.
func (t Texts) LoginNotEncrypted() string {
	return t.say("Our direct chat is not encrypted, so I don't ask for your password there. Leave that chat, and type `%s login` again: then I invite you to an encrypted one.", t.prefix)
}

// LoginLinkedRoom refuses to ask for a password in a room whose messages are relayed.
func (t Texts) LoginLinkedRoom() string {
	return t.say("Our direct chat is linked with a Wazo chat, so I don't ask for your password there. Type `%[1]s unlink` there first, and then `%[1]s login`.", t.prefix)
}

// LoginSentInClear says that an answer came without encryption.
func (t Texts) LoginSentInClear() string {
	return t.say("Your app sent this message without encryption. I did not use it, and I have ended the log-in. If it contained your password, change the password on Wazo. Type `%s login` to start again.", t.prefix)
}

// LoginEdited answers an edit of an answer.
func (t Texts) LoginEdited() string {
	return t.say("I can't use a message that you edited. Please send your answer as a new message.")
}

// LoginNotText answers what is no text.
func (t Texts) LoginNotText() string { return t.say("Please send your answer as text.") }

// LoginAlone refuses a login command with something behind it, which may be a password.
func (t Texts) LoginAlone() string {
	return t.say("Please type `%s login` alone. I did not use what you wrote behind it, and I try to remove your message. If it contained your password, change the password on Wazo: others may have read it.", t.prefix)
}

// RemovalReason is the reason that the bot gives when it removes a message.
func (t Texts) RemovalReason() string { return t.say("The message may contain a password.") }

// CannotRemove asks a person to remove a message that the bot may not remove.
func (t Texts) CannotRemove() string {
	return t.say("I may not remove this message. Please remove it yourself, because it may contain your password.")
}

// LoggedIn confirms a log-in. user is a Matrix user ID.
func (t Texts) LoggedIn(user string, as WazoUser) string {
	return t.say("`%s` is logged in to Wazo as %s. From now on, I post your messages on Wazo as you, in the chats of which you are a member there. "+
		"Wazo lists this log-in among your refresh tokens. Type `%s logout` to end it. If this was not you, log out now.", user, as.show(), t.prefix)
}

// AlreadyLoggedIn refuses a second log-in.
func (t Texts) AlreadyLoggedIn(as WazoUser, since time.Time) string {
	return t.say("You are already logged in to Wazo as %s, since %s. To use another account, type `%s logout` first.", as.show(), t.at(since), t.prefix)
}

// WrongPassword says that Wazo refused a log-in. Wazo does not tell why.
func (t Texts) WrongPassword() string {
	return t.say("Wazo refused the log-in. The user name or the password is wrong, or the account is disabled. Please try again.")
}

// AccountDisabled says that Wazo refused a log-in because an administrator has disabled the account.
func (t Texts) AccountDisabled() string {
	return t.say("This Wazo account is disabled, so nobody can log in with it. Please ask the administrator of Wazo to enable it.")
}

// AccountMayNotChat says that an account lacks rights on Wazo, in Wazo's own words.
func (t Texts) AccountMayNotChat(missing []string) string {
	return t.say("This Wazo account may not use chats, so I don't use the log-in. The administrator of Wazo can give it these rights: `%s`.", strings.Join(missing, "`, `"))
}

// LoginLeft says, behind why a log-in was refused, that Wazo could not be told to delete it.
func (t Texts) LoginLeft() string {
	return t.say("I could not delete the log-in on Wazo. Please delete it there among your refresh tokens, or ask the administrator of Wazo to do it.")
}

// LoginServiceDown says that Wazo does not answer log-ins.
func (t Texts) LoginServiceDown() string {
	return t.say("Wazo's log-in service does not answer at the moment. Please try again in a few minutes.")
}

// TooManySessions says that an account has too many sessions.
func (t Texts) TooManySessions() string {
	return t.say("This Wazo account has too many sessions, so Wazo refuses another one. Please try again later, or ask the administrator of Wazo to end some.")
}

// OtherTenant refuses an account of another tenant.
func (t Texts) OtherTenant() string {
	return t.say("This Wazo account belongs to another tenant than the relay, so it cannot chat with the people here. Please use an account of the relay's tenant.")
}

// RelayAccount refuses the account of the relay itself.
func (t Texts) RelayAccount() string {
	return t.say("This is the Wazo account of the relay itself. Please use your own account.")
}

// AccountTaken refuses an account with which another Matrix user is logged in.
func (t Texts) AccountTaken() string {
	return t.say("Another Matrix user is logged in with this Wazo account, so I refused the log-in. I have told them. If it is your account, change its password on Wazo, and ask the administrator of the relay for help.")
}

// AccountWasTried tells a person that somebody else tried to log in with their Wazo account.
func (t Texts) AccountWasTried(user string) string {
	return t.say("`%s` tried to log in with your Wazo account and knew its password. I refused the log-in. If this was not you, change your password on Wazo.", user)
}

// LoginLimited refuses a log-in after too many attempts.
func (t Texts) LoginLimited(wait time.Duration) string {
	return t.say("There were too many attempts to log in. Please try again in %s.", t.Period(max(1, int((wait+time.Minute-1)/time.Minute)), Minutes))
}

// LoginBusy refuses a log-in while too many people log in.
func (t Texts) LoginBusy() string {
	return t.say("Too many people are logging in at this moment. Please try again in a minute.")
}

// LoginFailed says that a log-in failed through no fault of the person.
func (t Texts) LoginFailed() string {
	return t.say("The log-in failed because of an error in the relay. Please try again, or ask the administrator of the relay to look into the log.")
}

// LoginUnderWay refuses to log a person in or out while that is being done already.
func (t Texts) LoginUnderWay() string {
	return t.say("I am logging you in or out already. Please try again in a moment.")
}

// LoginNameMissing says that a field is empty.
func (t Texts) LoginNameMissing() string {
	return t.say("Please enter your user name and your password.")
}

// LoginTooLong says that a field is longer than any name or password.
func (t Texts) LoginTooLong() string {
	return t.say("The user name, the password or the domain is too long.")
}

// MappingEnded tells an administrator that a log-in has ended a mapping that they had made.
func (t Texts) MappingEnded(user, mapped string, as WazoUser) string {
	return t.say("`%s` has logged in to Wazo as %s, whom you had mapped to `%s`. That mapping has ended.", user, as.show(), mapped)
}

// What the bot answers to those who are logged in, and to administrators.

// LoggedOut confirms a log-out.
func (t Texts) LoggedOut(as WazoUser) string {
	return t.say("You are logged out. I was logged in to Wazo as %s for you. I have deleted the log-in here and on Wazo.", as.show())
}

// LoggedOutHere confirms a log-out while Wazo cannot be told.
func (t Texts) LoggedOutHere(as WazoUser) string {
	return t.say("You are logged out. I don't use the Wazo account of %s any more. Wazo does not answer at the moment, so I will delete the log-in there later.", as.show())
}

// LoggedOutKept confirms a log-out if Wazo does not let the account delete its log-ins.
func (t Texts) LoggedOutKept(as WazoUser) string {
	return t.say("You are logged out. I don't use the Wazo account of %s any more, and I have deleted the log-in here. Wazo does not allow this account to delete it there: please ask the administrator of Wazo to do it.", as.show())
}

// NotLoggedIn says that a person is not logged in.
func (t Texts) NotLoggedIn() string {
	return t.say("You are not logged in to Wazo. Type `%s login` to log in.", t.prefix)
}

// LoginState is what is known of a log-in.
type LoginState struct {
	User    string // the Matrix user ID
	As      WazoUser
	Since   time.Time
	Refused bool // Wazo does not accept it any more
	Leaving bool // the person has logged out, and Wazo could not be told yet
}

// LoggedInAs tells a person about their log-in.
func (t Texts) LoggedInAs(login LoginState) string {
	if login.Refused {
		return t.say("You logged in to Wazo as %s on %s, but Wazo no longer accepts this log-in. Type `%s login` to log in again.", login.As.show(), t.at(login.Since), t.prefix)
	}
	return t.say("You are logged in to Wazo as %s, since %s. Type `%s logout` to log out.", login.As.show(), t.at(login.Since), t.prefix)
}

// MappedTo tells a person that an administrator has mapped them.
func (t Texts) MappedTo(as WazoUser, by string) string {
	return t.say("You are not logged in to Wazo. The administrator `%s` has mapped you to %s, so people on both sides see your right name. %s Type `%s login` to post as yourself.", by, as.show(), t.postedForYou(), t.prefix)
}

// Logins lists who is logged in.
func (t Texts) Logins(logins []LoginState) string {
	if len(logins) == 0 {
		return t.say("Nobody is logged in to Wazo.")
	}
	var b strings.Builder
	b.WriteString(t.say("These people are logged in to Wazo:") + "\n\n")
	for _, login := range logins {
		b.WriteString("- " + t.say("`%s` as %s, since %s", login.User, login.As.show(), t.at(login.Since)))
		if login.Refused {
			b.WriteString(" – " + t.say("Wazo no longer accepts this log-in"))
		} else if login.Leaving {
			b.WriteString(" – " + t.say("logged out; the log-in is still to be deleted on Wazo"))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// MapUsage explains the map command.
func (t Texts) MapUsage() string {
	return t.say("Who is who? Type `%[1]s map <Matrix user> <Wazo user>`, as in `%[1]s map @robin:example.org Robin Smith`. The Wazo user is a name, an e-mail address, an extension or a UUID.", t.prefix)
}

// Mapped confirms a mapping.
func (t Texts) Mapped(user string, as WazoUser) string {
	return t.say("`%s` is now mapped to %s. People on both sides now see this person's right name. %s", user, as.show(), t.postedForThem())
}

// MapLoggedIn refuses to map a person who is logged in.
func (t Texts) MapLoggedIn(user string, as WazoUser) string {
	return t.say("`%s` is logged in to Wazo as %s. I don't map people who are logged in.", user, as.show())
}

// MapRelayAccount refuses to map a person to the account of the relay.
func (t Texts) MapRelayAccount() string {
	return t.say("Nobody can be mapped to the relay's own Wazo account.")
}

// MapBot refuses to map the bot.
func (t Texts) MapBot() string { return t.say("I can't map myself to a user on Wazo.") }

// UnmapUsage explains the unmap command.
func (t Texts) UnmapUsage() string {
	return t.say("Whose mapping is to end? Type `%s unmap <Matrix user or Wazo user>`.", t.prefix)
}

// Unmapped confirms that a mapping has ended.
func (t Texts) Unmapped(user string, was WazoUser) string {
	return t.say("`%s` is no longer mapped to %s.", user, was.show())
}

// NotMapped says that there is no such mapping.
func (t Texts) NotMapped(who string) string {
	return t.say("`%s` is not mapped. Type `%s map <Matrix user> <Wazo user>` to map somebody.", who, t.prefix)
}

// What people see in their browser instead of the form for logging in.
const (
	LoginPageInvalid Phrase = "This link is not valid, or no longer valid. A link works for ten minutes, or until you ask for a new one. Please ask the bot for a new link in your chat."
	LoginPageUsed    Phrase = "This link was already used. If you still want to log in, please ask the bot for a new link in your chat."
	LoginPageTries   Phrase = "This link was used up by too many attempts. Please ask the bot for a new link in your chat."
	LoginPageOther   Phrase = "This link was opened in another browser first. If that was not you, somebody else knows the link. Please ask the bot for a new link in your chat."
	LoginPageForged  Phrase = "This form did not come from the page of the relay, or your browser does not keep cookies. Please open the link again and allow cookies."
	LoginPageHost    Phrase = "This is not the address at which people reach the relay. Please open the link again. If this happens again, tell the administrator of the relay."
	LoginPageBad     Phrase = "The relay cannot read this form. Please open the link again."
)
