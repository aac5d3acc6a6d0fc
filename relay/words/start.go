package words

import (
	"fmt"
	"strings"
)

// StartUsage explains the start command.
func (t Texts) StartUsage() string {
	return fmt.Sprintf("With whom? Type `%s start <name>[, <name>…] [as \"Title\"]`.", t.prefix)
}

// TooManyMembers refuses to start a conversation with more people than a Wazo chat can have.
func (t Texts) TooManyMembers(others int) string {
	return fmt.Sprintf("A Wazo chat can have at most %d people besides you.", others)
}

// Choose lists the people who match a name, numbered. There are more others.
func (t Texts) Choose(name string, people []string, more int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Several people match %s:\n\n", code(name))
	for i, person := range people {
		fmt.Fprintf(&b, "%d. **%s**\n", i+1, Escape(person))
	}
	if more > 0 {
		fmt.Fprintf(&b, "\n%s If the right person is not in the list, type more of the name.\n", thereAre(more))
	}
	fmt.Fprintf(&b, "\nType `%s start <number>` to choose one of them.", t.prefix)
	return b.String()
}

// OnlyYourself refuses a conversation without other people.
func (t Texts) OnlyYourself() string {
	return "You cannot start a conversation with yourself. Please name somebody else."
}

// StartWithRelay refuses a conversation with the relay's account.
func (t Texts) StartWithRelay() string {
	return "This is the relay's own Wazo account. Please name somebody else."
}

// LargerChat says that Wazo returned a chat that has other people in it, too. Wazo does so before 24.05.
func (t Texts) LargerChat() string {
	return "Wazo returned a larger chat that also includes these people, so I did not start the conversation. Please start it in Wazo's own app."
}

// StartFound says in which Matrix room a conversation is.
func (t Texts) StartFound(title, matrixRoom string) string {
	return fmt.Sprintf("You have this conversation already: **%s** is in the room https://matrix.to/#/%s.", Escape(title), matrixRoom)
}

// StartOpening says that a Matrix room is being opened for a conversation.
func (t Texts) StartOpening(title string) string {
	return fmt.Sprintf("I open a room for **%s** and invite you to it.", Escape(title))
}
