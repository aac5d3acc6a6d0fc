// Package words holds every sentence that the relay says in a chat, on either side, in one place.
//
// Texts are Markdown. They name what happened first and what to do next; they never contain secrets.
package words

import (
	"fmt"
	"strings"
	"time"
)

// BotName is the bot's display name if its account has none.
const BotName = "Wazo Relay"

// What the bot says about itself.

// Hello is said on joining a room.
func Hello(prefix string) string {
	return fmt.Sprintf("Hello! I relay messages between this room and a chat on Wazo. "+
		"Type `%[1]s rooms` to see the Wazo chats, then `%[1]s link <number or name>` here. `%[1]s help` shows everything else.", prefix)
}

// InviteDeclined is the reason given for leaving an invite unanswered.
const InviteDeclined = "You are not among the people whose invites I accept. Ask the relay's administrator."

// Away answers a command that waited too long.
const Away = "I was away when you wrote this, please repeat."

// CommandFailed answers a command that could not be carried out for a reason that is not the person's.
func CommandFailed(what string) string { return "That did not work: " + what }

// CannotRead is said where a message, perhaps a command, could not be decrypted.
const CannotRead = "I could not decrypt this message. Please send it again; if it happens again, check that your client shares keys with my device."

// UnknownCommand suggests the nearest command.
func UnknownCommand(prefix, command, nearest string) string {
	if nearest == "" {
		return fmt.Sprintf("I don't know `%s`. `%s help` shows what I can do.", command, prefix)
	}
	return fmt.Sprintf("I don't know `%s`. Did you mean `%s %s`?", command, prefix, nearest)
}

// Command is a line of the help.
type Command struct{ Usage, Does string }

// Help lists the commands.
func Help(prefix string, commands []Command) string {
	var b strings.Builder
	b.WriteString("I relay messages between Matrix rooms and chats on Wazo.\n\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "- `%s %s` – %s\n", prefix, c.Usage, c.Does)
	}
	return b.String()
}

// Pong answers ping.
func Pong(took time.Duration) string {
	return fmt.Sprintf("Pong! Your message took %s to reach me.", took.Round(time.Millisecond))
}

// Answers to rooms, link, create and unlink.

// SentToDirectChat says where the answer went.
const SentToDirectChat = "I answer in our direct chat: what reaches beyond this room is not for everybody here. If you are not there yet, accept my invite."

// RoomLine is one room of a list.
type RoomLine struct {
	Title, UUID string
	Linked      bool
}

// Rooms lists the Wazo rooms of the relay account.
func Rooms(prefix string, rooms []RoomLine) string {
	if len(rooms) == 0 {
		return fmt.Sprintf("The relay account is in no Wazo chat yet. Add it to one on Wazo, or type `%s create <name>`.", prefix)
	}
	var b strings.Builder
	b.WriteString("Wazo chats of the relay account:\n\n")
	for i, room := range rooms {
		linked := ""
		if room.Linked {
			linked = " – linked already"
		}
		fmt.Fprintf(&b, "%d. **%s** (`%s`)%s\n", i+1, Escape(room.Title), room.UUID, linked)
	}
	fmt.Fprintf(&b, "\nType `%s link <number>` in the room that you want to link.", prefix)
	return b.String()
}

// NoAdmin refuses what only administrators may do.
const NoAdmin = "Only the relay's administrators may do that."

// NotAllowed refuses what only allowed people may do.
const NotAllowed = "You are not among the people who may use me. Ask the relay's administrator."

// PowerTooLow refuses to link for somebody without the right in the room.
func PowerTooLow(needed, has int) string {
	return fmt.Sprintf("That takes power level %d in the room, yours is %d. Ask a moderator.", needed, has)
}

// BotPowerTooLow says that the bot may not speak in the room.
const BotPowerTooLow = "I may not send messages in this room. Give me the power level for that, then try again."

// RoomIsOpen refuses to link a room that strangers can read.
func RoomIsOpen(prefix, why string) string {
	return fmt.Sprintf("This room is open to strangers (%s), who would read what is said on Wazo. "+
		"An administrator of the relay may link it all the same with `%s link … --public`.", why, prefix)
}

// RoomWasOpened says why a portal pauses.
func RoomWasOpened(prefix, why string) string {
	return fmt.Sprintf("This room is now open to strangers (%s). I relay nothing until it is closed again or an administrator of the relay types `%s link --public`.", why, prefix)
}

// OpenAccepted confirms that an administrator accepts that.
const OpenAccepted = "Noted: this room may stay open."

// Reasons why a room is open.
const (
	OpenJoin    = "anybody may join"
	OpenHistory = "anybody may read its history"
)

// AlreadyLinkedHere refuses a second link of one Matrix room.
func AlreadyLinkedHere(title, prefix string) string {
	return fmt.Sprintf("This room is linked with **%s** already. `%s unlink` ends that.", Escape(title), prefix)
}

// AlreadyLinkedElsewhere refuses a second link of one Wazo room.
func AlreadyLinkedElsewhere(title, matrixRoom string) string {
	return fmt.Sprintf("**%s** is linked with another Matrix room already: %s (`%s`).", Escape(title), "https://matrix.to/#/"+matrixRoom, matrixRoom)
}

// NoSuchRoom says that no Wazo room fits.
func NoSuchRoom(what, prefix string) string {
	return fmt.Sprintf("I know no Wazo chat `%s`. The relay account must be a member of it; `%s rooms` shows those it is in.", what, prefix)
}

// ManyRooms says that several Wazo rooms fit.
func ManyRooms(what string, titles []string) string {
	return fmt.Sprintf("Several Wazo chats fit `%s`: %s. Use the number from the list or the uuid.", what, bold(titles))
}

