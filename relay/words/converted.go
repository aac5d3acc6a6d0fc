package words

import "strings"

// What stands on Wazo for things that its chat does not have. The name of the person who did it is shown as the author
// of the message, so these texts do not begin with it. All arguments are written as Markdown or plain text already.
//
// The relay looks for what it has posted by the text. A text that was posted in another language is found, too: see
// [Texts.InEach].

// Labelled puts what announces a file or a place before its name, which follows behind a blank.
func (t Texts) Labelled(kind Phrase) string { return t.say("%s:", t.Say(kind)) + " " }

// What is announced.
const (
	AnnouncedSticker  Phrase = "🏷️ sticker"
	AnnouncedPicture  Phrase = "📷 picture"
	AnnouncedVideo    Phrase = "🎬 video"
	AnnouncedVoice    Phrase = "🎤 voice message"
	AnnouncedAudio    Phrase = "🎵 audio"
	AnnouncedContact  Phrase = "👤 contact"
	AnnouncedFile     Phrase = "📎 file"
	AnnouncedLocation Phrase = "📍 location"
	AnnouncedPoll     Phrase = "📊 poll"
)

// What stands for a name that is missing.
const (
	UnnamedFile    Phrase = "file"
	UnnamedPicture Phrase = "picture"
	UnnamedRoom    Phrase = "Matrix room"
)

// VoiceMessage is how clients begin the name of the file of a voice message, in small letters.
const VoiceMessage Phrase = "voice message"

// UnknownUser names a Wazo user whose name is not known by the beginning of the uuid, which may be "".
func (t Texts) UnknownUser(uuid string) string {
	if uuid == "" {
		return t.say("Wazo user")
	}
	return t.say("Wazo user %s", uuid)
}

// By begins a line with the name of who said what follows behind a blank.
func (t Texts) By(name string) string { return t.say("%s:", name) + " " }

// PastBy begins a message of the past with the name of its author and when it was written.
func (t Texts) PastBy(name, at string) string { return t.say("%s (%s):", name, at) }

// CannotBeShown names a picture that cannot be shown.
func (t Texts) CannotBeShown(name string) string { return t.say("%s (cannot be shown)", name) }

// LongerThanADay says how long a recording is that is longer than anybody believes.
const LongerThanADay Phrase = "more than a day"

// Bytes says how large a file is, with a decimal unit: "1.2 MB".
func (t Texts) Bytes(bytes int) string {
	if bytes < 1000 {
		return t.count(bytes, "%d byte", "%d bytes")
	}
	units := []Phrase{"kB", "MB", "GB", "TB", "PB", "EB"}
	size, unit := float64(bytes)/1000, 0
	// 999.95 would be rounded to 1000.0.
	for size >= 999.95 && unit < len(units)-1 {
		size /= 1000
		unit++
	}
	return t.say("%.1f %s", size, t.Say(units[unit]))
}

// InsteadOf shows a correction: what an edited message says now, and what it said before.
func (t Texts) InsteadOf(now, before string) string { return t.say("%s instead of %s", now, before) }

// RemovedMessage says that somebody has removed a message of theirs, which was written at a time, as from WrittenAt.
func (t Texts) RemovedMessage(at string) string { return t.say("🗑️ removed a message of %s", at) }

// RemovedMessageBy says that somebody, a moderator perhaps, has removed another person's message.
func (t Texts) RemovedMessageBy(author, at string) string {
	return t.say("🗑️ removed a message by %s of %s", author, at)
}

// SomebodyElse stands for the author of a message who is not known.
const SomebodyElse Phrase = "somebody else"

// ReactedTo says to which message people reacted, and how: "👍 Ann, Bea". beginning is how that message begins, or "" if
// that is not known.
func (t Texts) ReactedTo(reactions, beginning string) string {
	if beginning == "" {
		return t.say("%s to an earlier message", reactions)
	}
	return t.say("%s to \"%s\"", reactions, beginning)
}

// ReactionsRemoved says from which message people removed their reactions.
func (t Texts) ReactionsRemoved(reactions, beginning string) string {
	if beginning == "" {
		return t.say("removed %s from an earlier message", reactions)
	}
	return t.say("removed %s from \"%s\"", reactions, beginning)
}

