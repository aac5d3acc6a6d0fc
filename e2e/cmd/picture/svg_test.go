package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/markup"

	"github.com/stretchr/testify/require"
)

// texts reads the texts of an SVG, and fails if it is not well-formed.
func texts(t *testing.T, svg []byte) (all []string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(string(svg)))
	for inText := false; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "text" {
				inText = true
				all = append(all, "")
			}
		case xml.EndElement:
			inText = inText && token.Name.Local != "text"
		case xml.CharData:
			if inText {
				all[len(all)-1] += string(token)
			}
		}
	}
}

func said(who, text string) *bubble {
	return &bubble{who: who, blocks: []markup.Block{{Spans: []markup.Span{{Text: text}}}}}
}

func TestTextsAreEscaped(t *testing.T) {
	svg, err := draw([]exchange{{
		matrix: said(`<Eve> & "Co"`, `</text><script>alert('1')</script>`),
		wazo:   &bubble{own: true, blocks: []markup.Block{{Spans: []markup.Span{{Text: "a & b", Style: markup.Bold | markup.Code}, {Text: "\x00 < c"}}}}},
	}})
	require.NoError(t, err)
	require.Subset(t, texts(t, svg), []string{`<Eve> & "Co"`, `</text><script>alert('1')</script>`, "a & b\ufffd < c"})
	require.NotContains(t, string(svg), "<script")
	require.Contains(t, string(svg), `<tspan class="bold code">a &amp; b</tspan>`)
}

func TestSamePersonHasTheSamePictureOnBothSides(t *testing.T) {
	svg, err := draw([]exchange{{matrix: said("Robin Lee", "hi"), wazo: said("Robin Lee (Matrix)", "hi"), toWazo: true}})
	require.NoError(t, err)
	require.Equal(t, []string{
		"Matrix", "Encrypted room, in a client with per-message profiles", "Wazo", "Chat, in a client that shows Markdown",
		"RL", "Robin Lee", "hi", "RL", "Robin Lee (Matrix)", "hi",
	}, texts(t, svg))
	_, colors, found := strings.Cut(string(svg), `class="name" style="`)
	require.True(t, found)
	color, _, _ := strings.Cut(colors, `"`)
	require.Equal(t, 2, strings.Count(string(svg), color))
}

func TestMessageOnOneSideHasNoArrow(t *testing.T) {
	for _, test := range []struct {
		name     string
		exchange exchange
		arrows   int
	}{
		{name: "both sides", exchange: exchange{matrix: said("a", "b"), wazo: said("a", "b")}, arrows: 1},
		{name: "Matrix only", exchange: exchange{matrix: said("a", "b"), toWazo: true}},
		{name: "Wazo only", exchange: exchange{wazo: said("a", "b")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			svg, err := draw([]exchange{test.exchange})
			require.NoError(t, err)
			require.Equal(t, test.arrows, strings.Count(string(svg), `class="arrow"`))
		})
	}
}

func TestLongTextStaysInItsBubble(t *testing.T) {
	ruler, err := newRuler()
	require.NoError(t, err)
	c := &canvas{ruler: ruler}
	for _, kind := range []markup.Kind{markup.Paragraph, markup.Quote, markup.Item, markup.Preformatted, markup.File} {
		l := c.lay(&bubble{who: "a", blocks: []markup.Block{{Kind: kind, Spans: []markup.Span{{Text: strings.Repeat("word ", 40) + strings.Repeat("x", 200)}}}}})
		require.LessOrEqual(t, l.width, float64(maxText+2*bubbleInset))
		require.LessOrEqual(t, l.width, float64(panelWidth-2*padding-avatarSize-avatarGap))
		require.Greater(t, len(l.parts[0].rows), 5)
		require.GreaterOrEqual(t, l.height, float64(2*bubbleTop+lineHeight*(1+len(l.parts[0].rows))))
	}
}
