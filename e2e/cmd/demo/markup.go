package main

import (
	"strings"

	"wazo-matrix-relay/e2e/markup"

	"maunium.net/go/mautrix/event"
)

// Styled texts carry marks, which are characters for private use, so that a text can be measured and broken into rows
// before it is known how styles are shown. Those in the texts of other people are taken out.
const (
	firstMark = '\ue000' // markBegin of the first style
	lastMark  = '\ue00f'
)

// terminalStyles are the codes by which a terminal begins and ends the styles (ECMA-48, "SGR").
var terminalStyles = []struct {
	style      markup.Style
	begin, end string
}{
	{markup.Bold, "1", "22"},
	{markup.Italic, "3", "23"},
	{markup.Link, "4", "24"},
	{markup.Struck, "9", "29"},
	{markup.Code, "36", "39"},
	{markup.Muted, "90", "39"},
}

func markBegin(style int) rune { return firstMark + rune(2*style) }

func isMark(r rune) bool { return r >= firstMark && r <= lastMark }

// withoutMarks is what a reader sees of a text.
func withoutMarks(text string) string {
	return strings.Map(func(r rune) rune {
		if isMark(r) {
			return -1
		}
		return r
	}, text)
}

// styled puts marks around a text.
func styled(text string, style markup.Style) string {
	begin, end := "", ""
	for i, each := range terminalStyles {
		if style&each.style != 0 {
			begin, end = begin+string(markBegin(i)), string(markBegin(i)+1)+end
		}
	}
	return begin + text + end
}

// shown is a message as a client shows it, with marks.
func shown(blocks []markup.Block) string {
	var out strings.Builder
	for i, block := range blocks {
		if i > 0 {
			out.WriteString("\n")
		}
		var text strings.Builder
		for _, span := range block.Spans {
			text.WriteString(styled(withoutMarks(span.Text), span.Style))
		}
		said := strings.Trim(text.String(), "\n ")
		if block.Kind == markup.Quote {
			said = styled("│ ", markup.Muted) + strings.ReplaceAll(said, "\n", "\n"+styled("│ ", markup.Muted))
		}
		out.WriteString(said)
	}
	return out.String()
}

func shownOnMatrix(content *event.MessageEventContent) string { return shown(markup.Content(content)) }

func shownOnWazo(text string) string { return shown(markup.Markdown(text)) }

// terminal turns the marks of the rows of one text into what a terminal understands. A style that goes on in the next
// row is ended and begun again, because what stands beside it has styles of its own.
func terminal(rows []string) []string {
	open := make([]bool, len(terminalStyles))
	out := make([]string, len(rows))
	for i, row := range rows {
		var b strings.Builder
		write := func(code string) { b.WriteString("\x1b[" + code + "m") }
		for style, isOpen := range open {
			if isOpen {
				write(terminalStyles[style].begin)
			}
		}
		for _, r := range row {
			if !isMark(r) {
				b.WriteRune(r)
				continue
			}
			style := int(r-firstMark) / 2
			open[style] = r == markBegin(style)
			if open[style] {
				write(terminalStyles[style].begin)
			} else {
				write(terminalStyles[style].end)
			}
		}
		for style, isOpen := range open {
			if isOpen {
				write(terminalStyles[style].end)
			}
		}
		out[i] = b.String()
	}
	return out
}
