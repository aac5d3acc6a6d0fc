package words

import (
	"fmt"
	"strings"
)

// Conversations with people outside Wazo, by text messages.

// Stays is something that is said on Matrix and does not become a text message.
type Stays string

// What stays on Matrix.
const (
	StaysEdit     Stays = "edit"
	StaysReaction Stays = "reaction"
	StaysRemoval  Stays = "removal"
	StaysReply    Stays = "reply"
	StaysFile     Stays = "file"
	StaysWordless Stays = "wordless"
)

// StaysOnMatrix tells the sender of something that it was not sent as a text message.
func (t Texts) StaysOnMatrix(what Stays) string {
	switch what {
	case StaysReply:
		return "This reply was not sent, because each text message is paid for. Replies stay on Matrix. To send its text, write it as an ordinary message."
	case StaysFile:
		return "This file was not sent: a text message cannot contain files, and the relay has no link to this one. An administrator of the relay can set `PUBLIC_URL`, so that files are sent as links."
	default:
		return "This stays on Matrix and was not sent, because each text message is paid for. Only new messages are sent. Edits, removals, reactions, replies and commands are not. I will not repeat this notice for edits, removals and reactions."
	}
}

// OutsideTopic is the topic of the room of a conversation by text messages. It is plain text. numbers are the own ones, none if they are
// not known.
func (t Texts) OutsideTopic(number string, numbers []string) string {
	from := "from your number on Wazo"
	switch len(numbers) {
	case 0:
	case 1:
		from = "from your number " + numbers[0]
	default:
		from = "from one of your numbers " + strings.Join(numbers, ", ")
	}
	return fmt.Sprintf("Text messages (SMS) with %s. Each message that you write here is sent %s, and may cost money. To stop being invited here, type %s mute and leave this room.",
		number, from, t.prefix)
}

// NumbersHidden says that a person cannot write text messages, because the relay may not see their numbers. scope is the permission that
// is missing.
func (t Texts) NumbersHidden(scope string) string {
	return fmt.Sprintf("You can read these text messages, but not answer them here: your Wazo account may not see its own numbers. "+
		"An administrator of Wazo must give it a policy with the permission `%s`. After that, type `%s login` in our direct chat to log in again.", scope, t.prefix)
}

// OwnNumber answers the number command: which own number is used, "" if that is not decided, and which there are.
func (t Texts) OwnNumber(used string, all []string) string {
	var text string
	switch {
	case len(all) == 0:
		return "You have no number on Wazo from which you can write in this chat."
	case used == "":
		text = "I don't know yet from which of your numbers to send your text messages in this chat."
	default:
		text = fmt.Sprintf("Your text messages in this chat are sent from **%s**.", Escape(used))
	}
	if len(all) == 1 {
		return text
	}
	return text + " You can choose one of these numbers with `" + t.prefix + " number <number>`:\n\n" + list(all)
}

// NumberChosen answers the choice of a number.
func (t Texts) NumberChosen(number string) string {
	return fmt.Sprintf("From now on, your text messages in this chat are sent from **%s**. When the other side writes to another of your numbers, they are sent from that one.", Escape(number))
}

// NotYourNumber answers the choice of a number that the person does not have.
func (t Texts) NotYourNumber(what string, all []string) string {
	if len(all) == 0 {
		return t.OwnNumber("", nil)
	}
	return fmt.Sprintf("%s is not one of your numbers in this chat. You have these:\n\n", Escape(what)) + list(all)
}

// NumberNotHere answers the number command in a room without text messages.
func (t Texts) NumberNotHere() string {
	return "Nobody in this room is reached by text messages, so there is no number to choose. Type the command in the room of such a conversation."
}

// SeveralTextMessages tells the sender of a long message how many text messages it makes.
func (t Texts) SeveralTextMessages(parts int) string {
	return fmt.Sprintf("This message is so long that it is sent as about %d text messages, each of which may be paid for. A single emoji or special character roughly halves how much fits into one text message. I will not repeat this notice.", parts)
}

// TextMessageRetried tells the sender of a text message that the provider has refused it so far.
func (t Texts) TextMessageRetried() string {
	return "The provider of text messages has not accepted this message yet. Wazo tries again, for about eight minutes. You need not send it again."
}

// TextMessageFailed tells the sender of a text message that it did not arrive.
func (t Texts) TextMessageFailed() string {
	return "This text message was not delivered. Wazo does not say why. Check the number, and whether it can receive text messages, before you send it again."
}

// TextMessageArrived takes TextMessageFailed back.
func (t Texts) TextMessageArrived() string {
	return "This text message was delivered after all."
}

// OnlyTheOwnerSends tells somebody in the room of a conversation by text messages that only the owner of the number can write.
func (t Texts) OnlyTheOwnerSends() string {
	return "This message was not sent: only the person whose number it is can write text messages here. I will not repeat this notice."
}

// list is a Markdown list.
func list(items []string) string {
	lines := make([]string, len(items))
	for i, item := range items {
		lines[i] = "- " + Escape(item)
	}
	return strings.Join(lines, "\n")
}
