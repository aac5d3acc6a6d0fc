package convert

import (
	"testing"

	"golang.org/x/net/html"
)

// Whatever people write, exactly that is seen on the other side: nothing of it
// becomes Markdown, nothing is lost, whether the Markdown around it works or not.
func FuzzTextSurvivesMarkdown(f *testing.F) {
	for _, seed := range []string{
		"*a*", "_", "**", "[a]: b", "1. a", "# #", "> a", "`", "\\", "&amp;", "<b>", "|", "---", "~~~", "a\\", "![", "https://a.b/c_d_",
		"\t", "-", "a@b.c", "===", "](", "<!--", "::-", "http://*", "🙂*", "\u00a0", "0)",
	} {
		f.Add(seed, "word")
		f.Add("word ", seed)
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		first, second = cleanText(first), cleanText(second)
		if !readable(first) || !readable(second) || len(first)+len(second) > 10_000 {
			return
		}
		a, b := html.EscapeString(first), html.EscapeString(second)
		for _, source := range []string{
			a + "<br>" + b,
			"<p>" + a + "<b>" + b + "</b></p>",
			"<h2>" + a + "</h2><ul><li><i>" + b + "</i></li></ul>",
			"<blockquote><del>" + a + "</del>" + b + "</blockquote>",
			"<table><tr><th>" + a + "</th></tr><tr><td>" + b + "</td></tr></table>",
			"<a href=\"https://example.org\">" + a + "</a><code>" + b + "</code>",
		} {
			want := squeeze(visibleText("<p>" + a + b + "</p>"))
			markdown := toWazo(t, formatted(source), WazoOptions{})
			rendered, _ := renderAsCareless(t, markdown)
			if got := squeeze(visibleText(rendered)); got != want {
				t.Errorf("%q\nbecame\n%s\nof which is seen %q", source, markdown, got)
			}
		}
	})
}
