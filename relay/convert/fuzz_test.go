package convert

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"maunium.net/go/mautrix/event"
)

func FuzzMarkdownToMatrix(f *testing.F) {
	for _, p := range append(pairs(), written()...) {
		f.Add(p.markdown)
	}
	for _, seed := range []string{
		"[a](JavaScript:x)", "[a](java&Tab;script:x)", "<javascript:x>", "![a](data:x)", "[![a](http://b)](http://c)",
		"[a](https://matrix.to/#/@b:c)", "@room", "<b onclick=x>a</b> *b*", "```x\"y\n*", "|a|\n|-|\n|<b>|", "a\x00b\xff *c*",
		`\\a\b \*c\* *d*`, "\\\n*a*", "```a b\nc``` *d*", "> a\nb\n1. c\n3. d\n- e\n- f\ng", "|a|\n|-|\n|`b\\|c` \\||\nd", "__a__ **b *c*** _d_e", "\\`a\\` *b*",
		"\\[a](https://b) \\# c", "\\# *a*", "*21*4# ~~5~~", "  \t*a*\n\t- b",
		"<a@b.c> *d*", "www.a.b *c*", "&lt;script&gt; *a*", "> - 1. > a", "~~a~~ [b]: c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		c := ToMatrix(content)
		checkMatrixHTML(t, c.FormattedBody)
		checkNothingIsLost(t, c)
		AddProfile(c, content, content)
		checkMatrixHTML(t, c.FormattedBody)
		if !utf8.ValidString(c.Body) || !utf8.ValidString(c.FormattedBody) || strings.ContainsRune(c.Body+c.FormattedBody, 0) {
			t.Errorf("not clean UTF-8: %q, %q", c.Body, c.FormattedBody)
		}
		if m := c.Mentions; m == nil || m.Room || len(m.UserIDs) > 0 {
			t.Errorf("mentions %+v", m)
		}
		if (c.Format == event.FormatHTML) != (c.FormattedBody != "") {
			t.Errorf("format %q with formatted body %q", c.Format, c.FormattedBody)
		}
		if len(content) <= minPart && EventSize(c) > MaxEventBytes {
			t.Errorf("%d bytes became %d", len(content), EventSize(c))
		}
	})
}

func FuzzHTMLToMarkdown(f *testing.F) {
	for _, p := range append(pairs(), written()...) {
		f.Add(p.html)
	}
	for _, seed := range []string{
		`<a href="java&#9;script:x">a</a>`, `<a href=" DATA:x">a</a>`, "<mx-reply>a</mx-reply>b", "<table><tr><td><table><td>a",
		"<ol start=999999999><li>a", "<ul><ol><li>", "&lt;img src=x onerror=y&gt;", "<b><a href='https://b'><i>a</b></a></i>",
		"<pre>```</pre>", "<h1>#</h1>", "a<br><br><br>b", "<svg><script>a</script></svg>", "<p>*a<b>*</b>_</p>", "<code>`</code>",
		"<span data-mx-spoiler='|'>a</span>", `<a href="https://matrix.to/#/@a:b">*</a>`, "<plaintext>a", "<select><option>a",
		"[a](javascript:b)", "<code>\\</code>|`", "<img alt='![a](b)'>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		got, err := ToWazo(formatted(source), WazoOptions{})
		switch {
		case errors.Is(err, ErrTooLarge):
			return
		case err != nil:
			t.Fatalf("the body was there, yet: %v", err)
		case !utf8.ValidString(got) || strings.ContainsRune(got, 0) || !readable(got):
			t.Fatalf("not clean UTF-8: %q", got)
		}
		checkMarkdown(t, got)
		if again := ToMatrix(got); again.FormattedBody != "" {
			checkMatrixHTML(t, again.FormattedBody)
		}
	})
}

