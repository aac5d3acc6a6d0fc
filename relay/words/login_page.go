package words

// What the page says on which people log in to Wazo, as Markdown. Phrases of which only the page knows stand in its
// template, bot/login/page.html.

// The titles of the page, and what stands before them in the title of the window if something went wrong.
const (
	LoginFormTitle   Phrase = "Log in to Wazo"
	LoginFormDone    Phrase = "You are logged in"
	LoginFormRefused Phrase = "You cannot log in here"
	LoginFormError   Phrase = "Error"
)

// LoginFormWindow is the title of the window. problem says that something went wrong.
func (t Texts) LoginFormWindow(title Phrase, problem bool) string {
	window := t.say("%s – %s", t.Say(title), BotName)
	if !problem {
		return window
	}
	return t.say("%s: %s", t.Say(LoginFormError), window)
}

// LoginFormExplained says what the log-in is for. user is a Matrix user ID.
func (t Texts) LoginFormExplained(user string) string {
	return t.say("The Matrix user **%s** will be logged in to Wazo with the account that you enter here. "+
		"The relay will read the Wazo chats of this account for this Matrix user. "+
		"It will post under the name of this account what this Matrix user writes.", Escape(user))
}

// LoginFormWarning warns people who were sent the page by somebody else. user is a Matrix user ID.
func (t Texts) LoginFormWarning(user string) string {
	return t.say("Go on only if you are **%s**.", Escape(user))
}

// LoginFormPromise says what becomes of the password.
func (t Texts) LoginFormPromise() string {
	return t.say("The relay gives your password to Wazo and does not keep it. You can log out at any time: write `%s logout` to the bot.", t.prefix)
}

// LoginFormLoggedIn confirms the log-in.
func (t Texts) LoginFormLoggedIn(user string, as WazoUser) string {
	return t.say("The Matrix user **%s** is now logged in to Wazo as %s.", Escape(user), as.show())
}

// LoginFormClose says what to do after the log-in.
func (t Texts) LoginFormClose() string {
	return t.say("You can close this page. To log out, write `%s logout` to the bot.", t.prefix)
}
