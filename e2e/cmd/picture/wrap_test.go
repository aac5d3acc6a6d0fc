package main

import (
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/markup"

	"github.com/stretchr/testify/require"
)

// marked shows rows with the styles of their spans.
func marked(rows []row) (lines []string) {
	for _, row := range rows {
		line := ""
		for _, s := range row.spans {
			if s.Style != 0 {
				line += "<" + classes(s.Style) + ">" + s.Text + "</>"
				continue
			}
			line += s.Text
		}
		lines = append(lines, line)
	}
	return lines
}

func TestWrap(t *testing.T) {
	ruler, err := newRuler()
	require.NoError(t, err)
	for _, test := range []struct {
		name        string
		spans       []markup.Span
		fits        string // the width is that of this text
		spacesCount bool
		want        []string
	}{
		{name: "a text that just fits stays as it is", spans: []markup.Span{{Text: "hello world"}}, fits: "hello world", want: []string{"hello world"}},
		{name: "a text that is too long breaks between words", spans: []markup.Span{{Text: "hello world"}}, fits: "hello worl", want: []string{"hello", "world"}},
		{name: "a word that fits nowhere is cut", spans: []markup.Span{{Text: "a iiiiiiiiii b"}}, fits: "iiiiiii", want: []string{"a", "iiiiiii", "iii b"}},
		{name: "line breaks stay", spans: []markup.Span{{Text: "one\n\ntwo"}}, fits: "one two", want: []string{"one", "", "two"}},
		{name: "spaces at the edges of rows go", spans: []markup.Span{{Text: " one \n two "}}, fits: "one two", want: []string{"one", "two"}},
		{name: "styles change within a word", spans: []markup.Span{{Text: "so "}, {Text: "bo", Style: markup.Bold}, {Text: "ld, yes"}}, fits: "so bold,  ", want: []string{"so <bold>bo</>ld,", "yes"}},
		{name: "a word of two styles is not parted", spans: []markup.Span{{Text: "so "}, {Text: "bo", Style: markup.Bold}, {Text: "ld"}}, fits: "so bo", want: []string{"so", "<bold>bo</>ld"}},
		{name: "an emoji of several runes is not parted", spans: []markup.Span{{Text: "👩‍🔧👩‍🔧"}}, fits: "👩‍🔧", want: []string{"👩‍🔧", "👩‍🔧"}},
		{name: "an accent stays with its letter", spans: []markup.Span{{Text: "e\u0301e\u0301"}}, fits: "e\u0301", want: []string{"e\u0301", "e\u0301"}},
		{name: "in a block of code spaces count", spans: []markup.Span{{Text: "if x\n  y", Style: markup.Code}}, fits: "if x y", spacesCount: true, want: []string{"<code>if x</>", "<code>  y</>"}},
		{name: "no text has no rows", spans: []markup.Span{{Text: ""}}, fits: "x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			width := ruler.width(markup.Span{Text: test.fits}) + 0.001 // sums in another order differ a little
			if test.spans[0].Style == markup.Code {
				width = ruler.width(markup.Span{Text: test.fits, Style: markup.Code})
			}
			require.Equal(t, test.want, marked(ruler.wrap(test.spans, width, test.spacesCount)))
		})
	}
}

func TestRowsAreAsWideAsTheirText(t *testing.T) {
	ruler, err := newRuler()
	require.NoError(t, err)
	text := strings.Repeat("some words of a sentence ", 8)
	for _, row := range ruler.wrap([]markup.Span{{Text: text}, {Text: text, Style: markup.Bold}, {Text: text, Style: markup.Code}}, 200, false) {
		sum := 0.0
		for _, s := range row.spans {
			sum += ruler.width(s)
		}
		require.InDelta(t, sum, row.width, 0.001)
		require.LessOrEqual(t, row.width, 200.0)
	}
}
