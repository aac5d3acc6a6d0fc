package convert

import (
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
)

func TestWhatIsTypedIsShown(t *testing.T) {
	for _, text := range []string{
		// Backslashes.
		`\\srv\share`, `C:\*.txt and C:\_x\`, `^\d+\.\*$ \w+\s*`, `\<word\>`, `\(a\) \[a-z\]\(b\)`, `¯\_(ツ)_/¯`, `¯\\\_(ツ)\_/¯`, `\`, `a\`,
		"a \\\nb", "\\\na", `\*a`, `a\*`, `2\*3`, `\&amp;`, `\1`, "\\`a", `\#5`, `\|a|`, `\> 5`, `\- 5`, `\* a`, `\!`, `\[a]`, `\\*a*`, `a\_b`, `[a\](b)`,
		// Asterisks.
		"*21*4711#", "*21*", "*#06#", "**21*4711#", "##002#", "Dial *98 or *97", "*72, *73*", "2*3=6, 4*5=20", "a**2 + b**2", "a*b*c", "x**y**z", "2 * 3 * 4",
		"f(*args, **kwargs)", "int *a, *b;", "(*p).x = *q;", `char *s = "*";`, "/* a */", "/*a*/", "/**a*/", "rm *.o *.a", "*.txt, *.pdf*",
		"foo-* and *-bar", "src/**/*.go and lib/**/*.go", "^.*a.*$", "(.*)_(.*)", "a *= b; c *= d", "*/5 * * * *", "5 stars: *****", "s**** and f****",
		"price* and tax* are extra", "*) see below", "*required (see terms*)", "*a*b c*", "**a**b **c", "**a**b c**", "*2*3=6, 4*5=20*", "~~a~~b c~~", "*21*<number>#", "Dial *21*number#", "2 *3* 4", "* ", "**", "****", "** **", "*a", "a*", "* a *", "*a\nb*", "*a\n\nb*",
		// Underscores.
		"__init__.py", "__init__", `if __name__ == "__main__":`, "_init_.py", "_a_b_", "snake_case_name", "_private and _other", "______", "Name: ____ Date: ____",
		"a_b_c", "_", "__", "_ a _", ":_)", "_a\nb_",
		// Tildes.
		"3~5 days, 10~20 people", "~5~", "~a~", "~/a ~/b", "~~", "~~~", "~~~\na\n~~~", "~~~~~ WARNING ~~~~~", "~~ a ~~", "a~~b~~c", "~ ~",
		// Lines.
		"Regards\n--\nAnn", "Regards\n-- \nAnn", "Hello\n-", "x\n=", "a\n===", "a\n---", "Hello\n---\nAnn", "Hello\n- Ann", "a\n* b", "***", "a\n\n***\n\nb", "___", "* * *", "_ _ _", "- - -",
		"---", "foo  \nbar", "foo\r\nbar", "a\n\n\n\nb",
		// Lists.
		"+ 49 40 1234", "+ a\n+ b", "+1", "- 5 °C", "-5", "* plus VAT", "1) yes\n2) no", "01. May", "2.", "-", "-a\n-b", "*a\n*b", "1.5 hours", "a\n3. b",
		// Quotes.
		">:(", ">_<", ">>> import os", ">a", "> 50 %", ">", "> ", ">=5", "a > b", ">> a", "->", "<- a", "=> b",
		// Headings.
		"#", "#5", "# 5", "#channel", "##", "a\n# b", "# apt update\n# apt upgrade", "####### a", "C #",
		// Links.
		"Array[0](foo)", "[Ann](sip:ann@pbx.example)", "[a](ftp://b/c)", "[a](b.html)", "[a]( )", "[a]()", "[a] (https://b)", "[a][b]", "[^1]: x", "a[^1]\n\n[^1]: b", "[Note]: see below", "[a]: https://b",
		"![a](b.png)", "![a](ftp://b/c.png)", "f[i](x)[j](y)", "[x] done, [ ] not", "[", "]", "](", "[a](https://b", "[a](https://b c d)",
		// Addresses.
		"see www.example.org, https://example.org/a_b_c_ or a_b_@example.org", "https://example.org/*a*b*", "<https://example.org>", "Ann <ann@example.org>", "sip:*97@pbx.example tel:+49_40", "http://", "(https://e.org/a_(b)_c_)",
		// HTML and entities.
		"<b>not bold</b>", "&amp; &lt; &#42;a&#42;", "<!-- a -->", "<script>", "a < b && c > d", "&nbsp;", "&", "<br>a<br/>", "<*a>",
		// Code.
		"it`s and don`t", "5`30``", "`", "``", "` `", "`a\nb`", "``` not closed", "    x = 1\n      y", "\ta\n\tb", "a`b`c",
		// Tables.
		"a|b\n-|-\n1|2|3", "| a |\n| b |", "a\n:-", "a\n-:", "a | b", "a|b\n---", "a||b", "|-", "|a|\n|-|-|",
		// Others.
		"hello", "two\nlines", "two\n\nparagraphs", "@room", "$5 and $6", "x^2", "==a==", "||a||", "a  b", "H~2~O", "(c) (tm)", "...", "--", "\"a\" 'b'",
	} {
		t.Run(text, func(t *testing.T) {
			c := ToMatrix(text)
			if c.Body != text || c.FormattedBody != "" || c.Format != "" {
				t.Errorf("body %q, format %q, formatted body %q", c.Body, c.Format, c.FormattedBody)
			}
		})
	}
}