// OutsideParticipants refuses a room with people who are reached by a connector.
func OutsideParticipants(title string) string {
	return fmt.Sprintf("**%s** has participants outside of Wazo (SMS or the like). Such chats can't be relayed.", Escape(title))
}

// LinkUsage explains link.
func LinkUsage(prefix string) string {
	return fmt.Sprintf("Which Wazo chat? `%[1]s link <uuid, number or name>`; `%[1]s rooms` shows them.", prefix)
}

// Linking is said while the link is being made.
func Linking(title string) string {
	return fmt.Sprintf("Linking this room with **%s** …", Escape(title))
}

// Linked announces the link: what follows in the Matrix room is relayed.
func Linked(title string) string {
	return fmt.Sprintf("Linked with **%s** on Wazo. From here on, what is said here is relayed to Wazo and back.", Escape(title))
}

// LinkFailed says why a link that was begun is given up.
func LinkFailed(title, why string) string {
	return fmt.Sprintf("I could not link this room with **%s**: %s", Escape(title), why)
}

// Moved tells a room that replaces a linked one.
func Moved(title string) string {
	return fmt.Sprintf("This room replaces the one that was linked with **%s** on Wazo; I go on relaying here.", Escape(title))
}

// CannotFollow tells who linked a room that was replaced by one that the bot may not enter.
func CannotFollow(oldRoom, newRoom, title string) string {
	return fmt.Sprintf("The room `%s`, which is linked with **%s**, was replaced by `%s`, and I can't get in there. Invite me to the new room, and I go on there.", oldRoom, Escape(title), newRoom)
}

// Unlinked ends a link.
func Unlinked(title string) string {
	return fmt.Sprintf("Unlinked from **%s**. Nothing is relayed any more.", Escape(title))
}

// UnlinkedRoom answers who ended the link of another room.
func UnlinkedRoom(matrixRoom string) string { return "Unlinked `" + matrixRoom + "`." }

// UnlinkedFromWazo ends a link on request of a Wazo member.
func UnlinkedFromWazo(title, name string) string {
	return fmt.Sprintf("%s unlinked this room from **%s** on Wazo. Nothing is relayed any more.", Escape(name), Escape(title))
}

// NotLinked says that there is nothing to unlink or to show.
func NotLinked(prefix string) string {
	return fmt.Sprintf("This room is not linked. `%s link <uuid, number or name>` links it.", prefix)
}

// CreateUsage explains create.
func CreateUsage(prefix string) string {
	return fmt.Sprintf("With whom? `%s create <name>[, <name>…] [as \"Title\"]`", prefix)
}

// NobodyFound says that a directory search found nobody.
func NobodyFound(name string) string {
	return fmt.Sprintf("I found nobody called `%s` in the Wazo directory.", name)
}

// ManyFound says that a directory search found several people.
func ManyFound(name string, found []string) string {
	return fmt.Sprintf("Several people fit `%s`: %s. Please write the full name or the e-mail address.", name, bold(found))
}

// OnlyMember refuses a chat of the relay account with itself.
const OnlyMember = "A chat needs somebody besides the relay account."

// WrongMembers says that Wazo returned a room with other people in it (before Wazo 24.05).
const WrongMembers = "Wazo gave me a larger chat that has these people in it. Make the chat on Wazo and use `link`."

// Retried answers retry, with how many messages were parked or wait for a key.
func Retried(n int) string {
	if n == 0 {
		return "Nothing is parked. What waits is tried again now."
	}
	return fmt.Sprintf("Trying %s again.", count(n, "message"))
}

// Dropped answers drop, with how many messages were parked or waited for a key.
func Dropped(n int) string {
	if n == 0 {
		return "Nothing is parked, and nothing waits for a key."
	}
	return fmt.Sprintf("Gave up %s.", count(n, "message"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// What is said on Wazo.

// Late stands above a message that could not be decrypted in time: it was written earlier than what is above it.
func Late(written time.Time) string {
	return "⏳ late, written " + written.Format("2006-01-02 15:04 MST") + ":"
}

// Introduction is posted in a Wazo room when it is linked.
func Introduction(matrixRoom string) string {
	if matrixRoom == "" {
		matrixRoom = "a Matrix room"
	} else {
		matrixRoom = "the Matrix room \"" + matrixRoom + "\""
	}
	return "Hello! From now on this chat is connected with " + matrixRoom + ": people there read what is written here, and the other way round. To end that, write: !wazo unlink"
}

// Explanation is posted once in a Wazo room without portal when somebody writes there.
const Explanation = "Hello! I relay chats to Matrix, but this chat is not connected with a Matrix room, so nobody reads it. On Matrix, invite me to a room and type: !wazo rooms"

// GoodbyeOnWazo is posted in a Wazo room when its link ends.
const GoodbyeOnWazo = "This chat is no longer connected with Matrix."

func bold(items []string) string {
	escaped := make([]string, len(items))
	for i, item := range items {
		escaped[i] = "**" + Escape(item) + "**"
	}
	return strings.Join(escaped, ", ")
}

var escaper = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "#", `\#`, "~", `\~`, "|", `\|`)

// Escape makes text from outside harmless within a sentence of ours.
func Escape(text string) string { return escaper.Replace(text) }

// What people on Wazo read in their browser instead of a file.
const (
	FileGone        = "This file is not here. Links to files work for some time only; ask for it again in the chat."
	FileTooLarge    = "This file is larger than what the relay carries across. Ask for it on another way."
	FileDamaged     = "This file is damaged: it can't be decrypted. Ask for it again in the chat."
	FileUnavailable = "This file can't be fetched at the moment. Please try again in a minute."
)
