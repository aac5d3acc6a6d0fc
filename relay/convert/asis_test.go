package convert

import (
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
)

func TestTextIsShownAsItIs(t *testing.T) {
	for _, text := range []string{
		"**a** _b_ ~~c~~ `d`", "- a\n- b", "# a", "> a\nb", "```\na\n```", "[a](https://b.example)", `\*a\*`, ":smile:", "|a|\n|-|\n|b|",
		"1. a\n3. b", "https://a.example", "a\n\n\nb", "    a", "<b>a</b> &amp;",
	} {
		t.Run(text, func(t *testing.T) {
			c := Typed{AsIs: true}.ToMatrix(text)
			if c.Body != text || c.FormattedBody != "" || c.Format != "" {
				t.Errorf("body %q, format %q, formatted body %q", c.Body, c.Format, c.FormattedBody)
			}
		})
	}
}

func TestMentionsInTextAsItIs(t *testing.T) {
	people := People{{ID: "1", Name: "Ann Smith", User: "@ann:a.example"}}
	c := Typed{AsIs: true}.ToMatrix("**Hello** @Ann Smith,\n\n- see <https://b.example>\n`x`", people...)
	want := `**Hello** <a href="https://matrix.to/#/@ann:a.example">@Ann Smith</a>,<br>` + "\n<br>\n" +
		`- see &lt;<a href="https://b.example">https://b.example</a>&gt;<br>` + "\n`x`"
	if c.FormattedBody != want || len(c.Mentions.UserIDs) != 1 {
		t.Errorf("got  %q, %v\nwant %q", c.FormattedBody, c.Mentions.UserIDs, want)
	}
}

func TestTextAsItIsIsSplitWithoutFences(t *testing.T) {
	parts := Typed{AsIs: true}.Split("```\n" + strings.Repeat("code and more code\n", 4000) + "```")
	if len(parts) < 2 {
		t.Fatalf("%d parts", len(parts))
	}
	for _, part := range parts[:len(parts)-1] {
		if strings.HasSuffix(part, "```") {
			t.Errorf("a fence was closed in %q", part[len(part)-20:])
		}
	}
}

func TestTextAsItIsShowsNoPictures(t *testing.T) {
	const typed = "![a](https://b.example/c.png)"
	if pictures := (Typed{AsIs: true}).Pictures(typed); pictures != nil {
		t.Errorf("%d pictures", len(pictures))
	}
	if pictures := (Typed{}).Pictures(typed); len(pictures) != 1 {
		t.Errorf("%d pictures in Markdown", len(pictures))
	}
}

// Text that is shown as it is keeps every character.
func FuzzTextAsItIs(f *testing.F) {
	for _, p := range append(pairs(), written()...) {
		f.Add(p.markdown)
	}
	f.Add("@Ann Smith")
	f.Add("\\\n@Ann Smith\n\n    \\*")
	f.Fuzz(func(t *testing.T, content string) {
		people := People{{ID: "1", Name: "Ann Smith", User: "@ann:a.example"}}
		c := Typed{AsIs: true}.ToMatrix(content, people...)
		if c.Body != cleanText(content) {
			t.Errorf("body %q of %q", c.Body, content)
		}
		checkMatrixHTML(t, c.FormattedBody)
		if c.FormattedBody != "" && squeeze(visibleText(c.FormattedBody)) != squeeze(c.Body) {
			t.Errorf("%q is seen of %q", visibleText(c.FormattedBody), c.Body)
		}
		if c.Mentions.Room || len(c.Mentions.UserIDs) > 1 || (c.FormattedBody != "") != (len(c.Mentions.UserIDs) == 1) {
			t.Errorf("%q mentions %v", content, c.Mentions.UserIDs)
		}
		if c.Format != "" && c.Format != event.FormatHTML {
			t.Errorf("format %q", c.Format)
		}
	})
}
