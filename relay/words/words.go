// Package words holds every sentence that the relay says in a chat, on Matrix and on Wazo.
//
// The texts are Markdown. A text first says what happened and then what to do. No text contains a secret. The relay
// calls itself "I". A room is one on Matrix, a chat is one on Wazo.
//
// Each sentence stands in English where it is said. Its translations are in the message catalogue: those into French in
// the package french below. docs/architecture.md says how to add a sentence or a language.
//
// testdata/texts.golden shows all texts in English, with every reason in every sentence that ends with one, and
// testdata/texts.fr.golden shows them in French.
package words

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Texts are the sentences that a relay says. They know the command prefix and the language, which are configured. The
// zero value says in English what needs no prefix.
type Texts struct {
	prefix         string
	language       Language
	noRelayAccount bool
}

// New returns the English texts of a relay whose commands begin with a prefix, like "!wazo".
func New(prefix string) Texts { return Texts{prefix: prefix} }

// WithoutRelayAccount returns the texts of a relay that has no account of its own on Wazo: nobody there speaks for
// people who have not logged in.
func (t Texts) WithoutRelayAccount() Texts {
	t.noRelayAccount = true
	return t
}

// BotName is the bot's display name if its account has none. It is a name, and the same in each language.
const BotName = "Wazo Relay"

// What the bot says about itself.

// Hello greets a room that the bot has joined.
func (t Texts) Hello() string {
	return t.say("Hello! I can relay messages between this room and a chat on Wazo. "+
		"To link them, log in to Wazo with `%[1]s login`, or ask an administrator of the relay. "+
		"Then type `%[1]s rooms` to see the Wazo chats, and `%[1]s link <number or name>` here. "+
		"Type `%[1]s help` to see all commands.", t.prefix)
}

// InviteDeclined is the reason that the bot gives when it declines an invite.
func (t Texts) InviteDeclined() string {
	return t.say("You may not invite this bot. Please ask the relay's administrator for permission.")
}

// ShownTwice is the reason that the bot gives when it takes back an event that the homeserver has stored late.
func (t Texts) ShownTwice() string { return t.say("This message was shown twice.") }

// Away answers a command that is too old to be carried out.
func (t Texts) Away() string {
	return t.say("I was away when you wrote this. Please repeat the command.")
}

// CommandFailed answers a command that failed through no fault of the person who typed it.
func (t Texts) CommandFailed(what string) string {
	return t.say("The command failed: %s", what)
}

// CannotRead answers a message that the bot could not decrypt in a room that is not linked: it may be a command.
func (t Texts) CannotRead() string {
	return t.say("I could not decrypt this message. Please send it again. If this happens again, check that your app shares keys with my device.")
}

// EditTooLate answers an edit of a command that was sent too long after the command.
func (t Texts) EditTooLate() string {
	return t.say("You edited this command more than two minutes after you had sent it. Please send it again as a new message.")
}

// UnknownCommand answers an unknown command with the nearest known one, or the help if nearest is "".
func (t Texts) UnknownCommand(command, nearest string) string {
	if nearest == "" {
		return t.say("I don't know the command `%s`. Type `%s help` to see all commands.", command, t.prefix)
	}
	return t.say("I don't know the command `%s`. Did you mean `%s %s`?", command, t.prefix, nearest)
}

// Command is a command as the help shows it.
type Command struct{ Usage, Help Phrase }

// Help lists the commands.
func (t Texts) Help(commands []Command) string {
	var b strings.Builder
	b.WriteString(t.say("I relay messages between Matrix rooms and Wazo chats. These are my commands:") + "\n\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "- `%s %s` – %s\n", t.prefix, t.Say(c.Usage), t.Say(c.Help))
	}
	return b.String()
}

// Pong answers ping with the time that the message took to reach the bot.
func (t Texts) Pong(took time.Duration) string {
	return t.say("Pong! Your message took %.3f s to reach me.", took.Seconds())
}

// Answers to rooms, link, create and unlink.

// SentToDirectChat says where the bot sends the list of Wazo chats.
func (t Texts) SentToDirectChat() string {
	return t.say("I answer in our direct chat, because not everybody here should see the list of chats. If you are not in that chat yet, accept my invite.")
}

// RoomLine is one Wazo chat of a list.
type RoomLine struct {
	Title, UUID string
	Linked      bool
}

