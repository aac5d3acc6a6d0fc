package words

import (
	"fmt"
	"strings"
)

// Presence is how somebody can be reached on Wazo.
type Presence struct {
	State        string // available, away, unavailable or invisible, as Wazo calls it
	Text         string // what the person says about it; "" if nothing
	OnThePhone   bool
	DoNotDisturb bool
}

// show returns a presence as others see it. Who is invisible is unavailable to them.
func (p Presence) show() string {
	state := p.State
	if state == "" || state == "invisible" {
		state = "unavailable"
	}
	return p.showAs(Escape(state))
}

func (p Presence) showAs(state string) string {
	parts := []string{state}
	if p.OnThePhone {
		parts = append(parts, "on the phone")
	}
	if p.DoNotDisturb {
		parts = append(parts, "do not disturb")
	}
	if p.Text != "" {
		parts = append(parts, "“"+Escape(p.Text)+"”")
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

// show returns a line of a list, with its line break.
func (p Person) show() string {
	line := "- **" + Escape(p.Line) + "**"
	switch {
	case p.Relay:
		return line + " – the relay's account\n"
	case p.Presence != nil:
		line += " – " + p.Presence.show()
	}
	if p.Here != "" {
		line += " – in this room as " + code(p.Here)
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

// write adds a line for each person, and a paragraph for what else is to be said. ifMore follows how many others there are.
func (l People) write(b *strings.Builder, ifMore string) {
	for _, person := range l.Shown {
		b.WriteString(person.show())
	}
	switch {
	case l.More > 0 && l.AtLeast:
		fmt.Fprintf(b, "\nThere are at least %d more.%s\n", l.More, ifMore)
	case l.More > 0:
		fmt.Fprintf(b, "\n%s%s\n", thereAre(l.More), ifMore)
	}
	if l.NoPresences {
		b.WriteString("\nWazo does not tell me at the moment who can be reached.\n")
	}
}

// thereAre says how many others there are.
func thereAre(more int) string {
	if more == 1 {
		return "There is 1 more."
	}
	return fmt.Sprintf("There are %d more.", more)
}

// code shows a text from outside as it is, in a sentence.
func code(text string) string { return "`" + strings.ReplaceAll(text, "`", "'") + "`" }

// AnsweredInDirectChat says in a room that the answer is not for everybody there.
func (t Texts) AnsweredInDirectChat() string {
	return "I answer in our direct chat, because the answer is for you only. If you are not in that chat yet, accept my invite."
}

// LogInNotAccepted tells a person who wants to use their own account that Wazo does not accept the log-in any more.
func (t Texts) LogInNotAccepted() string {
	return fmt.Sprintf("Wazo no longer accepts your log-in. Type `%s login` to log in again.", t.prefix)
}

// AccountLacksPermission says that the account of the person who asks may not do something.
func (t Texts) AccountLacksPermission() string {
	return "Your Wazo account lacks the permission for that. An administrator of Wazo must grant it."
}

// TenantWithoutDirectory says that there is nowhere to look people up.
func (t Texts) TenantWithoutDirectory() string {
	return "Your tenant on Wazo has no directory in which I could look."
}

// SearchUsage explains the search command.
func (t Texts) SearchUsage() string {
	return fmt.Sprintf("Who are you looking for? Type `%s search <name>`. A part of the name, an e-mail address or an extension will do.", t.prefix)
}

// Found lists who matches a name.
func (t Texts) Found(name string, people People) string {
	var b strings.Builder
	fmt.Fprintf(&b, "These people on Wazo match %s:\n\n", code(name))
	people.write(&b, " Type more of the name to see fewer.")
	fmt.Fprintf(&b, "\nType `%s start <name>` to start a conversation.", t.prefix)
	return b.String()
}

// NobodyHasAccount says that nobody with a Wazo account matches a name.
func (t Texts) NobodyHasAccount(name string) string {
	return fmt.Sprintf("I found nobody called %s who has a Wazo account. Please type the full name, the e-mail address or the extension. "+
		"Contacts of other directories have no Wazo account, so nobody can chat with them.", code(name))
}

// Who lists the members of the Wazo chat with which a room is linked.
func (t Texts) Who(title string, people People) string {
	var b strings.Builder
	fmt.Fprintf(&b, "The members of **%s** on Wazo are:\n\n", Escape(title))
	people.write(&b, "")
	return b.String()
}

// WhoHidden says that a person cannot be shown who the members of a Wazo chat are.
func (t Texts) WhoHidden() string {
	return fmt.Sprintf("I can show the members of this chat only to people whose Wazo account is one of them. If yours is, type `%s login` to log in.", t.prefix)
}

// YourPresence tells a person how they are shown on Wazo.
func (t Texts) YourPresence(presence Presence) string {
	if presence.State == "invisible" {
		return fmt.Sprintf("On Wazo you are: %s.", presence.showAs("invisible (others see you as unavailable)"))
	}
	return fmt.Sprintf("On Wazo you are: %s.", presence.show())
}

const presenceStates = "`available`, `away`, `unavailable` and `invisible`"

// PresenceUnknown says which presences there are.
func (t Texts) PresenceUnknown(state string) string {
	return fmt.Sprintf("I don't know the presence %s. You can choose between %s, and add a text: `%s presence away In a meeting`.", code(state), presenceStates, t.prefix)
}

// PresenceNotDisturbed says that "do not disturb" is not a presence.
func (t Texts) PresenceNotDisturbed() string {
	return fmt.Sprintf("“Do not disturb” is a service of your telephone. You can switch it only on the telephone or in Wazo's own apps. Here you can choose between %s.", presenceStates)
}

// NoPresence says that an account has no presence.
func (t Texts) NoPresence() string { return "Your Wazo account has no presence." }

// PresencesNotReady says that Wazo does not know the presences yet.
func (t Texts) PresencesNotReady() string {
	return "Wazo does not know the presences yet, because it was restarted a moment ago. Please try again in a minute."
}