// ReactionsRemovedHere says, below a message, which reactions people removed from it.
func (t Texts) ReactionsRemovedHere(reactions string) string { return t.say("removed %s", reactions) }

// AndMore ends a list of names that is too long.
func (t Texts) AndMore(more int) string { return t.count(more, "and %d more", "and %d more") }

// CustomEmoji stands for a picture that somebody reacted with, if it has no name.
const CustomEmoji Phrase = "a custom emoji"

// Voted says what somebody has voted for in a poll. answers is empty if nobody may know it before the poll ends, or if
// it is not known. question is "" if it is not known.
func (t Texts) Voted(answers []string, question string) string {
	chosen := strings.Join(answers, ", ")
	switch {
	case chosen == "" && question == "":
		return t.say("🗳️ voted in a poll")
	case chosen == "":
		return t.say("🗳️ voted in the poll \"%s\"", question)
	case question == "":
		return t.say("🗳️ voted for %s in a poll", chosen)
	default:
		return t.say("🗳️ voted for %s in the poll \"%s\"", chosen, question)
	}
}

// VoteRemoved says that somebody has taken back their vote in a poll.
func (t Texts) VoteRemoved(question string) string {
	if question == "" {
		return t.say("🗳️ removed their vote in a poll")
	}
	return t.say("🗳️ removed their vote in the poll \"%s\"", question)
}

// PollEnded says that a poll has ended. results are the answers with their votes, and may be empty.
func (t Texts) PollEnded(question string, results []string) string {
	ended := t.say("📊 ended the poll \"%s\"", question)
	if question == "" {
		ended = t.say("📊 ended a poll")
	}
	return strings.Join(append([]string{ended}, results...), "\n")
}

// Votes is a line of the results of a poll.
func (t Texts) Votes(answer string, votes int) string {
	return t.count(votes, "%[2]s: %[1]d vote", "%[2]s: %[1]d votes", answer)
}

// LiveLocation says that somebody shares where they are while they move. description and period, as from Period, may be
// empty.
func (t Texts) LiveLocation(description, period string) string {
	shares := t.say("📍 shares their live location")
	if period != "" {
		shares = t.say("📍 shares their live location for %s", period)
	}
	if description == "" {
		return shares
	}
	return t.By(shares) + description
}

// PeriodUnit is a unit in which a period is told.
type PeriodUnit int

// The units.
const (
	Minutes PeriodUnit = iota
	Hours
	Days
)

// Period says how long somebody wants to share something.
func (t Texts) Period(n int, unit PeriodUnit) string {
	switch unit {
	case Days:
		return t.count(n, "%d day", "%d days")
	case Hours:
		return t.count(n, "%d hour", "%d hours")
	default:
		return t.count(n, "%d minute", "%d minutes")
	}
}

// LiveLocationEnded says that somebody no longer shares where they are.
const LiveLocationEnded Phrase = "📍 no longer shares their live location"

// What people do with calls in the Matrix room, which nobody can join from Wazo.
const (
	CallsVoice  Phrase = "📞 starts a voice call in the Matrix room"
	CallsVideo  Phrase = "📞 starts a video call in the Matrix room"
	CallStarted Phrase = "📞 starts a call in the Matrix room"
	CallJoined  Phrase = "📞 joined the call in the Matrix room"
)

// VoiceBroadcast says that somebody speaks to the Matrix room in a broadcast.
const VoiceBroadcast Phrase = "🎙️ started a voice broadcast in the Matrix room"

// Gallery announces several files that were sent as one message.
func (t Texts) Gallery(files int) string {
	return t.count(files, "🖼️ gallery of %d file", "🖼️ gallery of %d files")
}

// Wordless stands for a message of a type that has no text. It names the type, so that people know what to ask for.
func (t Texts) Wordless(eventType string) string {
	return t.say("❔ sent something that cannot be shown on Wazo (%s)", eventType)
}

// RestOfMessage is the name of the file with the rest of a message that is too long for Matrix.
const RestOfMessage Phrase = "rest of the message.txt"

// RestIsMissing follows the beginning of the rest of a very long message, if the file with all of it cannot be shown:
// it was not encrypted, and the room has been encrypted since.
const RestIsMissing Phrase = "(The message goes on. What follows cannot be shown, because encryption has just been switched on in this room. It can be read on Wazo.)"