// Rooms lists the chats of the relay's Wazo account.
func (t Texts) Rooms(rooms []RoomLine) string {
	if len(rooms) == 0 {
		return t.say("The relay's Wazo account is not a member of any chat yet. Create a chat with it on Wazo, or type `%s create <name>` in the room that you want to link.", t.prefix)
	}
	var b strings.Builder
	b.WriteString(t.say("The relay's Wazo account is a member of these chats:") + "\n\n")
	for i, room := range rooms {
		linked := ""
		if room.Linked {
			linked = " – " + t.say("already linked")
		}
		fmt.Fprintf(&b, "%d. **%s** (`%s`)%s\n", i+1, Escape(room.Title), room.UUID, linked)
	}
	b.WriteString("\n" + t.say("Type `%s link <number>` in the room that you want to link.", t.prefix))
	return b.String()
}

// NoAdmin refuses a command that only administrators of the relay may use.
func (t Texts) NoAdmin() string {
	return t.say("Only the relay's administrators may do that.")
}

// NotAllowed refuses a command of somebody who may not use the bot.
func (t Texts) NotAllowed() string {
	return t.say("You may not use this bot. Please ask the relay's administrator for permission.")
}

// PowerTooLow refuses a command of somebody whose power level in the room is too low for it.
func (t Texts) PowerTooLow(needed, has int) string {
	return t.say("You need power level %d in the room to do that, but yours is %d. Ask a moderator to raise your power level.", needed, has)
}

// BotPowerTooLow refuses to link a room in which the bot may not send messages.
func (t Texts) BotPowerTooLow() string {
	return t.say("I don't have permission to send messages in this room. Please give me the power level for it, then repeat the command.")
}

// RoomIsOpen refuses to link a room that strangers can read. why is one of the texts that begin with Open.
func (t Texts) RoomIsOpen(why string) string {
	return t.say("This room is open to strangers (%s). They could read what is said on Wazo. "+
		"Close the room, or add `--public` to the command to link it anyway, as in `%s link <name> --public`.", why, t.prefix)
}

// RoomWasOpened says that a link is paused because strangers can now read its Matrix room.
func (t Texts) RoomWasOpened(why string) string {
	return t.say("This room is now open to strangers (%s). I relay nothing until the room is closed again, "+
		"or until an administrator of the relay accepts this with `%s link --public`. Messages are kept.", why, t.prefix)
}

// OpenAccepted confirms that an administrator accepts that strangers can read a linked room.
func (t Texts) OpenAccepted() string {
	return t.say("Accepted: this room may stay open to strangers.")
}

// OpenJoin says that a room is open because anybody may join it.
func (t Texts) OpenJoin() string { return t.say("anybody may join") }

// OpenThrough says that a room is open because the members of another one may join, and that one is open: why is one of
// these texts.
func (t Texts) OpenThrough(other, why string) string {
	return t.say("all members of %[1]s may join, and %[1]s itself is open: %[2]s", Escape(other), why)
}

// OpenThroughUnknown says that a room counts as open because the members of another one may join, which the bot cannot
// look at.
func (t Texts) OpenThroughUnknown(other string) string {
	return t.say("all members of %[1]s may join; I am not in %[1]s, so I cannot see who may join it: please invite me there", Escape(other))
}

// OpenHistory says that a room is open because anybody may read it without joining.
func (t Texts) OpenHistory() string { return t.say("anybody may read its history") }

// AlreadyLinkedHere refuses a second link of the same Matrix room.
func (t Texts) AlreadyLinkedHere(title string) string {
	return t.say("This room is already linked with **%s**. Type `%s unlink` to end that link.", Escape(title), t.prefix)
}

// AlreadyLinkedElsewhere refuses a second link of the same Wazo chat.
func (t Texts) AlreadyLinkedElsewhere(title, matrixRoom string) string {
	return t.say("**%[1]s** is already linked with another Matrix room: %[2]s (`%[3]s`). To end that link, type `%[4]s unlink %[3]s`.",
		Escape(title), matrixTo(matrixRoom), matrixRoom, t.prefix)
}

// NoSuchRoom says that no Wazo chat matches.
func (t Texts) NoSuchRoom(what string) string {
	return t.say("I found no Wazo chat %s. The relay's Wazo account must be a member of it. Type `%s rooms` to see its chats.", code(what), t.prefix)
}

// ManyRooms says that several Wazo chats match.
func (t Texts) ManyRooms(what string, titles []string) string {
	return t.say("Several Wazo chats match `%s`: %s. Please use the number from the list or the UUID.", what, bold(titles))
}

// OutsideParticipants refuses a chat with people whom Wazo reaches by a connector, for example by SMS.
func (t Texts) OutsideParticipants(title string) string {
	return t.say("**%s** has participants outside Wazo, for example by SMS. I cannot link such a chat. It opens by itself for the person whose number it is.", Escape(title))
}

