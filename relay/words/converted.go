package words

import (
	"fmt"
	"strings"
)

// What stands on Wazo for things that its chat does not have. The name of the person who did it is shown as the author of the
// message, so these texts do not begin with it. All arguments are written as Markdown or plain text already.

// InsteadOf shows a correction: what an edited message says now, and what it said before.
func InsteadOf(now, before string) string { return now + " instead of " + before }

// RemovedMessage says that somebody has removed a message of theirs, which was written at a time like "14:02".
func RemovedMessage(at string) string { return "🗑️ removed a message of " + at }

// RemovedMessageBy says that somebody, a moderator perhaps, has removed another person's message.
func RemovedMessageBy(author, at string) string {
	return fmt.Sprintf("🗑️ removed a message by %s of %s", author, at)
}

// SomebodyElse stands for the author of a message who is not known.
const SomebodyElse = "somebody else"

// ReactedTo says to which message people reacted, and how: "👍 Ann, Bea". beginning is how that message begins, or "" if that is
// not known.
func ReactedTo(reactions, beginning string) string {
	if beginning == "" {
		return reactions + " to an earlier message"
	}
	return fmt.Sprintf("%s to \"%s\"", reactions, beginning)
}

// ReactionsRemoved says from which message people removed their reactions.
func ReactionsRemoved(reactions, beginning string) string {
	if beginning == "" {
		return "removed " + reactions + " from an earlier message"
	}
	return fmt.Sprintf("removed %s from \"%s\"", reactions, beginning)
}

// ReactionsRemovedHere says, below a message, which reactions people removed from it.
func ReactionsRemovedHere(reactions string) string { return "removed " + reactions }

// AndMore ends a list of names that is too long.
func AndMore(count int) string { return fmt.Sprintf("and %d more", count) }

// CustomEmoji stands for a picture that somebody reacted with, if it has no name.
const CustomEmoji = "a custom emoji"

// Voted says what somebody has voted for in a poll. answers is empty if nobody may know it before the poll ends, or if it is
// not known. question is "" if it is not known.
func Voted(answers []string, question string) string {
	poll := inPoll(question)
	if len(answers) == 0 {
		return "🗳️ voted in " + poll
	}
	return "🗳️ voted for " + strings.Join(answers, ", ") + " in " + poll
}

// VoteRemoved says that somebody has taken back their vote in a poll.
func VoteRemoved(question string) string { return "🗳️ removed their vote in " + inPoll(question) }

// PollEnded says that a poll has ended. results are the answers with their votes, and may be empty.
func PollEnded(question string, results []string) string {
	text := "📊 ended " + inPoll(question)
	for _, result := range results {
		text += "\n" + result
	}
	return text
}

// Votes is a line of the results of a poll.
func Votes(answer string, votes int) string {
	if votes == 1 {
		return answer + ": 1 vote"
	}
	return fmt.Sprintf("%s: %d votes", answer, votes)
}

func inPoll(question string) string {
	if question == "" {
		return "a poll"
	}
	return "the poll \"" + question + "\""
}

// LiveLocation says that somebody shares where they are while they move. description and period, like "15 minutes", may be
// empty.
func LiveLocation(description, period string) string {
	text := "📍 shares their live location"
	if period != "" {
		text += " for " + period
	}
	if description != "" {
		text += ": " + description
	}
	return text
}

// LiveLocationEnded says that somebody no longer shares where they are.
const LiveLocationEnded = "📍 no longer shares their live location"

// What people do with calls in the Matrix room, which nobody can join from Wazo.
const (
	CallsVoice  = "📞 starts a voice call in the Matrix room"
	CallsVideo  = "📞 starts a video call in the Matrix room"
	CallStarted = "📞 starts a call in the Matrix room"
	CallJoined  = "📞 joined the call in the Matrix room"
)

// VoiceBroadcast says that somebody speaks to the Matrix room in a broadcast.
const VoiceBroadcast = "🎙️ started a voice broadcast in the Matrix room"

// Gallery announces several files that were sent as one message.
func Gallery(files int) string {
	if files == 1 {
		return "🖼️ gallery of 1 file"
	}
	return fmt.Sprintf("🖼️ gallery of %d files", files)
}

// Wordless stands for a message of a type that has no text. It names the type, so that people know what to ask for.
func Wordless(eventType string) string {
	return fmt.Sprintf("❔ sent something that cannot be shown on Wazo (%s)", eventType)
}

// RestOfMessage is the name of the file with the rest of a message that is too long for Matrix.
const RestOfMessage = "rest of the message.txt"

// RestIsMissing follows the beginning of the rest of a very long message, if the file with all of it cannot be shown: it was not
// encrypted, and the room has been encrypted since.
const RestIsMissing = "(The message goes on. What follows cannot be shown, because encryption has just been switched on in this room. It can be read on Wazo.)"
