package convert

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// fenceParser finds blocks of code. Unlike in CommonMark, code may begin on the line of
// the opening fence and end on that of the closing one, because many people type it so.
type fenceParser struct{}

var _ parser.BlockParser = fenceParser{}

// fenceKey is the key of an [openFence].
var fenceKey = parser.NewContextKey()

// openFence is what the parser knows of the block of code that it reads.
type openFence struct {
	fence
	node   ast.Node
	end    int  // where the code ends if its last line has text, else -1
	closed bool // whether the last line with text was read
}

// Trigger implements [parser.BlockParser].
func (fenceParser) Trigger() []byte { return []byte{'`', '~'} }

// Open implements [parser.BlockParser].
func (fenceParser) Open(_ ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	line, segment := reader.PeekLine()
	trimmed := strings.TrimRight(string(line), "\r\n")
	found, ok := parseFence(trimmed)
	if !ok || !found.opens() {
		return nil, parser.NoChildren
	}
	at := segment.Stop - len(line) + len(trimmed)
	rest := strings.TrimLeft(trimmed[len(found.indent)+len(found.marker):], " \t")
	hasLanguage := found.hasLanguage() && len(found.info) == len(strings.TrimSpace(rest))
	end, closed := findEnd(reader.Source(), segment.Stop, found, pc)
	if rest != "" && !hasLanguage && !closed {
		return nil, parser.NoChildren
	}
	node := ast.NewFencedCodeBlock(nil)
	switch start := at - len(rest); {
	case hasLanguage:
		node.Info = ast.NewTextSegment(text.NewSegment(start, start+len(found.info)))
	case rest != "":
		node.Lines().Append(codeSegment(text.NewSegment(start, segment.Stop)))
	}
	pc.Set(fenceKey, &openFence{fence: found, node: node, end: end})
	reader.AdvanceToEOL()
	return node, parser.NoChildren
}

// unclosedKey is the key of the markers of fences that are closed by no line of their
// own up to the end of the message. Knowing them keeps the time linear.
var unclosedKey = parser.NewContextKey()

// findEnd looks for the end of the code of a fence in the lines from a position on. It
// returns where the closing marker stands if it stands behind text, else -1, and whether
// the fence is closed at all.
func findEnd(source []byte, from int, f fence, pc parser.Context) (end int, closed bool) {
	unclosed := pc.ComputeIfAbsent(unclosedKey, func() any { return map[string]bool{} }).(map[string]bool)
	end = -1
	for from < len(source) {
		line := lineAt(source, from)
		trimmed := bytes.TrimRight(line, " \t\r")
		if found, ok := parseFence(strings.TrimLeft(string(trimmed), "> ")); ok && found.closes(f) {
			return -1, true
		}
		if end < 0 && bytes.HasSuffix(trimmed, []byte(f.marker)) {
			end = from + len(trimmed) - len(f.marker)
		}
		if end >= 0 && unclosed[f.marker] {
			return end, true
		}
		from += len(line) + 1
	}
	unclosed[f.marker] = true
	return end, end >= 0
}

// codeSegment returns a line of code, which ends with a line break in any case.
func codeSegment(segment text.Segment) text.Segment {
	segment.ForceNewline = true
	return segment
}

// Continue implements [parser.BlockParser].
func (fenceParser) Continue(node ast.Node, reader text.Reader, pc parser.Context) parser.State {
	open := pc.Get(fenceKey).(*openFence)
	line, segment := reader.PeekLine()
	found, ok := parseFence(strings.TrimRight(string(line), " \t\r\n"))
	if open.closed {
		return parser.Close
	} else if ok && found.closes(open.fence) {
		reader.AdvanceToEOL()
		return parser.Close
	}
	indent := min(len(open.indent), len(line)-len(bytes.TrimLeft(line, " ")))
	if segment.Padding > 0 {
		indent = 0
	}
	code := text.NewSegmentPadding(segment.Start+indent, segment.Stop, segment.Padding)
	if open.end >= segment.Start && open.end < segment.Stop {
		code.Stop, open.closed = max(open.end, code.Start), true
	}
	node.Lines().Append(codeSegment(code))
	reader.AdvanceToEOL()
	return parser.Continue | parser.NoChildren
}

// Close implements [parser.BlockParser].
func (fenceParser) Close(node ast.Node, _ text.Reader, pc parser.Context) {
	// The next block of code may have begun already.
	if open, ok := pc.Get(fenceKey).(*openFence); ok && open.node == node {
		pc.Set(fenceKey, nil)
	}
}

// CanInterruptParagraph implements [parser.BlockParser].
func (fenceParser) CanInterruptParagraph() bool { return true }

// CanAcceptIndentedLine implements [parser.BlockParser].
func (fenceParser) CanAcceptIndentedLine() bool { return false }
