package convert

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wazo-matrix-relay/relay/words"
)

func TestEmojiThatWazoStores(t *testing.T) {
	for _, test := range []struct {
		emoji string
		ok    bool
	}{
		{"👍", true},
		{"👩‍👩‍👧", true},
		{strings.Repeat("a", 10), true},
		{strings.Repeat("a", 11), false},
		{"", false},
		{"\u200b", false},
		{"a/b", false},
		{string(words.CustomEmoji), false},
		{":party:", true},
	} {
		if _, ok := NativeEmoji(test.emoji); ok != test.ok {
			t.Errorf("%q: got %v", test.emoji, ok)
		}
	}
	if EmojiKey("❤️") != EmojiKey("❤") {
		t.Error("both hearts look the same")
	}
}

func TestManyReactionsAreCounted(t *testing.T) {
	var people, emoji Reactions
	for i := range 12 {
		people = append(people, Reaction{"👍", fmt.Sprintf("P%d", i)})
		emoji = append(emoji, Reaction{Emoji: fmt.Sprintf("E%d", i)})
	}
	if got, want := people.Line("a", WazoOptions{}), `👍 P0, P1, P2, P3, P4, P5, P6, P7, P8, P9 and 2 more to "a"`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := emoji.Line("a", WazoOptions{}), `E0 E1 E2 E3 E4 E5 E6 E7 E8 E9 and 2 more to "a"`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (Reactions{}).Line("a", WazoOptions{}); got != "" {
		t.Errorf("nobody reacted: %q", got)
	}
}

func TestLinesThatReplyToTheMessage(t *testing.T) {
	reactions := Reactions{{"❤️", "Ann"}, {"❤", "*Bea*"}, {"👍", "Ann"}}
	if got, want := reactions.Reply(WazoOptions{}), `❤️ Ann, \*Bea\* · 👍 Ann`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := reactions.RemovedReply(WazoOptions{Plain: true}), "removed ❤️ Ann, *Bea* · 👍 Ann"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (Reactions{{Emoji: "👍"}}).Reply(WazoOptions{}); got != "👍" {
		t.Errorf("one person's: %q", got)
	}
	if got := (Reactions{}).RemovedReply(WazoOptions{}); got != "" {
		t.Errorf("nobody reacted: %q", got)
	}
}

func TestRemovalsTellTheTime(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	written := time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC).In(zone) // 0:30 of the next day there
	for _, test := range []struct {
		name string
		now  time.Time
		want string
	}{
		{"later that day", time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), "🗑️ removed a message of 00:30"},
		{"the next day there", time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC), "🗑️ removed a message of 2026-11-22 00:30"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Removal(written, test.now, "", WazoOptions{}); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