func TestWhatIsFormattingOnWazo(t *testing.T) {
	for _, p := range []pair{
		{"marks beside punctuation", `**a**, *b*! (_c_) "~~d~~": **e**`, `<strong>a</strong>, <em>b</em>! (<em>c</em>) &quot;<del>d</del>&quot;: <strong>e</strong>`},
		{"a label", "**Note:** a", "<strong>Note:</strong> a"},
		{"bold and italic", "***a*** *b **c*** **d *e***", "<em><strong>a</strong></em> <em>b <strong>c</strong></em> <strong>d <em>e</em></strong>"},
		{"marks in marks", "~~**_a_**~~", "<del><strong><em>a</em></strong></del>"},
		{"underscores around words", "__a b__", "<strong>a b</strong>"},
		{"identifiers in italic", "*snake_case* _see my_file_", "<em>snake_case</em> <em>see my_file</em>"},
		{"a number in bold", "**21** 1 ~~50~~ 40 €", "<strong>21</strong> 1 <del>50</del> 40 €"},
		{"the part of a compound", "**Wazo**-Server", "<strong>Wazo</strong>-Server"},
		{"alternatives", "**a**/**b**", "<strong>a</strong>/<strong>b</strong>"},
		{"in quotation marks", "„**a**“ »_b_« “*c*” ‘~~d~~’", "„<strong>a</strong>“ »<em>b</em>« “<em>c</em>” ‘<del>d</del>’"},
		{"with brackets and smileys", "**a) b** *c :)* **(d) e** _f (g)_", "<strong>a) b</strong> <em>c :)</em> <strong>(d) e</strong> <em>f (g)</em>"},
		{"beside other punctuation", "…**a**… •**b**, –*c*–", "…<strong>a</strong>… •<strong>b</strong>, –<em>c</em>–"},
		{"scripts without blanks", "这是**重要**的", "这是<strong>重要</strong>的"},
		{"beside emoji", "👍**a**👍 **👍**", "👍<strong>a</strong>👍 <strong>👍</strong>"},
		{"bold over lines", "**a\nb**", "<strong>a<br>\nb</strong>"},
		{"what does not fit stays", "**a *b** *c*", "<strong>a *b</strong> <em>c</em>"},
		{"escaped marks", `\*a\* \*\*b\*\* \_c_ ~~d\~~ \**e\**`, "*a* **b** _c_ ~~d~~ **e**"},
		{"escaped marks beside formatting", `\*a\* **b** \*c`, `*a* <strong>b</strong> \*c`},
		{"escaped code", "\\`a\\` `b`", "`a` <code>b</code>"},
		{"escaped links", `\[a](https://b) [c\](tel:1) \![d](https://e)`, `[a](<a href="https://b">https://b</a>) [c](tel:1) ![d](<a href="https://e">https://e</a>)`},
		{"escaped brackets in a link", `[a\]b](https://c) [d\[e](https://f) [g\[h\]i](https://j)`, `<a href="https://c">a]b</a> <a href="https://f">d[e</a> <a href="https://j">g[h]i</a>`},
		{"an escaped heading", `\# a`, "# a"},
		{"escaped items", "1\\. a\n2\\. b\n\n\\- c\n\\- d", "<p>1. a<br>\n2. b</p>\n<p>- c<br>\n- d</p>"},
		{"an escaped quote", "a\n\\> b", "a<br>\n&gt; b"},
		{"code is as typed", "`\\*a\\* &amp; <b>` ``c`d`` ` e `", "<code>\\*a\\* &amp;amp; &lt;b&gt;</code> <code>c`d</code> <code>e</code>"},
		{"quote ends", "> she said no\nI say yes", "<blockquote>\n<p>she said no</p>\n</blockquote>\n<p>I say yes</p>"},
		{"quote in a quote ends", "> > a\n> b\nc", "<blockquote>\n<blockquote>\n<p>a</p>\n</blockquote>\n<p>b</p>\n</blockquote>\n<p>c</p>"},
		{"quote below text", "she said:\n> no", "<p>she said:</p>\n<blockquote>\n<p>no</p>\n</blockquote>"},
		{"smiley below a quote", "> a\n>:(", "<blockquote>\n<p>a</p>\n</blockquote>\n<p>&gt;:(</p>"},
		{"list ends", "- a\n- b\nc", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<p>c</p>"},
		{"list of one item ends", "- a\nb", "<ul>\n<li>a</li>\n</ul>\n<p>b</p>"},
		{"numbered list ends", "1. a\n2. b\nc", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>\n<p>c</p>"},
		{"list below text", "a:\n- b\n- c", "<p>a:</p>\n<ul>\n<li>b</li>\n<li>c</li>\n</ul>"},
		{"list of asterisks", "* a\n* b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"},
		{"items with more lines", "- a\n  b\n- c", "<ul>\n<li>a<br>\nb</li>\n<li>c</li>\n</ul>"},
		{"list in a list", "- a\n  - b\n  - c\n- d", "<ul>\n<li>a\n<ul>\n<li>b</li>\n<li>c</li>\n</ul>\n</li>\n<li>d</li>\n</ul>"},
		{"numbers stay", "1. yes\n3. no", "<ol>\n<li>yes</li>\n</ol>\n<ol start=\"3\">\n<li>no</li>\n</ol>"},
		{"equal numbers stay", "1. a\n1. b", "<ol>\n<li>a</li>\n</ol>\n<ol>\n<li>b</li>\n</ol>"},
		{"numbers with a zero in front stay", "9. a\n010. b", "<ol start=\"9\">\n<li>a</li>\n</ol>\n<p>010. b</p>"},
		{"a date is not cut", "10. 5. 2024", "<ol start=\"10\">\n<li>5. 2024</li>\n</ol>"},
		{"numbers in a quote stay", "> 1. a", "<blockquote>\n<ol>\n<li>a</li>\n</ol>\n</blockquote>"},
		{"heading", "# C# and F#\na", "<h1>C# and F#</h1>\n<p>a</p>"},
		{"heading with closing marks", "## a ##", "<h2>a ##</h2>"},
		{"rule", "a\n\n---\nb", "<p>a</p>\n<hr>\n<p>b</p>"},
		{"table ends", "|a|b|\n|-|-|\n|1|2|\nc", "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>\n<p>c</p>"},
		{"table below text", "c\n|a|\n|-|", "<p>c</p>\n<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n</table>"},
		{"bars in a table", "|a|\n|-|\n|`b\\|c` \\| d|", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td><code>b|c</code> | d</td>\n</tr>\n</tbody>\n</table>"},
		{"code on the lines of the fences", "```a b\nc```\n*d*", "<pre><code>a b\nc\n</code></pre>\n<p><em>d</em></p>"},
		{"code that is not closed", "```\na", "<pre><code>a\n</code></pre>"},
		{"code with a fence at the end of a line", "```\na```\nb\n```", "<pre><code>a```\nb\n</code></pre>"},
		{"code keeps blanks", "```\n  a\n\n\tb\n```", "<pre><code>  a\n\n\tb\n</code></pre>"},
		{"code in one line", "```a b```", "<code>a b</code>"},
		{"code in a quote", "> ```\n> a\n> ```\nb", "<blockquote>\n<pre><code>a\n</code></pre>\n</blockquote>\n<p>b</p>"},
		{"addresses end before the sentence does", "*a* (https://b.org/c_(d)), https://e.org. **https://f.org**",
			`<em>a</em> (<a href="https://b.org/c_(d)">https://b.org/c_(d)</a>), <a href="https://e.org">https://e.org</a>. <strong><a href="https://f.org">https://f.org</a></strong>`},
		{"brackets around an address", "*a* <https://b.org> Ann <ann@b.org>", `<em>a</em> &lt;<a href="https://b.org">https://b.org</a>&gt; Ann &lt;ann@b.org&gt;`},
		{"an address as the text of a link", "[https://a.org](https://b.org)", `<a href="https://b.org">https://a.org</a>`},
		{"parentheses in a target", "[a](https://b/c_(d))", `<a href="https://b/c_(d)">a</a>`},
		{"no link in a link", "[a [b](https://c)](https://d)", `[a <a href="https://c">b</a>](<a href="https://d">https://d</a>)`},
		{"marks do not cross a link", "*a [b*](https://c) d*", `<em>a <a href="https://c">b*</a> d</em>`},
		{"entities beside formatting", "*a* &amp; <b>", "<em>a</em> &amp;amp; &lt;b&gt;"},
		{"indented lines beside formatting", "*a*\n    b", "<em>a</em><br>\n    b"},
		{"an indented line below a paragraph", "*a*\n\n    *b*", "<p><em>a</em></p>\n<p>    <em>b</em></p>"},
	} {
		t.Run(p.name, func(t *testing.T) {
			c := ToMatrix(p.markdown)
			if c.Body != p.markdown || c.FormattedBody != p.html {
				t.Errorf("%s\n got %q\nwant %q", p.markdown, c.FormattedBody, p.html)
			}
			checkMatrixHTML(t, c.FormattedBody)
			checkNothingIsLost(t, c)
		})
	}
}

// checkNothingIsLost fails the test if a character is missing from the formatted body
// that is not part of formatting, if there are others, or if their order is another.
func checkNothingIsLost(t *testing.T, c *event.MessageEventContent) {
	t.Helper()
	if c.FormattedBody == "" {
		return
	}
	formatting := "*_~`\\[]()!#>-|:"
	if strings.Contains(c.FormattedBody, "<ol") {
		formatting += "0123456789."
	}
	hasTarget := strings.Contains(c.FormattedBody, "<a ") || strings.Contains(c.Body, "](")
	hasLanguage := strings.Contains(c.FormattedBody, "class=")
	seen := []rune(squeeze(visibleText(c.FormattedBody)))
	for _, r := range squeeze(c.Body) {
		switch {
		case len(seen) > 0 && r == seen[0]:
			seen = seen[1:]
		case !strings.ContainsRune(formatting, r) && !hasTarget && !hasLanguage:
			t.Fatalf("%q is missing in %q, which was typed as %q", r, c.FormattedBody, c.Body)
		}
	}
	if isShownTarget := strings.Contains(c.Body, "[]("); len(seen) > 0 && !isShownTarget {
		t.Fatalf("%q is too much in %q, which was typed as %q", string(seen), c.FormattedBody, c.Body)
	}
}
