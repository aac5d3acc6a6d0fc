package words

import (
	"fmt"
	"strings"
)

// StartUsage explains the start command.
func (t Texts) StartUsage() string {
	return t.say("With whom? Type `%s start <name>[, <name>…] [as \"Title\"]`.", t.prefix)
}

// TooManyMembers refuses to start a conversation with more people than a Wazo chat can have.
func (t Texts) TooManyMembers(others int) string {
	return t.count(others, "A Wazo chat can have at most %d person besides you.", "A Wazo chat can have at most %d people besides you.")
}

// Choose lists the people who match a name, numbered. There are more others.
func (t Texts) Choose(name string, people []string, more int) string {
	var b strings.Builder
	b.WriteString(t.say("Several people match %s:", code(name)) + "\n\n")
	for i, person := range people {
		fmt.Fprintf(&b, "%d. **%s**\n", i+1, Escape(person))
	}
	if more > 0 {
		b.WriteString("\n" + t.morePeople(more) + " " + t.say("If the right person is not in the list, type more of the name.") + "\n")
	}
	b.WriteString("\n" + t.say("Type `%s start <number>` to choose one of them.", t.prefix))
	return b.String()
}

// OnlyYourself refuses a conversation without other people.
func (t Texts) OnlyYourself() string {
	return t.say("You cannot start a conversation with yourself. Please name somebody else.")
}

// StartWithRelay refuses a conversation with the relay's account.
func (t Texts) StartWithRelay() string {
	return t.say("This is the relay's own Wazo account. Please name somebody else.")
}

// LargerChat says that Wazo returned a chat that has other people in it, too. Wazo does so before 24.05.
func (t Texts) LargerChat() string {
	return t.say("Wazo returned a larger chat that also includes these people, so I did not start the conversation. Please start it in Wazo's own app.")
}

// StartFound says in which Matrix room a conversation is.
func (t Texts) StartFound(title, matrixRoom string) string {
	return t.say("You have this conversation already: **%s** is in the room %s.", Escape(title), matrixTo(matrixRoom))
}

// StartOpening says that a Matrix room is being opened for a conversation.
func (t Texts) StartOpening(title string) string {
	return t.say("I open a room for **%s** and invite you to it.", Escape(title))
}
