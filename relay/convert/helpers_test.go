package convert

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
	"maunium.net/go/mautrix/event"
)

// pair is the same message on both sides.
type pair struct {
	name     string
	markdown string
	html     string
}

// pairs are converted in both directions: each is a round trip, too.
func pairs() []pair {
	return []pair{
		{"bold", "**a**", "<strong>a</strong>"},
		{"italic", "_a_", "<em>a</em>"},
		{"strikethrough", "~~a~~", "<del>a</del>"},
		{"italic inside bold", "**a _b_**", "<strong>a <em>b</em></strong>"},
		{"bold inside italic", "_a **b**_", "<em>a <strong>b</strong></em>"},
		{"bold next to italic", "**a**_b_", "<strong>a</strong><em>b</em>"},
		{"code", "see `a*b*`", "see <code>a*b*</code>"},
		{"code with a backtick", "``a`b``", "<code>a`b</code>"},
		{"code block with language", "```go\nx <- 1\n\ny\n```", `<pre><code class="language-go">x &lt;- 1` + "\n\ny\n</code></pre>"},
		{"code block with a fence inside", "````\n```\n````", "<pre><code>```\n</code></pre>"},
		{"link", "[a](https://example.org/b?c=d)", `<a href="https://example.org/b?c=d">a</a>`},
		{"bold text of a link", "[**a**](https://example.org)", `<a href="https://example.org"><strong>a</strong></a>`},
		{"two paragraphs with formatting", "**a**\n\nb", "<p><strong>a</strong></p>\n<p>b</p>"},
		{"line break", "**a**\nb", "<strong>a</strong><br>\nb"},
		{"bullet list", "- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"},
		{"numbered list", "1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"},
		{"numbered list with a start", "9. a\n10. b", "<ol start=\"9\">\n<li>a</li>\n<li>b</li>\n</ol>"},
		{"nested lists", "- a\n  1. b\n  2. c\n- d", "<ul>\n<li>a\n<ol>\n<li>b</li>\n<li>c</li>\n</ol>\n</li>\n<li>d</li>\n</ul>"},
		{"heading", "## a _b_", "<h2>a <em>b</em></h2>"},
		{"quote", "> a\n>\n> > b", "<blockquote>\n<p>a</p>\n<blockquote>\n<p>b</p>\n</blockquote>\n</blockquote>"},
		{"rule", "a\n\n---\n\nb", "<p>a</p>\n<hr>\n<p>b</p>"},
		{
			"table", "| a | b |\n| --- | --- |\n| c | `d\\|e` |",
			"<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n" +
				"<tr>\n<td>c</td>\n<td><code>d|e</code></td>\n</tr>\n</tbody>\n</table>",
		},
		{"literal asterisks", `\*a\* **b**`, "*a* <strong>b</strong>"},
		{"emoji", "👩‍👩‍👧 **a**", "👩‍👩‍👧 <strong>a</strong>"},
	}
}

// written are pairs that are converted to Markdown only: on Wazo, their Markdown could
// be meant as it is typed.
func written() []pair {
	return []pair{
		{"bold inside a word", "a**b**c", "a<strong>b</strong>c"},
		{"italic inside a word", "a*b*c", "a<em>b</em>c"},
		{"literal HTML with formatting", `\<b> **a**`, "&lt;b&gt; <strong>a</strong>"},
		{"literal entity", `\&amp; **a**`, "&amp;amp; <strong>a</strong>"},
	}
}

// formatted is a Matrix message with only HTML.
func formatted(source string) *event.MessageEventContent {
	return &event.MessageEventContent{
		MsgType: event.MsgText, Body: "the body", Format: event.FormatHTML, FormattedBody: source,
	}
}

// toWazo is ToWazo for messages that convert.
func toWazo(t *testing.T, c *event.MessageEventContent, opts WazoOptions) string {
	t.Helper()
	got, err := ToWazo(c, opts)
	if err != nil {
		t.Fatalf("ToWazo: %v", err)
	}
	return got
}

// checkMatrixHTML fails the test for everything in rendered that Matrix doesn't
// know or that could do harm.
func checkMatrixHTML(t *testing.T, rendered string) {
	t.Helper()
	tokens := html.NewTokenizer(strings.NewReader(rendered))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			checkTag(t, tokens.Token())
		case html.CommentToken, html.DoctypeToken:
			t.Errorf("a comment or doctype in %q", rendered)
		}
	}
}

func checkTag(t *testing.T, tag html.Token) {
	t.Helper()
	switch tag.Data {
	case "p", "br", "strong", "em", "del", "code", "pre", "a", "ul", "ol", "li", "blockquote", "hr",
		"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td":
	default:
		t.Errorf("tag <%s> is not ours", tag.Data)
	}
	for _, a := range tag.Attr {
		switch {
		case tag.Data == "a" && a.Key == "href":
			checkTarget(t, a.Val)
		case tag.Data == "code" && a.Key == "class" && strings.HasPrefix(a.Val, "language-"):
		case tag.Data == "ol" && a.Key == "start":
		case tag.Data == "strong" && a.Key == "data-mx-profile-fallback":
		default:
			t.Errorf("attribute %s=%q of <%s> is not ours", a.Key, a.Val, tag.Data)
		}
	}
}

// checkTarget looks at a link as a browser does, which ignores case, controls
// and blanks in the scheme.
func checkTarget(t *testing.T, target string) {
	t.Helper()
	asBrowser := strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, target))
	for _, scheme := range []string{"http:", "https:", "mailto:", "matrix:", "tel:"} {
		if strings.HasPrefix(asBrowser, scheme) {
			return
		}
	}
	t.Errorf("link to %q", target)
}