// checkMarkdown fails the test if a client that lets HTML through and knows all
// of Markdown would be made to show a tag or a harmful link by markdown.
func checkMarkdown(t *testing.T, markdown string) {
	t.Helper()
	rendered, links := renderAsCareless(t, markdown)
	if strings.Contains(rendered, rawHTMLMark) {
		t.Errorf("HTML goes through: %q", markdown)
	}
	for _, link := range links {
		checkTarget(t, link)
	}
}

func FuzzCleanName(f *testing.F) {
	for _, seed := range []string{"Alice", " a  b ", "a\nb\x00", "\u202ea", "👩‍👩‍👧", "🇫🇷🇩🇪", "e\u0301", "\u200b\u200d", "a\xffb", "\U000e0041"} {
		for _, limit := range []int{0, 1, 5, 255} {
			f.Add(seed, limit)
		}
	}
	f.Fuzz(func(t *testing.T, name string, limit int) {
		got := CleanName(name, limit)
		if len(got) > max(limit, 0) {
			t.Errorf("%d bytes, at most %d: %q", len(got), limit, got)
		}
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\r\n\t\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\ufeff\u200b") {
			t.Errorf("not clean: %q", got)
		}
		if got != "" && !readable(got) {
			t.Errorf("nothing to see: %q", got)
		}
		if strings.TrimSpace(got) != got || strings.Contains(got, "  ") {
			t.Errorf("blanks: %q", got)
		}
		if again := CleanName(got, limit); again != got {
			t.Errorf("cleaned again: %q, then %q", got, again)
		}
	})
}

// Whatever the content is, its parts fit, at most three of them are sent, and nothing is
// lost.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"a", "word ", "line\n", "paragraph\n\n", "```\ncode\n```\n", "~~~~x\n", "<", "*a* ", "👩‍👩‍👧", "> ", "\xff\x00", " ", "\n",
		"  ```go\n", "`````", "e\u0301", " \u0301", "\r\n", "- ", "| a ", ":a:",
	} {
		f.Add(seed, "", 1000, false)
		f.Add(seed, "end", 20_000/len(seed), false) // two parts
		f.Add(seed, "end", 60_000/len(seed), true)  // more than three
	}
	f.Fuzz(func(t *testing.T, piece, end string, times int, asIs bool) {
		const most = 60_000
		if piece != "" {
			times = min(max(times, 0), most/len(piece))
		} else {
			times = 0
		}
		content := cleanText(strings.Repeat(piece, times) + end)
		typed := Typed{AsIs: asIs}
		long := typed.Parts(content)
		if len(long.Parts) == 0 || len(long.Parts) > MostParts || (long.Rest == "") != (long.FileName == "") {
			t.Fatalf("%d parts, %d bytes in %q", len(long.Parts), len(long.Rest), long.FileName)
		}
		for _, part := range long.Parts {
			checkPart(t, part)
		}
		if len(long.Rest) > len(content)+2*maxFence || !utf8.ValidString(long.Rest) {
			t.Errorf("bad file of %d bytes for %d", len(long.Rest), len(content))
		}
		if (asIs || !strings.Contains(content, "```") && !strings.Contains(content, "~~~")) &&
			squeeze(strings.Join(long.Parts, "")+long.Rest) != squeeze(content) {
			t.Error("the parts and the file together are not the content")
		}
	})
}

// checkPart makes an event of part with the largest profile, fails the test if it
// is too large or no UTF-8, and returns the event's content.
func checkPart(t *testing.T, part string) *event.MessageEventContent {
	t.Helper()
	if !utf8.ValidString(part) {
		t.Errorf("not UTF-8: %q", part)
	}
	c := ToMatrix(part)
	AddProfile(c, strings.Repeat("&", MaxProfileBytes), strings.Repeat("&", MaxProfileBytes))
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	// Our own figure, by hand: a key, base64, and the frame.
	if size := (len(data)+1024+2)/3*4 + 1024; size > 60_000 {
		t.Errorf("a part of %d bytes makes an event of %d", len(part), size)
	}
	return c
}
