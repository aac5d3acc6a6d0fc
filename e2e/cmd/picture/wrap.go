package main

import (
	"fmt"
	"strings"

	"wazo-matrix-relay/e2e/markup"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Sizes of the letters, in pixels.
const (
	textSize = 13
	codeSize = 12
)

// reserve is how much wider than the Go fonts a text is assumed to be.
const reserve = 1.07

// ruler measures texts. Which font a reader's system has is not known here. The Go
// fonts with a reserve are a little wider than those of most systems, so that a text
// that fits here fits there.
type ruler struct {
	regular, bold, mono *sfnt.Font
	buffer              sfnt.Buffer
}

func newRuler() (*ruler, error) {
	r := &ruler{}
	for _, each := range []struct {
		font **sfnt.Font
		data []byte
	}{{&r.regular, goregular.TTF}, {&r.bold, gobold.TTF}, {&r.mono, gomono.TTF}} {
		parsed, err := sfnt.Parse(each.data)
		if err != nil {
			return nil, fmt.Errorf("failed to read a font: %w", err)
		}
		*each.font = parsed
	}
	return r, nil
}

// width is the width of a span in pixels.
func (r *ruler) width(s markup.Span) float64 {
	total := 0.0
	for segment := graphemes.FromString(s.Text); segment.Next(); {
		total += r.advance(segment.Value(), s.Style)
	}
	return total
}

// advance is the width of a grapheme: that of its widest rune. A rune that the font
// lacks, such as an emoji, is as wide as it is high.
func (r *ruler) advance(grapheme string, style markup.Style) float64 {
	face, size := r.regular, textSize
	switch {
	case style&markup.Code != 0:
		face, size = r.mono, codeSize
	case style&markup.Bold != 0:
		face = r.bold
	}
	widest := 0.0
	for _, each := range grapheme {
		width := float64(size)
		if index, err := face.GlyphIndex(&r.buffer, each); err == nil && index != 0 {
			if advance, err := face.GlyphAdvance(&r.buffer, index, fixed.I(size), font.HintingNone); err == nil {
				width = reserve * float64(advance) / 64
			}
		}
		widest = max(widest, width)
	}
	return widest
}

// row is a line of text.
type row struct {
	spans []markup.Span
	width float64
}

func (r *row) add(s markup.Span, width float64) {
	r.width += width
	if last := len(r.spans) - 1; last >= 0 && r.spans[last].Style == s.Style {
		r.spans[last].Text += s.Text
		return
	}
	r.spans = append(r.spans, s)
}

// wrap breaks spans into rows of at most width pixels, between words where it can.
// If spaces count, it breaks only what is too long, wherever that is.
func (r *ruler) wrap(spans []markup.Span, width float64, spacesCount bool) []row {
	w := wrapper{ruler: r, width: width}
	for _, s := range spans {
		for segment := graphemes.FromString(s.Text); segment.Next(); {
			piece := markup.Span{Text: segment.Value(), Style: s.Style}
			switch {
			case strings.Contains(piece.Text, "\n"):
				w.endWord()
				w.endRow()
			case piece.Text == " " && !spacesCount:
				w.endWord()
				w.space = piece
			case spacesCount:
				w.add(piece)
				w.endWord()
			default:
				w.add(piece)
			}
		}
	}
	w.endWord()
	if len(w.row.spans) > 0 {
		w.endRow()
	}
	return w.rows
}

// wrapper is the state of wrap: rows that are complete, the one that is being
// filled, the space behind it, and the word that may follow there.
type wrapper struct {
	ruler *ruler
	width float64
	rows  []row
	row   row
	space markup.Span
	word  row
}

func (w *wrapper) add(piece markup.Span) {
	width := w.ruler.width(piece)
	if w.word.width+width > w.width {
		// The word fits into no row.
		w.endWord()
		w.endRow()
	}
	w.word.add(piece, width)
}

// endWord puts the word into the row, or into the next one if it does not fit.
func (w *wrapper) endWord() {
	if len(w.word.spans) == 0 {
		return
	}
	space := w.ruler.width(w.space)
	if len(w.row.spans) > 0 && w.row.width+space+w.word.width > w.width {
		w.endRow()
	}
	if len(w.row.spans) > 0 && w.space.Text != "" {
		w.row.add(w.space, space)
	}
	for _, s := range w.word.spans {
		w.row.add(s, w.ruler.width(s))
	}
	w.word, w.space = row{}, markup.Span{}
}

func (w *wrapper) endRow() {
	w.rows = append(w.rows, w.row)
	w.row, w.space = row{}, markup.Span{}
}
