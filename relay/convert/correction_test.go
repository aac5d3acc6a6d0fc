package convert

import (
	"errors"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
)

// edited returns the edit that replaces a message's content.
func edited(content *event.MessageEventContent) *event.MessageEventContent {
	return &event.MessageEventContent{
		MsgType: event.MsgText, Body: "* " + content.Body, RelatesTo: (&event.RelatesTo{}).SetReplace("$e"), NewContent: content,
	}
}

func TestSmallCorrectionsShowWhatChanged(t *testing.T) {
	for _, test := range []struct{ name, before, now, want string }{
		{"a word in a sentence", "We meet at 14:03 in the big room.", "We meet at 14:30 in the big room.", "✏️ 14:30 instead of 14:03"},
		{"several words", "Please call Ann Smith before the meeting starts", "Please call Bea Jones before the meeting starts", "✏️ Bea Jones instead of Ann Smith"},
		{"a short text is shown as a whole", "at 14:03", "at 14:30", "✏️ at 14:30"},
		{"a word more has its neighbour", "We meet at noon in the room on the second floor.", "We meet at noon sharp in the room on the second floor.", "✏️ noon sharp instead of noon"},
		{"a word less has its neighbour", "We meet at noon sharp in the room on the second floor.", "We meet at noon in the room on the second floor.", "✏️ noon instead of noon sharp"},
		{"a word more at the beginning", "meet at the station in front of the big clock", "Please meet at the station in front of the big clock", "✏️ Please meet instead of meet"},
		{"what stands there twice has its neighbour", "Ann comes at 2 and Bea comes at 2 as well, I think", "Ann comes at 3 and Bea comes at 2 as well, I think", "✏️ Ann comes at 3 instead of Ann comes at 2"},
		{"too much is shown as a whole", "a b c d e f g h", "i j k l m n o p h", "✏️ i j k l m n o p h"},
		{"changes in two places are shown as a whole", "one two three", "uno two tre", "✏️ uno two tre"},
		{"a line more is shown as a whole", "a list of all the things that we need:\nmilk", "a list of all the things that we need:\nmilk\neggs", "✏️ a list of all the things that we need:\nmilk\neggs"},
		{"marks are not torn", "We will meet **at noon** in the big room.", "We will meet **at night** in the big room.", "✏️ We will meet **at night** in the big room."},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := &event.MessageEventContent{MsgType: event.MsgText, Body: test.before}
			c := edited(&event.MessageEventContent{MsgType: event.MsgText, Body: test.now})
			if got := toWazo(t, c, WazoOptions{Before: before}); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestEditsThatChangeNothingReadableAreEmpty(t *testing.T) {
	text := func(body string) *event.MessageEventContent {
		return &event.MessageEventContent{MsgType: event.MsgText, Body: body}
	}
	for _, test := range []struct {
		name        string
		before, now *event.MessageEventContent
	}{
		{"the same text", text("a b"), text("a b")},
		{"another number of blanks", text("a b"), text("a  b ")},
		{"HTML that says the same", text("a b"), formatted("<p>a b</p>")},
		{"after an edit that says it", edited(text("a b")), text("a b")},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ToWazo(edited(test.now), WazoOptions{Before: test.before})
			if !errors.Is(err, ErrEmpty) {
				t.Errorf("got %q, %v; want ErrEmpty", got, err)
			}
		})
	}
	if got := toWazo(t, edited(formatted("<del>a</del> b")), WazoOptions{Before: text("a b")}); got != "✏️ ~~a~~ b" {
		t.Errorf("struck text is a change: %q", got)
	}
	if got := toWazo(t, edited(text("a")), WazoOptions{Before: text("")}); got != "✏️ a" {
		t.Errorf("what was empty can be read now: %q", got)
	}
}

// Every correction can be checked: the words before it stand in the text before it, and
// those that it shows in the new text.
func FuzzCorrection(f *testing.F) {
	f.Add("We meet at 14:03 today", "We meet at 14:30 today", false)
	f.Add("a a a a a a a a a a a a a a a", "a a a a a a a b a a a a a a a", true)
	f.Add("", "b", true)
	f.Fuzz(func(t *testing.T, before, now string, plain bool) {
		text := func(body string) *event.MessageEventContent {
			return &event.MessageEventContent{MsgType: event.MsgText, Body: body}
		}
		whole, wholeErr := ToWazo(edited(text(now)), WazoOptions{Plain: plain})
		got, err := ToWazo(edited(text(now)), WazoOptions{Plain: plain, Before: text(before)})
		switch {
		case wholeErr != nil && err == nil:
			t.Errorf("%q became %q", now, got)
		case err != nil:
			return
		case len([]rune(got)) > len([]rune(whole)):
			t.Errorf("%q is longer than %q", got, whole)
		}
		is, was, isShort := strings.Cut(strings.TrimPrefix(got, editMark), " instead of ")
		if got == whole || !isShort {
			return
		}
		squeezed := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		if !strings.Contains(squeezed(cleanText(now)), squeezed(is)) && !strings.Contains(now, "instead of") {
			t.Errorf("%q is not in %q", is, now)
		}
		if !strings.Contains(squeezed(cleanText(before)), squeezed(was)) && !strings.Contains(before+now, "instead of") {
			t.Errorf("%q is not in %q", was, before)
		}
	})
}
