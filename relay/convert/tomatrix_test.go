package convert

import (
	"encoding/json"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
)

func TestMarkdownBecomesHTML(t *testing.T) {
	for _, p := range pairs() {
		t.Run(p.name, func(t *testing.T) {
			c := ToMatrix(p.markdown)
			if c.FormattedBody != p.html || c.Format != event.FormatHTML {
				t.Errorf("formatted body\n got %q (%q)\nwant %q", c.FormattedBody, c.Format, p.html)
			}
			if c.Body != p.markdown || c.MsgType != event.MsgText {
				t.Errorf("got %s with body %q, want m.text with %q", c.MsgType, c.Body, p.markdown)
			}
			checkMatrixHTML(t, c.FormattedBody)
		})
	}
}

func TestTextWithoutFormattingStaysPlain(t *testing.T) {
	for _, text := range []string{
		"hello", "two\nlines", "two\n\nparagraphs", "2 * 3 * 4", "snake_case_name", "a < b & c", "<b>not bold</b>",
		"see www.example.org, https://example.org/a_b or a@example.org", "[Note]: see below", "---", "*", "#", "-",
		"+1", "@room", "", " ", strings.Repeat("> ", 200) + "x",
	} {
		t.Run(text, func(t *testing.T) {
			c := ToMatrix(text)
			if c.Body != text || c.FormattedBody != "" || c.Format != "" {
				t.Errorf("got body %q, format %q, formatted body %q", c.Body, c.Format, c.FormattedBody)
			}
		})
	}
}

func TestLinksAndPicturesAreMadeHarmless(t *testing.T) {
	tests := []struct{ name, markdown, want string }{
		{"javascript link stays text", "[a](javascript:x) *b*", "[a](javascript:x) <em>b</em>"},
		{"upper case does not help", "[a](JavaScript:x) *b*", "[a](JavaScript:x) <em>b</em>"},
		{"a tab does not help", "[a](<java\tscript:x>) *b*", "[a](&lt;java\tscript:x&gt;) <em>b</em>"},
		{"an entity does not help", "[a](java&Tab;script:x) *b*", "[a](java&amp;Tab;script:x) <em>b</em>"},
		{"a numeric entity does not help", "[a](&#106;avascript:x) *b*", "[a](&amp;#106;avascript:x) <em>b</em>"},
		{"a backslash does not help", `[a](javascript\:x) *b*`, `[a](javascript\:x) <em>b</em>`},
		{"a leading control character does not help", "[a](<\x01javascript:x>) *b*", "[a](&lt;\x01javascript:x&gt;) <em>b</em>"},
		{"data link stays text", "[a](data:text/html,x) *b*", "[a](data:text/html,x) <em>b</em>"},
		{"javascript in brackets is only text", "<javascript:x> *b*", "&lt;javascript:x&gt; <em>b</em>"},
		{"ftp address is only text", "ftp://example.org *b*", "ftp://example.org <em>b</em>"},
		{"relative link stays text", "[a](/b) *b*", "[a](/b) <em>b</em>"},
		{"link title is dropped", `[a](https://b "c")`, `<a href="https://b">a</a>`},
		{"mail, telephone and matrix links stay", "[a](mailto:b@c) [d](tel:1) [e](matrix:u/f:g)",
			`<a href="mailto:b@c">a</a> <a href="tel:1">d</a> <a href="matrix:u/f:g">e</a>`},
		{"quotes in a target are escaped", `[a](<https://b/"onclick="x>)`, `<a href="https://b/%22onclick=%22x">a</a>`},
		{"a picture becomes a link", "![a](https://b/c.png)", `<a href="https://b/c.png">a</a>`},
		{"a picture without description shows its address", "![](https://b/c.png)", `<a href="https://b/c.png">https://b/c.png</a>`},
		{"a javascript picture stays text", "![a](javascript:x) *b*", "![a](javascript:x) <em>b</em>"},
		{"a picture from the media repository stays text", "![a](mxc://b/c) *d*", "![a](mxc://b/c) <em>d</em>"},
		{"a picture in the message itself is only its description", "![a](data:image/png;base64,x) *d*", "a <em>d</em>"},
		{"a picture in a link is not a link in a link", "[![a](https://b)](https://c)", `<a href="https://c">a</a>`},
		{"an address is linked beside formatting", "*a* https://b.example/c_d_e", `<em>a</em> <a href="https://b.example/c_d_e">https://b.example/c_d_e</a>`},
		{"a code language can't leave its attribute", "```x\"onclick=\"y\na\n```", "<pre><code>x&quot;onclick=&quot;y\na\n</code></pre>"},
		{"table alignment is dropped", "|a|\n|:-:|\n|b|", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table>"},
		{"HTML is text and Markdown inside it works", "<div>\n*a*\n</div>", "&lt;div&gt;<br>\n<em>a</em><br>\n&lt;/div&gt;"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := ToMatrix(test.markdown)
			if c.FormattedBody != test.want {
				t.Errorf("got  %q\nwant %q", c.FormattedBody, test.want)
			}
			checkMatrixHTML(t, c.FormattedBody)
		})
	}
}

