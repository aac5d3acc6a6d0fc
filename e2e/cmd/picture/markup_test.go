package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

func TestMarkdownBlocks(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []block
	}{
		{name: "plain text", text: "a < b\nc", want: []block{{spans: []span{{text: "a < b"}, {text: "\n"}, {text: " c"}}}}},
		{name: "styles", text: "**all** of _B_, `x` and ~~y~~", want: []block{{spans: []span{
			{"all", bold}, {text: " of "}, {"B", italic}, {text: ", "}, {"x", code}, {text: " and "}, {"y", struck},
		}}}},
		{name: "styles in each other", text: "**a _b_**", want: []block{{spans: []span{{"a ", bold}, {"b", bold | italic}}}}},
		{name: "a link is its text", text: "[here](https://example.org)", want: []block{{spans: []span{{"here", link}}}}},
		{name: "paragraphs", text: "**a**\n\nb", want: []block{{spans: []span{{"a", bold}}}, {spans: []span{{text: "b"}}}}},
		{name: "a quote", text: "> q\n\na", want: []block{{kind: quote, spans: []span{{text: "q"}}}, {spans: []span{{text: "a"}}}}},
		{name: "a list", text: "1. a\n2. b\n\n- c", want: []block{
			{kind: item, spans: []span{{"1. ", muted}, {text: "a"}}},
			{kind: item, spans: []span{{"2. ", muted}, {text: "b"}}},
			{kind: item, spans: []span{{"• ", muted}, {text: "c"}}},
		}},
		{name: "a block of code", text: "```\nif x\n  y\n```", want: []block{{kind: preformatted, spans: []span{{"if x\n  y\n", code}}}}},
		{name: "HTML is text", text: "**a** <b>", want: []block{{spans: []span{{"a", bold}, {text: " <b>"}}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, markdownBlocks(test.text))
		})
	}
}

func TestPlainTextIsShownAsItIs(t *testing.T) {
	content := &event.MessageEventContent{Body: "**a**  <b>\nc", FormattedBody: "not HTML"}
	require.Equal(t, []block{{spans: []span{{text: "**a**  <b>\nc"}}}}, blocksOf(content))
}

func TestBlocksOfHTML(t *testing.T) {
	content := &event.MessageEventContent{Format: event.FormatHTML, FormattedBody: "a<br>\n b  &amp; <font>c</font><ul><li><p>d</p></li></ul>"}
	require.Equal(t, []block{
		{spans: []span{{text: "a"}, {text: "\n"}, {text: " b & "}, {text: "c"}}},
		{kind: item, spans: []span{{"• ", muted}, {text: "d"}}},
	}, blocksOf(content))
}
