package words

import "strings"

// Presence is how somebody can be reached on Wazo.
type Presence struct {
	State        string // available, away, unavailable or invisible, as Wazo calls it
	Text         string // what the person says about it; "" if nothing
	OnThePhone   bool
	DoNotDisturb bool
}

// presence says a presence as others see it. Who is invisible is unavailable to them.
func (t Texts) presence(p Presence) string {
	state := p.State
	if state == "" || state == "invisible" {
		state = "unavailable"
	}
	return t.presenceAs(p, t.presenceState(state))
}

// presenceState says a state that Wazo names.
func (t Texts) presenceState(state string) string {
	switch state {
	case "available":
		return t.say("available")
	case "away":
		return t.say("away")
	case "unavailable":
		return t.say("unavailable")
	default:
		return Escape(state)
	}
}

func (t Texts) presenceAs(p Presence, state string) string {
	parts := []string{state}
	if p.OnThePhone {
		parts = append(parts, t.say("on the phone"))
	}
	if p.DoNotDisturb {
		parts = append(parts, t.say("do not disturb"))
	}
	if p.Text != "" {
		parts = append(parts, t.say("“%s”", Escape(p.Text)))
	}
	return strings.Join(parts, ", ")
}

// Person is somebody on Wazo, in a list.
type Person struct {
	Line     string    // the name, with what tells them from others of the same name
	Presence *Presence // nil if Wazo does not tell it
	Here     string    // the Matrix user ID of who is in the Matrix room as themselves; "" for others
	Relay    bool      // it is the relay's account
}

// person returns a line of a list, with its line break.
func (t Texts) person(p Person) string {
	line := "- **" + Escape(p.Line) + "**"
	switch {
	case p.Relay:
		return line + " – " + t.say("the relay's account") + "\n"
	case p.Presence != nil:
		line += " – " + t.presence(*p.Presence)
	}
	if p.Here != "" {
		line += " – " + t.say("in this room as %s", code(p.Here))
	}
	return line + "\n"
}

// People is a list of people on Wazo.
type People struct {
	Shown       []Person
	More        int  // how many others there are
	AtLeast     bool // there may be even more
	NoPresences bool // Wazo does not tell the presences
}

// people returns a line for each person, and a paragraph for what else is to be said. ifMore is said behind how many
// others there are.
func (t Texts) people(l People, ifMore string) string {
	var b strings.Builder
	for _, person := range l.Shown {
		b.WriteString(t.person(person))
	}
	if l.More > 0 {
		more := t.morePeople(l.More)
		if l.AtLeast {
			more = t.count(l.More, "There is at least %d more.", "There are at least %d more.")
		}
		b.WriteString("\n" + strings.TrimSpace(more+" "+ifMore) + "\n")
	}
	if l.NoPresences {
		b.WriteString("\n" + t.say("Wazo does not tell me at the moment who can be reached.") + "\n")
	}
	return b.String()
}

// morePeople says how many other people there are.
func (t Texts) morePeople(more int) string {
	return t.count(more, "There is %d more.", "There are %d more.")
}

// code shows a text from outside as it is, in a sentence.
func code(text string) string { return "`" + strings.ReplaceAll(text, "`", "'") + "`" }

// AnsweredInDirectChat says in a room that the answer is not for everybody there.
func (t Texts) AnsweredInDirectChat() string {
	return t.say("I answer in our direct chat, because the answer is for you only. If you are not in that chat yet, accept my invite.")
}

// LogInNotAccepted tells a person who wants to use their own account that Wazo does not accept the log-in any more.
func (t Texts) LogInNotAccepted() string {
	return t.say("Wazo no longer accepts your log-in. Type `%s login` to log in again.", t.prefix)
}

// AccountLacksPermission says that the account of the person who asks may not do something.
func (t Texts) AccountLacksPermission() string {
	return t.say("Your Wazo account lacks the permission for that. An administrator of Wazo must grant it.")
}

// TenantWithoutDirectory says that there is nowhere to look people up.
func (t Texts) TenantWithoutDirectory() string {
	return t.say("Your tenant on Wazo has no directory in which I could look.")
}

// SearchUsage explains the search command.
func (t Texts) SearchUsage() string {
	return t.say("Who are you looking for? Type `%s search <name>`. A part of the name, an e-mail address or an extension will do.", t.prefix)
}

// Found lists who matches a name.
func (t Texts) Found(name string, people People) string {
	return t.say("These people on Wazo match %s:", code(name)) + "\n\n" +
		t.people(people, t.say("Type more of the name to see fewer.")) + "\n" +
		t.say("Type `%s start <name>` to start a conversation.", t.prefix)
}

// NobodyHasAccount says that nobody with a Wazo account matches a name.
func (t Texts) NobodyHasAccount(name string) string {
	return t.say("I found nobody called %s who has a Wazo account. Please type the full name, the e-mail address or the extension. "+
		"Contacts of other directories have no Wazo account, so nobody can chat with them.", code(name))
}

// Who lists the members of the Wazo chat with which a room is linked.
func (t Texts) Who(title string, people People) string {
	return t.say("The members of **%s** on Wazo are:", Escape(title)) + "\n\n" + t.people(people, "")
}

// WhoHidden says that a person cannot be shown who the members of a Wazo chat are.
func (t Texts) WhoHidden() string {
	return t.say("I can show the members of this chat only to people whose Wazo account is one of them. If yours is, type `%s login` to log in.", t.prefix)
}

// YourPresence tells a person how they are shown on Wazo.
func (t Texts) YourPresence(presence Presence) string {
	if presence.State == "invisible" {
		return t.say("On Wazo you are: %s.", t.presenceAs(presence, t.say("invisible (others see you as unavailable)")))
	}
	return t.say("On Wazo you are: %s.", t.presence(presence))
}

// PresenceUnknown says which presences there are.
func (t Texts) PresenceUnknown(state string) string {
	return t.say("I don't know the presence %s. You can choose between `available`, `away`, `unavailable` and `invisible`, and add a text: `%s presence away In a meeting`.", code(state), t.prefix)
}

// PresenceNotDisturbed says that "do not disturb" is not a presence.
func (t Texts) PresenceNotDisturbed() string {
	return t.say("“Do not disturb” is a service of your telephone. You can switch it only on the telephone or in Wazo's own apps. Here you can choose between `available`, `away`, `unavailable` and `invisible`.")
}

// NoPresence says that an account has no presence.
func (t Texts) NoPresence() string { return t.say("Your Wazo account has no presence.") }

// PresencesNotReady says that Wazo does not know the presences yet.
func (t Texts) PresencesNotReady() string {
	return t.say("Wazo does not know the presences yet, because it was restarted a moment ago. Please try again in a minute.")
}