func TestWazoMessagesPingNobody(t *testing.T) {
	for _, text := range []string{"@room", "@alice:example.org", "[Alice](https://matrix.to/#/@alice:example.org)"} {
		c := ToMatrix(text)
		AddProfile(c, "id", "@room")
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), `"m.mentions":{}`) {
			t.Errorf("%s: no empty m.mentions in %s", text, data)
		}
	}
}

func TestNULAndInvalidUTF8NeverReachMatrix(t *testing.T) {
	if got := ToMatrix("a\x00b\xff\xed\xa0\x80c").Body; got != "abc" {
		t.Errorf("got %q", got)
	}
}

func TestProfile(t *testing.T) {
	t.Run("name stands in front of body and formatted body", func(t *testing.T) {
		c := ToMatrix("*hi*")
		AddProfile(c, "1234", "Ann <b>")
		want := "<strong data-mx-profile-fallback>Ann &lt;b&gt;: </strong><em>hi</em>"
		if c.Body != "Ann <b>: *hi*" || c.FormattedBody != want {
			t.Errorf("got %q and %q", c.Body, c.FormattedBody)
		}
		p := c.BeeperPerMessageProfile
		if p == nil || p.ID != "1234" || p.Displayname != "Ann <b>" || !p.HasFallback {
			t.Errorf("got profile %+v", p)
		}
	})
	t.Run("id and name are cut to 255 bytes at characters", func(t *testing.T) {
		c := ToMatrix("hi")
		AddProfile(c, strings.Repeat("é", 200), strings.Repeat("é", 200))
		if p := c.BeeperPerMessageProfile; len(p.ID) != 254 || len(p.Displayname) != 254 {
			t.Errorf("got %d and %d bytes", len(p.ID), len(p.Displayname))
		}
	})
	t.Run("sender without name is named by uuid", func(t *testing.T) {
		c := ToMatrix("hi")
		AddProfile(c, "3F2A91C4-0000-4000-8000-000000000000", "\u200b")
		if c.Body != "Wazo user 3f2a91c4: hi" {
			t.Errorf("got %q", c.Body)
		}
	})
	t.Run("each message has its own profile", func(t *testing.T) {
		a, b := ToMatrix("a"), ToMatrix("b")
		AddProfile(a, "1", "A")
		AddProfile(b, "1", "A")
		if a.BeeperPerMessageProfile == b.BeeperPerMessageProfile {
			t.Error("the profile is shared")
		}
	})
	t.Run("event too large for the fallback keeps its body", func(t *testing.T) {
		c := ToMatrix(strings.Repeat("<", minPart))
		AddProfile(c, "1", "A")
		if c.FormattedBody != "" || !strings.HasPrefix(c.Body, "A: <") || EventSize(c) > MaxEventBytes {
			t.Errorf("got %d bytes, formatted body of %d bytes", EventSize(c), len(c.FormattedBody))
		}
	})
}
