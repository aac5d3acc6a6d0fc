package convert

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay/words"
)

// addGolden adds the inputs of the golden files to a fuzz test.
func addGolden(f *testing.F, add func(input string)) {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "golden", "to-wazo", "*.txt"))
	if err != nil || len(paths) == 0 {
		f.Fatalf("no golden files: %v", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, text := range strings.Split(string(data), "\n"+caseMark)[1:] {
			_, body, _ := strings.Cut(text, "\n")
			input, _, _ := strings.Cut(body, "\n"+sectionMark)
			add(input)
		}
	}
}

// Whatever an event contains, it has a kind, what is said of it is short enough and clean, and
// it is the same each time.
func FuzzDescribe(f *testing.F) {
	addGolden(f, func(input string) { f.Add(input) })
	for name := range messageTypes {
		f.Add(`{"type":"` + name + `","content":{"body":1,"m.text":[1,{"body":[]}],"m.relates_to":7,"m.new_content":[],"answers":{},"m.location":3,"info":[]}}`)
	}
	for name := range stateTypes {
		f.Add(`{"type":"` + name + `","state_key":"","content":{"type":"jitsi","live":1,"timeout":-1e99,"memberships":3},"unsigned":{"prev_content":{"a":1}}}`)
	}
	f.Fuzz(func(t *testing.T, input string) {
		var e goldenEvent
		if json.Unmarshal([]byte(input), &e) != nil || json.Unmarshal([]byte(input), &e.event) != nil {
			return
		}
		d := Describe(&e.event, nil)
		if d.About != "" {
			d = Describe(&e.event, e.About)
		}
		if (d.Kind == KindSaid || d.Kind == KindWordless) != (d.Content != nil) || (d.Kind == KindWordless) != (d.Type != "") {
			t.Fatalf("kind %d with content %v and type %q", d.Kind, d.Content, d.Type)
		}
		for _, plain := range []bool{false, true} {
			if d.Content != nil {
				checkSaid(t, d.Content, e.options(plain))
			} else if d.Kind == KindReacted {
				checkLine(t, e.showReaction(e.options(plain)), plain)
			}
		}
	})
}

func checkSaid(t *testing.T, c *event.MessageEventContent, opts WazoOptions) {
	t.Helper()
	opts.RepliesTo = nil
	text, err := ToWazo(c, opts)
	switch {
	case errors.Is(err, ErrEmpty), errors.Is(err, ErrTooLarge):
		return
	case err != nil:
		t.Fatal(err)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0) || !readable(text):
		t.Errorf("not clean: %q", text)
	}
	if again, _ := ToWazo(c, opts); again != text {
		t.Errorf("%q, then %q", text, again)
	}
	preview := Preview(c, opts)
	checkQuote(t, preview)
	opts.RepliesTo = &Quote{Author: text, Text: preview, Thread: true}
	reply, err := ToWazo(c, opts)
	if err != nil && !errors.Is(err, ErrTooLarge) || err == nil && !strings.HasPrefix(reply, text) {
		t.Errorf("%q, as a reply %q, %v", text, reply, err)
	}
}

// checkQuote fails the test if a text is no line of at most maxQuote characters.
func checkQuote(t *testing.T, text string) {
	t.Helper()
	count := 0
	for characters := graphemes.FromString(text); characters.Next(); {
		count++
	}
	if count > maxQuote || strings.ContainsAny(text, "\n\r\x00") || !utf8.ValidString(text) || len(text) > maxCharacter*maxQuote+len("…") {
		t.Errorf("%d characters, %d bytes: %q", count, len(text), text)
	}
}

func checkLine(t *testing.T, line string, plain bool) {
	t.Helper()
	if strings.Contains(line, "\n") || !utf8.ValidString(line) || len(line) > MaxContentBytes {
		t.Errorf("%q is no line", line)
	}
	if !plain {
		checkMarkdown(t, line)
	}
}

// The lines for reactions are lines, name everybody or count them, and stay short.
func FuzzReactions(f *testing.F) {
	f.Add("👍", "Ann", "❤️", "Bea", "hello")
	f.Add("*", "**", "[a](b)", "<b>", "`")
	f.Add("", "\n", "a\nb", "\u200b", "")
	f.Fuzz(func(t *testing.T, emoji1, by1, emoji2, by2, about string) {
		reactions := Reactions{{emoji1, by1}, {emoji2, by2}, {emoji1, by2}}
		for _, plain := range []bool{false, true} {
			for _, line := range []string{reactions.Line(about, WazoOptions{Plain: plain}), reactions.RemovedLine(about, WazoOptions{Plain: plain})} {
				checkLine(t, line, plain)
				if len(line) > 20_000 {
					t.Errorf("%d bytes", len(line))
				}
			}
		}
		if emoji, ok := NativeEmoji(emoji1); ok && (emoji == "" || utf8.RuneCountInString(emoji) > 10 || strings.ContainsAny(emoji, "/\x00")) {
			t.Errorf("%q is no native emoji", emoji)
		}
	})
}

// Quotes are lines of limited length, whatever the message is.
func FuzzPreview(f *testing.F) {
	for _, p := range append(pairs(), written()...) {
		f.Add(p.html, p.markdown)
	}
	f.Add("<mx-reply>a</mx-reply>", "> <@a:b> c\n\nd")
	f.Add(strings.Repeat("👩‍👩‍👧", 100), strings.Repeat("e\u0301\u0301", 100))
	f.Fuzz(func(t *testing.T, html, markdown string) {
		checkQuote(t, Preview(formatted(html), WazoOptions{}))
		checkQuote(t, WazoPreview(words.Texts{}, markdown))
		short := beginning(markdown, maxQuote)
		if again := beginning(short, maxQuote); again != short {
			t.Errorf("%q, then %q", short, again)
		}
	})
}
