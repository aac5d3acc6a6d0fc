package markup

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

func TestMarkdownBlocks(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []Block
	}{
		{name: "plain text", text: "a < b\nc", want: []Block{{Spans: []Span{{Text: "a < b"}, {Text: "\n"}, {Text: " c"}}}}},
		{name: "styles", text: "**all** of _B_, `x` and ~~y~~", want: []Block{{Spans: []Span{
			{"all", Bold}, {Text: " of "}, {"B", Italic}, {Text: ", "}, {"x", Code}, {Text: " and "}, {"y", Struck},
		}}}},
		{name: "styles in each other", text: "**a _b_**", want: []Block{{Spans: []Span{{"a ", Bold}, {"b", Bold | Italic}}}}},
		{name: "a link is its text", text: "[here](https://example.org)", want: []Block{{Spans: []Span{{"here", Link}}}}},
		{name: "paragraphs", text: "**a**\n\nb", want: []Block{{Spans: []Span{{"a", Bold}}}, {Spans: []Span{{Text: "b"}}}}},
		{name: "a quote", text: "> q\n\na", want: []Block{{Kind: Quote, Spans: []Span{{Text: "q"}}}, {Spans: []Span{{Text: "a"}}}}},
		{name: "a list", text: "1. a\n2. b\n\n- c", want: []Block{
			{Kind: Item, Spans: []Span{{"1. ", Muted}, {Text: "a"}}},
			{Kind: Item, Spans: []Span{{"2. ", Muted}, {Text: "b"}}},
			{Kind: Item, Spans: []Span{{"• ", Muted}, {Text: "c"}}},
		}},
		{name: "a block of code", text: "```\nif x\n  y\n```", want: []Block{{Kind: Preformatted, Spans: []Span{{"if x\n  y\n", Code}}}}},
		{name: "HTML is text", text: "**a** <b>", want: []Block{{Spans: []Span{{"a", Bold}, {Text: " <b>"}}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, Markdown(test.text))
		})
	}
}

func TestPlainTextIsShownAsItIs(t *testing.T) {
	content := &event.MessageEventContent{Body: "**a**  <b>\nc", FormattedBody: "not HTML"}
	require.Equal(t, []Block{{Spans: []Span{{Text: "**a**  <b>\nc"}}}}, Content(content))
}

func TestBlocksOfHTML(t *testing.T) {
	content := &event.MessageEventContent{Format: event.FormatHTML, FormattedBody: "a<br>\n b  &amp; <font>c</font><ul><li><p>d</p></li></ul>"}
	require.Equal(t, []Block{
		{Spans: []Span{{Text: "a"}, {Text: "\n"}, {Text: " b & "}, {Text: "c"}}},
		{Kind: Item, Spans: []Span{{"• ", Muted}, {Text: "d"}}},
	}, Content(content))
}