// LinkUsage explains the link command.
func (t Texts) LinkUsage() string {
	return t.say("Which Wazo chat? Type `%[1]s link <uuid | number | name>`. Type `%[1]s rooms` to see the chats.", t.prefix)
}

// Linking says that the bot is about to link a room.
func (t Texts) Linking(title string) string {
	return t.say("Linking this room with **%s** …", Escape(title))
}

// Linked says that a room is linked. Everything that follows it in the room is relayed, and nothing before it.
func (t Texts) Linked(title string) string {
	return t.say("Linked with **%s** on Wazo. From now on, I relay messages between this room and that chat.", Escape(title))
}

// LinkFailed says why a room could not be linked.
func (t Texts) LinkFailed(title, why string) string {
	return t.say("I could not link this room with **%s**: %s", Escape(title), why)
}

// Moved tells a room that replaces a linked one that it is linked now.
func (t Texts) Moved(title string) string {
	return t.say("This room replaces the one that was linked with **%s** on Wazo. I continue to relay messages here.", Escape(title))
}

// CannotFollow tells the person who linked a room that the bot cannot join the room that replaces it.
func (t Texts) CannotFollow(oldRoom, newRoom, title string) string {
	return t.say("The room `%s`, which is linked with **%s**, was replaced by `%s`. I cannot join the new room. Invite me to it, and I continue to relay messages there.", oldRoom, Escape(title), newRoom)
}

// Unlinked says that a link was ended by a command.
func (t Texts) Unlinked(title string) string {
	return t.say("Unlinked from **%s**. I no longer relay messages here.", Escape(title))
}

// UnlinkedRoom confirms to an administrator that the link of another room was ended.
func (t Texts) UnlinkedRoom(matrixRoom string) string { return t.say("Unlinked `%s`.", matrixRoom) }

// UnlinkedFromWazo says that a member of the Wazo chat has ended the link.
func (t Texts) UnlinkedFromWazo(title, name string) string {
	return t.say("%s unlinked this room from **%s** on Wazo. I no longer relay messages here.", Escape(name), Escape(title))
}

// NotLinked says that a room is not linked, and how to link it.
func (t Texts) NotLinked() string {
	return t.say("This room is not linked. Type `%s link <uuid | number | name>` to link it.", t.prefix)
}

// CreateUsage explains the create command.
func (t Texts) CreateUsage() string {
	return t.say("With whom? Type `%s create <name>[, <name>…] [as \"Title\"]`.", t.prefix)
}

// NobodyFound says that nobody in the Wazo directory matches a name.
func (t Texts) NobodyFound(name string) string {
	return t.say("I found nobody called %s in the Wazo directory. Please type the full name, the e-mail address or the extension.", code(name))
}

// ManyFound says that several people in the Wazo directory match a name: those listed and more others.
func (t Texts) ManyFound(name string, listed []string, more int) string {
	return t.say("Several people match `%s`: %s. Please type the full name, the e-mail address or the extension.", name, t.WithMore(bold(listed), more))
}

// OnlyMember refuses to create a chat without other people.
func (t Texts) OnlyMember() string {
	return t.say("A chat needs somebody besides the relay's Wazo account.")
}

// WrongMembers says that Wazo returned a chat that has other people in it, too. Wazo does so before 24.05.
func (t Texts) WrongMembers() string {
	return t.say("Wazo returned a larger chat that also includes these people. Please create the chat on Wazo, then type `%s link <name>` here.", t.prefix)
}

// Retried answers retry. n is how many messages are parked or wait for their keys.
func (t Texts) Retried(n int) string {
	if n == 0 {
		return t.say("No message has failed, and none waits for its key. I am trying to deliver the messages in the queue now.")
	}
	return t.count(n, "Trying to deliver %d message again.", "Trying to deliver %d messages again.")
}

// Dropped answers drop. n is how many messages were parked or waited for their keys.
func (t Texts) Dropped(n int) string {
	if n == 0 {
		return t.say("No message has failed, and none waits for its key.")
	}
	return t.count(n, "Dropped %d message.", "Dropped %d messages.")
}

// WithMore ends a list that does not show all: more is how many others there are. It is the list itself if there are
// none.
func (t Texts) WithMore(list string, more int) string {
	if more == 0 {
		return list
	}
	return t.count(more, "%[2]s and %[1]d more", "%[2]s and %[1]d more", list)
}

// What is said on Wazo.

// Late stands above a message that could not be decrypted in time. It was written earlier than the messages before it.
func (t Texts) Late(written time.Time) string {
	return t.say("⏳ late, written %s:", t.at(written))
}

