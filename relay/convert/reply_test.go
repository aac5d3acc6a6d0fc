package convert

import (
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

func TestQuotesHaveAtMostFortyCharacters(t *testing.T) {
	family := "👩‍👩‍👧"
	for _, test := range []struct{ name, text, want string }{
		{"at the limit", strings.Repeat("a", 40), strings.Repeat("a", 40)},
		{"one past it", strings.Repeat("a", 41), strings.Repeat("a", 39) + "…"},
		{"behind a word", strings.Repeat("word ", 20), "word word word word word word word…"},
		{"characters as people see them", strings.Repeat(family, 41), strings.Repeat(family, 39) + "…"},
		{"in one line", "a\n\n b\tc", "a b c"},
		{"without quotes in front", "> old\n\nnew", "new"},
		{"nothing but a quote", "> old", "> old"},
		{"nothing", "\u200b", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &event.MessageEventContent{MsgType: event.MsgText, Body: test.text}
			if got := Preview(c, WazoOptions{}); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := Preview(nil, WazoOptions{}); got != "" {
		t.Errorf("a message that is not known begins with %q", got)
	}
}

func TestWazoMessagesAreQuotedWithoutMarkdown(t *testing.T) {
	for typed, want := range map[string]string{
		"**Lunch** is `ready`":    "Lunch is ready",
		"> old\n\n**new** :tada:": "new 🎉",
		"*21*4711#":               "*21*4711#",
		"- milk\n- eggs":          "• milk • eggs",
	} {
		if got := WazoPreview(words.Texts{}, typed); got != want {
			t.Errorf("%q is quoted as %q, want %q", typed, got, want)
		}
	}
}

func TestMessageThatIsRepliedTo(t *testing.T) {
	reply := func(r *event.RelatesTo, target id.EventID) *event.RelatesTo {
		r.InReplyTo = &event.InReplyTo{EventID: target}
		return r
	}
	for _, test := range []struct {
		name           string
		relation       *event.RelatesTo
		target, thread id.EventID
	}{
		{"none", nil, "", ""},
		{"a reply", reply(&event.RelatesTo{}, "$1"), "$1", ""},
		{"a thread", &event.RelatesTo{Type: event.RelThread, EventID: "$root"}, "$root", "$root"},
		{"a thread with fallback", reply(&event.RelatesTo{Type: event.RelThread, EventID: "$root", IsFallingBack: true}, "$last"), "$last", "$root"},
		{"a reply in a thread", reply(&event.RelatesTo{Type: event.RelThread, EventID: "$root"}, "$2"), "$2", "$root"},
		{"an edit", (&event.RelatesTo{}).SetReplace("$1"), "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if target, thread := RepliedTo(&event.MessageEventContent{RelatesTo: test.relation}); target != test.target || thread != test.thread {
				t.Errorf("got %s in %s, want %s in %s", target, thread, test.target, test.thread)
			}
		})
	}
}

func TestQuoteOfWhatIsHardlyKnown(t *testing.T) {
	for _, test := range []struct {
		name  string
		quote *Quote
		want  string
	}{
		{"nothing", &Quote{}, "hi"},
		{"the author", &Quote{Author: "Ann"}, "hi\n\n> ↩️ Ann"},
		{"the text", &Quote{Text: "hello"}, "hi\n\n> ↩️ hello"},
		{"the author of a thread", &Quote{Author: "Ann", Thread: true}, "hi\n\n> 🧵 Ann"},
		{"an author with Markdown", &Quote{Author: "*Ann*", Text: "hello"}, "hi\n\n> \\*Ann\\*: hello"},
		{"a text that would begin a list", &Quote{Text: "1. a", Author: ""}, "hi\n\n> ↩️ 1. a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &event.MessageEventContent{MsgType: event.MsgText, Body: "hi"}
			if got := toWazo(t, c, WazoOptions{RepliesTo: test.quote}); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestWithoutQuote(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"yes":                              "yes",
		"yes\n\n> Bob: what?":              "yes",
		"> typed\n\nyes\n\n> Bob: what?":   "> typed\n\nyes",
		"> typed\n\nyes":                   "> typed\n\nyes",
		"yes\n\n> a quote\n> of two lines": "yes\n\n> a quote\n> of two lines",
		"":                                 "",
	} {
		if got := WithoutQuote(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
