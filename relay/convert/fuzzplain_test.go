package convert

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Without Markdown, exactly what people write is read, with no sign of markup.
func FuzzPlainText(f *testing.F) {
	for _, seed := range []string{"*a*", "_", "**", "1. a", "# #", "> a", "`", "\\", "&amp;", "<b>", "|", "~~~", "http://*", "🙂*", "\u00a0", "\t"} {
		f.Add(seed, "word")
		f.Add("word ", seed)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		first, second = cleanText(first), cleanText(second)
		if !readable(first) || !readable(second) || len(first)+len(second) > 10_000 {
			return
		}
		a, b := html.EscapeString(first), html.EscapeString(second)
		want := squeeze(visibleText("<p>" + a + b + "</p>"))
		for _, source := range []string{
			a + "<br>" + b,
			"<p>" + a + "<b>" + b + "</b></p>",
			"<h2>" + a + "</h2><p><i>" + b + "</i></p>",
			"<table><tr><th>" + a + "</th></tr><tr><td>" + b + "</td></tr></table>",
			"<code>" + a + "</code> <strong>" + b + "</strong>",
			"<pre><code class=\"language-go\">" + a + "\n</code></pre>" + b,
		} {
			if got := squeeze(toWazo(t, formatted(source), WazoOptions{Plain: true})); got != want {
				t.Errorf("%q\nbecame %q\nwant   %q", source, got, want)
			}
		}
	})
}

// Whatever HTML says, its text without Markdown is clean.
func FuzzHTMLToPlainText(f *testing.F) {
	for _, p := range append(pairs(), written()...) {
		f.Add(p.html)
	}
	f.Fuzz(func(t *testing.T, source string) {
		got, err := ToWazo(formatted(source), WazoOptions{Plain: true})
		if err != nil {
			t.Fatalf("the body was there, yet: %v", err)
		}
		if strings.ToValidUTF8(got, "") != got || strings.ContainsRune(got, 0) || !readable(got) {
			t.Fatalf("not clean: %q", got)
		}
		if strings.Contains(got, `\`) && !strings.Contains(source, `\`) && !strings.Contains(source, "&") {
			t.Errorf("escaped: %q", got)
		}
		for _, scheme := range []string{"javascript:", "vbscript:"} {
			if strings.Contains(strings.ToLower(got), scheme) && !strings.Contains(strings.ToLower(visibleText(source)), scheme[:4]) && !strings.Contains(strings.ToLower(source), scheme) {
				t.Errorf("a dangerous address: %q", got)
			}
		}
	})
}