// Introduction is posted in a Wazo chat when it is linked. matrixRoom is the name of the Matrix room, "" if it has
// none.
func (t Texts) Introduction(matrixRoom string) string {
	linked := t.say("From now on, this chat is linked with the Matrix room \"%s\".", matrixRoom)
	if matrixRoom == "" {
		linked = t.say("From now on, this chat is linked with a Matrix room.")
	}
	return t.say("Hello! %s People there read what you write here, and you read what they write. To end the link, write: %s unlink", linked, t.prefix)
}

// Explanation is posted once in a Wazo chat that is not linked, when somebody writes there. bot is the bot's Matrix
// user ID.
func (t Texts) Explanation(bot string) string {
	return t.say("Hello! I relay messages between Wazo and Matrix. This chat is not linked with a Matrix room, so nobody on Matrix reads it. "+
		"To link it, an administrator of the relay invites %[1]s to a room on Matrix and types there: %[2]s rooms, and then %[2]s link with the number of this chat", bot, t.prefix)
}

// HelpOnWazo answers help on Wazo.
func (t Texts) HelpOnWazo() string {
	return t.say("I relay messages between this chat and a Matrix room. Every member of this chat can write these commands:\n\n"+
		"%[1]s help – shows this list\n"+
		"%[1]s status – shows how this chat is linked and which messages are waiting\n"+
		"%[1]s unlink – ends the link of this chat\n\n"+
		"People in the Matrix room have more commands there.", t.prefix)
}

// UnknownOnWazo answers a command that cannot be used on Wazo.
func (t Texts) UnknownOnWazo(command string) string {
	return t.say("The command \"%s\" cannot be used on Wazo. Write %s help to see the commands that can.", command, t.prefix)
}

// UnlinkUsageOnWazo answers an unlink with something behind it.
func (t Texts) UnlinkUsageOnWazo() string {
	return t.say("To end the link of this chat, write only this: %s unlink", t.prefix)
}

// GoodbyeOnWazo is posted in a Wazo chat when its link ends.
func (t Texts) GoodbyeOnWazo() string {
	return t.say("This chat is no longer linked with Matrix. Nobody on Matrix reads what you write here.")
}

func bold(items []string) string {
	escaped := make([]string, len(items))
	for i, item := range items {
		escaped[i] = "**" + Escape(item) + "**"
	}
	return strings.Join(escaped, ", ")
}

var escaper = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "#", `\#`, "~", `\~`, "|", `\|`)

// Escape quotes the Markdown in a text from outside, so that it appears in a sentence as it is.
func Escape(text string) string { return escaper.Replace(text) }

// escaped matches what Escape has put before a character, and code, in which nothing is escaped.
var escaped = regexp.MustCompile("\\\\([\\\\*_`\\[\\]<>#~|])|`[^`]*`")

// Unescape takes the escapes out of a text. Clients that show no formatting show the result, in which names are as
// people wrote them.
func Unescape(markdown string) string {
	return escaped.ReplaceAllStringFunc(markdown, func(match string) string { return strings.TrimPrefix(match, `\`) })
}

// WebhookHere is what somebody sees who opens the address of the webhook in a browser.
const WebhookHere Phrase = "Only Wazo sends something to this address."

// AboutRelay is what somebody sees who opens the public address of the relay itself in a browser, for example because
// an OAuth 2.0 provider shows it to whoever is asked to approve a log-in of the bot.
const AboutRelay Phrase = "Here is a relay between Matrix and Wazo chat: it passes on what people say on one side to the other side. There is nothing to do on this page. The people who run this server can tell you more."

// What a relay says of itself to those who ask for its health, if several relays are started on one database.
const (
	StandBy            Phrase = "This relay is the stand-by. Another relay is active on the same database. This one takes over when the other one ends or does not answer any more."
	TakingOver         Phrase = "This relay was the stand-by and is taking over. It will be ready in a moment."
	NotCertainlyActive Phrase = "This relay makes no requests at the moment, because PostgreSQL does not confirm that it is still the active one. The database cannot be reached, or another relay has taken over."
)

// What people on Wazo see in their browser if a link does not lead to a file.
const (
	FileGone        Phrase = "This file is not available. Links to files expire after some time. Please ask for the file again in the chat."
	FileTooLarge    Phrase = "This file is too large for the relay. Please ask the sender to share it in another way."
	FileDamaged     Phrase = "This file is damaged and cannot be decrypted. Please ask for it again in the chat."
	FileUnavailable Phrase = "The relay cannot fetch this file at the moment. Please try again in a minute."
)
