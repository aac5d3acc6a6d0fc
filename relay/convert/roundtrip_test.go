package convert

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// author writes messages: each byte of its script decides what comes next.
type author struct{ script []byte }

func (a *author) next(choices int) int {
	if len(a.script) == 0 {
		return 0
	}
	choice := int(a.script[0]) % choices
	a.script = a.script[1:]
	return choice
}

// authorWords need no escape in the Markdown that Wazo's clients may show. Those that do need
// one are read by people as they stand, see [newTypedMarkdown].
var authorWords = []string{"word", "two words", "snake_case", "2 * 3", "Grüße", "👍", "重要", "10:30", "C:\\x", "a.b", "(c)", "it's"}

// phrase writes text with marks.
func (a *author) phrase() string {
	word := authorWords[a.next(len(authorWords))]
	switch a.next(7) {
	case 1:
		return "**" + word + "**"
	case 2:
		return "_" + authorWords[a.next(2)] + "_"
	case 3:
		return "~~" + word + "~~"
	case 4:
		return "`" + word + "`"
	case 5:
		return "[" + word + "](https://a.example/" + fmt.Sprint(a.next(9)) + ")"
	default:
		return word
	}
}

// line writes text that begins with a word: what else begins a line may be meant otherwise.
func (a *author) line() string {
	line := "Then " + a.phrase()
	for range a.next(4) {
		line += " and " + a.phrase() // neighbours with the same marks would become one
	}
	return line
}

// block writes a paragraph or another block.
func (a *author) block() string {
	switch a.next(7) {
	case 1:
		return "- " + a.line() + "\n- " + a.line()
	case 2:
		return "1. " + a.line() + "\n2. " + a.line()
	case 3:
		return "> " + a.line() + "\n> " + a.line()
	case 4:
		return "## " + a.line()
	case 5:
		return "```go\n" + authorWords[a.next(len(authorWords))] + "\n```"
	case 6:
		return a.line() + "\n" + a.line()
	default:
		return a.line()
	}
}

func (a *author) message() string {
	blocks := []string{a.block()}
	for range a.next(4) {
		blocks = append(blocks, "Next:", a.block()) // lists that follow each other would become one
	}
	return strings.Join(blocks, "\n\n")
}

// skeleton returns the tags of HTML with the text between them.
func skeleton(rendered string) string {
	var out strings.Builder
	for tokens := html.NewTokenizer(strings.NewReader(rendered)); ; {
		switch tokens.Next() {
		case html.ErrorToken:
			return out.String()
		case html.TextToken:
			out.WriteString(squeeze(string(tokens.Text())))
		default:
			out.WriteString(tokens.Token().String())
		}
	}
}

// What is formatted on Wazo keeps its structure on the way to Matrix and back, and a second
// time changes nothing.
func FuzzRoundTrip(f *testing.F) {
	for _, seed := range []string{"", "\x01\x02\x03\x04", "\x05\x00\x01\x02\x03\x00\x04", "\x03\x02\x05\x01\x06\x03\x03", "\x04\x04\x04\x04\x02\x02\x02\x02\x01\x01\x01"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		typed := (&author{script}).message()
		first := ToMatrix(typed)
		if first.FormattedBody == "" {
			return
		}
		markdown := toWazo(t, first, WazoOptions{})
		second := ToMatrix(markdown)
		if skeleton(second.FormattedBody) != skeleton(first.FormattedBody) {
			t.Errorf("%q\nbecame %q\nthen   %q\nthen   %q", typed, first.FormattedBody, markdown, second.FormattedBody)
		}
		if again := toWazo(t, second, WazoOptions{}); again != markdown {
			t.Errorf("%q, then %q", markdown, again)
		}
	})
}
