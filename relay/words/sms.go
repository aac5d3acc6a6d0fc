package words

import "strings"

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
	StaysBigFile  Stays = "big_file"
	StaysWordless Stays = "wordless"
)

// StaysOnMatrix tells the sender of something that it was not sent as a text message. sendsEdits says that edits are sent.
func (t Texts) StaysOnMatrix(what Stays, sendsEdits bool) string {
	switch what {
	case StaysReply:
		return t.say("This reply was not sent, because each text message may cost money. Replies stay on Matrix. To send its text, write it as an ordinary message.")
	case StaysFile:
		return t.say("This file was not sent: a text message cannot contain files, and the relay has no link to this one. An administrator of the relay can set `PUBLIC_URL`, so that files are sent as links.")
	case StaysBigFile:
		return t.say("This file was not sent: a text message cannot contain files, and this one is too large for a link of the relay. Please share it in another way.")
	default:
		if sendsEdits {
			return t.say("This stays on Matrix and was not sent, because each text message may cost money. Only new messages and edits are sent. Removals, reactions, replies and commands are not. I will not repeat this notice for removals and reactions.")
		}
		return t.say("This stays on Matrix and was not sent, because each text message may cost money. Only new messages are sent. Edits, removals, reactions, replies and commands are not. I will not repeat this notice for edits, removals and reactions.")
	}
}

// OutsideTopic is the topic of the room of a conversation by text messages. It is plain text. numbers are the own ones,
// none if they are not known.
func (t Texts) OutsideTopic(number string, numbers []string) string {
	from := t.say("from your number on Wazo")
	switch len(numbers) {
	case 0:
	case 1:
		from = t.say("from your number %s", numbers[0])
	default:
		from = t.say("from one of your numbers %s", strings.Join(numbers, ", "))
	}
	return t.say("Text messages (SMS) with %s. Each message that you write here is sent %s, and may cost money. To stop being invited here, type %s mute and leave this room.",
		number, from, t.prefix)
}

// NumbersHidden says that a person cannot write text messages, because the relay may not see their numbers. scope is
// the permission that is missing.
func (t Texts) NumbersHidden(scope string) string {
	return t.say("You can read these text messages, but not answer them here: your Wazo account may not see its own numbers. "+
		"An administrator of Wazo must give it a policy with the permission `%[1]s`. After that, type `%[2]s logout` and then `%[2]s login` in our direct chat.", scope, t.prefix)
}

// OwnNumber answers the number command: which own number is used, "" if that is not decided, and which there are.
func (t Texts) OwnNumber(used string, all []string) string {
	var text string
	switch {
	case len(all) == 0:
		return t.say("You have no number on Wazo from which you can write in this chat.")
	case used == "":
		text = t.say("I don't know yet from which of your numbers to send your text messages in this chat.")
	default:
		text = t.say("Your text messages in this chat are sent from **%s**.", Escape(used))
	}
	if len(all) == 1 {
		return text
	}
	return text + " " + t.say("You can choose one of these numbers with `%s number <number>`:", t.prefix) + "\n\n" + bullets(all)
}

// NumberChosen answers the choice of a number.
func (t Texts) NumberChosen(number string) string {
	return t.say("From now on, your text messages in this chat are sent from **%s**. When the other side writes to another of your numbers, they are sent from that one.", Escape(number))
}

// NotYourNumber answers the choice of a number that the person does not have.
func (t Texts) NotYourNumber(what string, all []string) string {
	if len(all) == 0 {
		return t.OwnNumber("", nil)
	}
	return t.say("%s is not one of your numbers in this chat. You have these:", Escape(what)) + "\n\n" + bullets(all)
}

// NumberNotHere answers the number command in a room without text messages.
func (t Texts) NumberNotHere() string {
	return t.say("Nobody in this room is reached by text messages, so there is no number to choose. Type the command in the room of such a conversation.")
}

// SeveralTextMessages tells the sender of a long message how many text messages it makes.
func (t Texts) SeveralTextMessages(parts int) string {
	return t.say("This message is so long that it is sent as about %d text messages, each of which may cost money. A single emoji or special character roughly halves how much fits into one text message. I will not repeat this notice.", parts)
}

// TextMessageRetried tells the sender of a text message that the provider has refused it so far.
func (t Texts) TextMessageRetried() string {
	return t.say("The provider of text messages has not accepted this message yet. Wazo tries again, for about eight minutes. You need not send it again.")
}

// TextMessageFailed tells the sender of a text message that it did not arrive.
func (t Texts) TextMessageFailed() string {
	return t.say("This text message was not delivered. Wazo does not say why. Check the number, and whether it can receive text messages, before you send it again.")
}

