package words

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
	text("InsteadOf", InsteadOf("14:30", "14:03"))
	text("RemovedMessage", RemovedMessage("14:02"))
	text("RemovedMessageBy", RemovedMessageBy("Ann", "2026-11-21 14:02"))
	text("ReactedTo", ReactedTo("👍 Ann, Bea", "Shall we meet at noon?"))
	text("ReactedTo, a message that is not known", ReactedTo("👍", ""))
	text("ReactionsRemoved", ReactionsRemoved("👍", "Shall we meet at noon?"))
	text("ReactionsRemoved, from a message that is not known", ReactionsRemoved("👍", ""))
	text("ReactionsRemovedHere", ReactionsRemovedHere("👍 Ann, Bea"))
	text("AndMore", AndMore(3))
	text("CustomEmoji", CustomEmoji)
	text("SomebodyElse", SomebodyElse)
	text("Voted", Voted([]string{"Pizza", "Soup"}, "Lunch?"))
	text("Voted, nobody may know for what", Voted(nil, "Lunch?"))
	text("Voted, the poll is not known", Voted(nil, ""))
	text("VoteRemoved", VoteRemoved("Lunch?"))
	text("PollEnded", PollEnded("Lunch?", nil))
	text("PollEnded Votes", PollEnded("Lunch?", []string{Votes("Pizza", 2), Votes("Soup", 1)}))
	text("LiveLocation", LiveLocation("", ""))
	text("LiveLocation, with all", LiveLocation("On my way", "15 minutes"))
	text("LiveLocationEnded", LiveLocationEnded)
	text("CallsVoice", CallsVoice)
	text("CallsVideo", CallsVideo)
	text("CallStarted", CallStarted)
	text("CallJoined", CallJoined)
	text("VoiceBroadcast", VoiceBroadcast)
	text("Gallery", Gallery(1))
	text("Gallery, several files", Gallery(3))
	text("Wordless", Wordless("org.example.game"))
	text("RestOfMessage", RestOfMessage)
	text("RestIsMissing", RestIsMissing)
	return b.String()
}

func TestEveryConvertedTextIsAsReviewed(t *testing.T) {
	file := filepath.Join("testdata", "converted.golden")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(convertedTexts()), 0o644))
	}
	golden, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(golden), convertedTexts(), "run go test ./relay/words -update and read what changed")
}
