package words

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// convertedTexts renders every text that stands for something in a message. They have a file
// of their own because they are not said by the relay: docs/troubleshooting.md need not
// explain them.
func convertedTexts() string {
	var b strings.Builder
	b.WriteString("# Written by go test ./relay/words -update. Every text that stands on Wazo for what its chat does not have.\n\n")
	text := func(name, said string) {
		fmt.Fprintf(&b, "%s\n", name)
		for line := range strings.Lines(said) {
			b.WriteString(strings.TrimRight("    "+line, " \n") + "\n")
		}
	}
	for _, kind := range []struct {
		name string
		kind Phrase
	}{
		{"AnnouncedSticker", AnnouncedSticker}, {"AnnouncedPicture", AnnouncedPicture}, {"AnnouncedVideo", AnnouncedVideo},
		{"AnnouncedVoice", AnnouncedVoice}, {"AnnouncedAudio", AnnouncedAudio}, {"AnnouncedContact", AnnouncedContact},
		{"AnnouncedFile", AnnouncedFile}, {"AnnouncedLocation", AnnouncedLocation}, {"AnnouncedPoll", AnnouncedPoll},
	} {
		text(kind.name, golden.Say(kind.kind))
		text("Labelled "+kind.name, golden.Labelled(kind.kind)+"…")
	}
	text("UnnamedFile", golden.Say(UnnamedFile))
	text("UnnamedPicture", golden.Say(UnnamedPicture))
	text("CannotBeShown UnnamedPicture", golden.CannotBeShown(golden.Say(UnnamedPicture)))
	text("UnnamedRoom", golden.Say(UnnamedRoom))
	text("UnknownUser", golden.UnknownUser("1a2b3c4d"))
	text("UnknownUser, without uuid", golden.UnknownUser(""))
	text("VoiceMessage", golden.Say(VoiceMessage))
	text("By", golden.By("Ann")+"…")
	text("PastBy WrittenAt", golden.PastBy("Ann", golden.WrittenAt(time.Date(2026, 11, 21, 14, 2, 0, 0, time.UTC), true)))
	text("LongerThanADay", golden.Say(LongerThanADay))
	for _, bytes := range []int{0, 1, 999, 1200, 1_234_567, 12_300_000_000} {
		text("Bytes", golden.Bytes(bytes))
	}
	text("WithMore, none", golden.WithMore("Ann, Bea", 0))
	text("WithMore, one", golden.WithMore("Ann, Bea", 1))
	text("WithMore, several", golden.WithMore("Ann, Bea", 2))
	text("InsteadOf", golden.InsteadOf("14:30", "14:03"))
	text("RemovedMessage", golden.RemovedMessage(golden.WrittenAt(time.Date(2026, 11, 21, 14, 2, 0, 0, time.UTC), false)))
	text("RemovedMessageBy", golden.RemovedMessageBy("Ann", golden.WrittenAt(time.Date(2026, 11, 21, 14, 2, 0, 0, time.UTC), true)))
	text("ReactedTo", golden.ReactedTo("👍 Ann, Bea", "Shall we meet at noon?"))
	text("ReactedTo, a message that is not known", golden.ReactedTo("👍", ""))
	text("ReactionsRemoved", golden.ReactionsRemoved("👍", "Shall we meet at noon?"))
	text("ReactionsRemoved, from a message that is not known", golden.ReactionsRemoved("👍", ""))
	text("ReactionsRemovedHere", golden.ReactionsRemovedHere("👍 Ann, Bea"))
	text("AndMore, one", golden.AndMore(1))
	text("AndMore, several", golden.AndMore(3))
	text("CustomEmoji", golden.Say(CustomEmoji))
	text("SomebodyElse", golden.Say(SomebodyElse))
	text("Voted", golden.Voted([]string{"Pizza", "Soup"}, "Lunch?"))
	text("Voted, nobody may know for what", golden.Voted(nil, "Lunch?"))
	text("Voted, the poll is not known", golden.Voted(nil, ""))
	text("VoteRemoved", golden.VoteRemoved("Lunch?"))
	text("PollEnded", golden.PollEnded("Lunch?", nil))
	text("PollEnded Votes", golden.PollEnded("Lunch?", []string{golden.Votes("Pizza", 2), golden.Votes("Soup", 1)}))
	text("LiveLocation", golden.LiveLocation("", ""))
	text("LiveLocation, with all", golden.LiveLocation("On my way", golden.Period(15, Minutes)))
	text("Period", golden.Period(1, Days))
	text("Period", golden.Period(2, Hours))
	text("LiveLocationEnded", golden.Say(LiveLocationEnded))
	text("CallsVoice", golden.Say(CallsVoice))
	text("CallsVideo", golden.Say(CallsVideo))
	text("CallStarted", golden.Say(CallStarted))
	text("CallJoined", golden.Say(CallJoined))
	text("VoiceBroadcast", golden.Say(VoiceBroadcast))
	text("Gallery", golden.Gallery(1))
	text("Gallery, several files", golden.Gallery(3))
	text("Wordless", golden.Wordless("org.example.game"))
	text("RestOfMessage", golden.Say(RestOfMessage))
	text("RestIsMissing", golden.Say(RestIsMissing))
	return b.String()
}

func TestEveryConvertedTextIsAsReviewed(t *testing.T) { compareGolden(t, "converted", convertedTexts) }