// TextMessageArrived takes TextMessageFailed back.
func (t Texts) TextMessageArrived() string {
	return t.say("This text message was delivered after all.")
}

// OnlyTheOwnerSends tells somebody in the room of a conversation by text messages that only the owner of the number can
// write.
func (t Texts) OnlyTheOwnerSends() string {
	return t.say("This message was not sent: only the person whose number it is can write text messages here. I will not repeat this notice.")
}

// TextMessagesLimited tells the people in a room that text messages wait, because there were too many.
func (t Texts) TextMessagesLimited(perHour int) string {
	return t.say("At most %d text messages are sent from this room within an hour. The others wait, and I send them as soon as this limit allows it. If two programs answer each other here, stop one of them first.", perHour)
}

// ManyUnknownNumbers tells a person that rooms are not made at once, because many numbers write.
func (t Texts) ManyUnknownNumbers(perHour int) string {
	return t.say("More than %d new numbers have written to you by text message within an hour. I will open the other rooms later. No message is lost: you can read all of them on Wazo now.", perHour)
}

// SMSUsage explains the sms command.
func (t Texts) SMSUsage() string {
	return t.say("To which number? Type `%s sms <number> [text]`. Put the number in quotation marks if it contains blanks.", t.prefix)
}

// NotANumber refuses a text that is no telephone number.
func (t Texts) NotANumber(what string) string {
	return t.say("%s is not a telephone number that I can write to. Type it with its country code, for example +1 514 555 0111.", code(what))
}

// YourOwnNumber refuses to write to a person's own number.
func (t Texts) YourOwnNumber() string {
	return t.say("This is your own number. Please name another one.")
}

// NumberUnreachable says that Wazo cannot send text messages to a number.
func (t Texts) NumberUnreachable(number string) string {
	return t.say("Wazo cannot send text messages to %s.", Escape(number))
}

// NumberOfAColleague says that a number belongs to a user of Wazo, so that nothing was sent there.
func (t Texts) NumberOfAColleague(number string) string {
	return t.say("%s is the number of a colleague on Wazo. I will open your chat with them, which costs nothing. I have sent no text message.", Escape(number))
}

// SMSStarted says that the conversation with a number opens.
func (t Texts) SMSStarted(number string) string {
	return t.say("I will invite you to a room in which you write text messages to %s.", Escape(number))
}

// SMSSent says that the first text to a number is on its way, and how many text messages it makes.
func (t Texts) SMSSent(number string, parts int) string {
	if parts > 1 {
		return t.say("Your text to %s is on its way, as about %d text messages, each of which may cost money. I will invite you to the room of this conversation.", Escape(number), parts)
	}
	return t.say("Your text message to %s is on its way. I will invite you to the room of this conversation.", Escape(number))
}

// SMSSentAlready says that a first text was not sent, because the same text was sent to that number not long ago.
func (t Texts) SMSSentAlready(number string) string {
	return t.say("I sent this text message to %s less than ten minutes ago, so I have not sent it again. You will find it in the room of this conversation.", Escape(number))
}

// SMSLimited says that a first text was not sent, because there were too many in the room of the conversation.
func (t Texts) SMSLimited(number string, perHour int) string {
	return t.say("I have not sent your text message to %s: at most %d text messages are sent to one number within an hour. Please try again later.", Escape(number), perHour)
}

// SMSPerhapsSent says that it is not known whether a first text message was sent.
func (t Texts) SMSPerhapsSent(number string) string {
	return t.say("Wazo did not say whether it has sent your text message to %s. If it has, you will see the message in the room to which I invite you. Look there before you send it again.", Escape(number))
}

// SMSNotSentYet says that a first text message was not sent, because the person has several numbers.
func (t Texts) SMSNotSentYet(number string) string {
	return t.say("I have not sent your text message to %s yet, because you have several numbers. I will invite you to the room of this conversation. There, choose one with `%s number <number>`, and then write.",
		Escape(number), t.prefix)
}

// SMSNotSentByEdit says that a first text message was not sent, because the command is an edit.
func (t Texts) SMSNotSentByEdit(number string) string {
	return t.say("I have not sent your text to %s, because you have edited the command. An edited text is not sent. I will invite you to the room of this conversation. Write your text there.", Escape(number))
}

// SMSRoomDoubtful says that it is not known whether the chat with a number was created.
func (t Texts) SMSRoomDoubtful() string {
	return t.say("Wazo did not say whether it has created this chat. Please repeat the command in a minute. I must not try again at once: with two chats for one number, Wazo would no longer deliver what this number writes to you.")
}

// bullets is a Markdown list.
func bullets(items []string) string {
	lines := make([]string, len(items))
	for i, item := range items {
		lines[i] = "- " + Escape(item)
	}
	return strings.Join(lines, "\n")
}
