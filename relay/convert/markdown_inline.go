package convert

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// lineParser takes the place of goldmark's parsers of what stands within lines. Called
// at the start of a block's text, it parses all of it, since goldmark's own loop drops
// characters: backslashes at the ends of lines, and those that escape nothing.
type lineParser struct{}

var _ parser.InlineParser = lineParser{}

// Trigger implements [parser.InlineParser]. The blank stands for all other characters
// at the start of a line.
func (lineParser) Trigger() []byte { return []byte(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") }

// Parse implements [parser.InlineParser].
func (lineParser) Parse(parent ast.Node, block text.Reader, _ parser.Context) ast.Node {
	parent.RemoveChildren(parent) // a line that is only a backslash
	s := newScanner(parent, block.Source())
	s.scan()
	s.matchMarks()
	s.build(parent)
	for line, _ := block.PeekLine(); line != nil; line, _ = block.PeekLine() {
		block.AdvanceLine()
	}
	return parent.LastChild()
}

// piece is a part of a block's text in the order in which it stands there.
type piece struct {
	text string // what is shown
	// leaf is shown instead of the text: code, an address or the end of a line.
	leaf ast.Node
	// mark is a row of characters that may be one end of formatting.
	mark *markRun
	// hidden says that the piece is part of formatting: nothing is shown of its text.
	hidden bool
	closes int        // how many nodes end at the piece
	opens  []ast.Node // the nodes that begin at the piece, the outer ones first
	frame  frameEdge
}

// frameEdge says whether the text of a link begins or ends at a piece.
type frameEdge uint8

const (
	noEdge frameEdge = iota
	frameBegins
	frameEnds
)

// scanner turns the text of a block into pieces.
type scanner struct {
	text     string
	places   []place // where the text stands in the message
	pieces   []piece
	pending  int // where the text begins that is not in a piece yet
	line     int // number of the current line
	brackets brackets
	ticks    map[int][]int // where the rows of backticks of each length begin
	literal  map[int]bool  // rows of backticks that an escape made text
	isCell   bool
	canBlock bool // whether the text can be the start of a block
	// afterEscapedItem says that the line above would be an item without its backslash.
	afterEscapedItem bool
}

// place is the place of a part of a block's text in the message.
type place struct{ text, source int }

func newScanner(parent ast.Node, source []byte) *scanner {
	s := &scanner{
		literal: map[int]bool{}, isCell: parent.Kind().String() == "TableCell",
		canBlock: parent.Kind() == ast.KindParagraph || parent.Kind() == ast.KindTextBlock,
	}
	var out strings.Builder
	lines := parent.Lines()
	for i := range lines.Len() {
		segment := lines.At(i)
		line := string(segment.Value(source))
		if i+1 == lines.Len() {
			line = strings.TrimRight(line, " \t\r\n")
		}
		for start := segment.Start - segment.Padding; ; {
			s.places = append(s.places, place{out.Len(), start})
			// In a cell, the backslash in front of a bar is never seen, not even in code.
			bar := strings.Index(line, `\|`)
			if bar < 0 || !s.isCell {
				break
			}
			out.WriteString(line[:bar])
			line, start = line[bar+1:], start+bar+1
		}
		out.WriteString(line)
	}
	s.text = out.String()
	s.ticks = tickRuns(s.text)
	return s
}

// source returns the place in the message that belongs to one in the text.
func (s *scanner) source(at int) int {
	low, high := 0, len(s.places)
	for high-low > 1 {
		if middle := (low + high) / 2; s.places[middle].text <= at {
			low = middle
		} else {
			high = middle
		}
	}
	return s.places[low].source + at - s.places[low].text
}

// scan finds everything but the pairs of marks.
func (s *scanner) scan() {
	for i := s.startLine(0); i < len(s.text); {
		switch c := s.text[i]; {
		case c == '\\':
			i = s.backslashes(i)
		case c == '*' || c == '_' || c == '~':
			i = s.markRun(i, i)
		case c == '`':
			i = s.code(i)
		case c == '!' && strings.HasPrefix(s.text[i:], "!["):
			i = s.openBracket(i, i+2, true, false)
		case c == '[':
			i = s.openBracket(i, i+1, false, false)
		case c == ']':
			i = s.closeBracket(i, i+1, false)
		case c == 'h' && startsURLAt(s.text, i):
			i = s.url(i)
		case c == '\n':
			i = s.lineBreak(i)
		default:
			i++
		}
	}
	s.flush(len(s.text))
}

// flush makes a piece of the text up to a place that is not in one yet.
func (s *scanner) flush(end int) {
	if end > s.pending {
		s.pieces = append(s.pieces, piece{text: s.text[s.pending:end]})
	}
	s.pending = max(s.pending, end)
}

// add adds a piece for the text from start to end. It returns end.
func (s *scanner) add(start, end int, p piece) int {
	s.flush(start)
	s.pieces = append(s.pieces, p)
	s.pending = end
	return end
}

func (s *scanner) lineBreak(i int) int {
	end := s.pending + len(strings.TrimRight(s.text[s.pending:i], " \t\r"))
	s.flush(end)
	s.pending = i
	line := ast.NewText()
	line.SetHardLineBreak(true)
	s.line++
	return s.startLine(s.add(i, i+1, piece{leaf: line}))
}

// previous returns the character in front of a place, a line break at the start.
func (s *scanner) previous(i int) rune {
	if i == 0 {
		return '\n'
	}
	r, _ := utf8.DecodeLastRuneInString(s.text[:i])
	return r
}

// next returns the character at a place, a line break at the end.
func (s *scanner) next(i int) rune {
	if i >= len(s.text) {
		return '\n'
	}
	r, _ := utf8.DecodeRuneInString(s.text[i:])
	return r
}

// url finds an address that clients link by themselves, so that no character of it is
// a mark.
func (s *scanner) url(i int) int {
	end := i + urlLength(s.text[i:])
	if end == i {
		return i + 1
	}
	return s.add(i, end, piece{leaf: &urlNode{address: s.text[i:end]}})
}

func startsURLAt(text string, i int) bool {
	previous, _ := utf8.DecodeLastRuneInString(text[:i])
	return (i == 0 || !isWord(previous)) &&
		(strings.HasPrefix(text[i:], "https://") || strings.HasPrefix(text[i:], "http://"))
}

// urlLength returns the length of the address at the start of text, without the
// punctuation, marks and brackets that belong to the sentence around it. It is 0 if
// there is nothing behind the scheme.
func urlLength(text string) int {
	end, round, square := len(text), 0, 0
scan:
	for i, r := range text {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r), strings.ContainsRune("<>\"`|\\^{}", r):
			end = i
			break scan
		case r == '(':
			round++
		case r == '[':
			square++
		case r == ')':
			round--
		case r == ']':
			square--
		}
		if round < 0 || square < 0 || unicode.In(r, unicode.Ps, unicode.Pe, unicode.Pi, unicode.Pf) && r >= utf8.RuneSelf {
			end = i
			break
		}
	}
	url := strings.TrimRightFunc(text[:end], func(r rune) bool {
		return strings.ContainsRune("?!.,:;*_~'", r) || unicode.Is(unicode.Po, r) && r >= utf8.RuneSelf
	})
	if _, rest, _ := strings.Cut(url, "://"); rest == "" {
		return 0
	}
	return len(url)
}
