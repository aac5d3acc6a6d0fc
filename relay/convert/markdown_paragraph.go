package convert

import (
	"bytes"
	"regexp"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// paragraphParser makes paragraphs of all lines that are nothing else, indented ones
// included. Unlike goldmark's parser it keeps the blanks at the start of lines, and a
// line below a quote or list never continues the paragraph in it.
type paragraphParser struct{}

var _ parser.BlockParser = paragraphParser{}

// Trigger implements [parser.BlockParser].
func (paragraphParser) Trigger() []byte { return nil }

// Open implements [parser.BlockParser].
func (paragraphParser) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	line, segment := reader.PeekLine()
	if util.IsBlank(line) || isInParagraph(parent, pc) {
		return nil, parser.NoChildren
	}
	node := ast.NewParagraph()
	node.Lines().Append(segment)
	reader.AdvanceToEOL()
	return node, parser.NoChildren
}

// isInParagraph reports whether the current line follows a line of a paragraph in
// parent directly.
func isInParagraph(parent ast.Node, pc parser.Context) bool {
	last := pc.LastOpenedBlock().Node
	return last != nil && ast.IsParagraph(last) && last.Parent() == parent
}

// Continue implements [parser.BlockParser].
func (paragraphParser) Continue(node ast.Node, reader text.Reader, _ parser.Context) parser.State {
	line, segment := reader.PeekLine()
	if util.IsBlank(line) {
		return parser.Close
	}
	node.Lines().Append(segment)
	reader.AdvanceToEOL()
	return parser.Continue | parser.NoChildren
}

// Close implements [parser.BlockParser].
func (paragraphParser) Close(ast.Node, text.Reader, parser.Context) {}

// CanInterruptParagraph implements [parser.BlockParser]. It can, because a line below
// a quote or list begins a paragraph of its own.
func (paragraphParser) CanInterruptParagraph() bool { return true }

// CanAcceptIndentedLine implements [parser.BlockParser].
func (paragraphParser) CanAcceptIndentedLine() bool { return true }

// ruleParser finds the line across the page: three dashes or more, without text above.
type ruleParser struct{ leafParser }

var _ parser.BlockParser = ruleParser{}

var ruleLine = regexp.MustCompile(`^ {0,3}-{3,}\s*$`)

// Trigger implements [parser.BlockParser].
func (ruleParser) Trigger() []byte { return []byte{'-'} }

// Open implements [parser.BlockParser].
func (ruleParser) Open(_ ast.Node, reader text.Reader, _ parser.Context) (ast.Node, parser.State) {
	line, _ := reader.PeekLine()
	if !ruleLine.Match(line) {
		return nil, parser.NoChildren
	}
	reader.AdvanceToEOL()
	return ast.NewThematicBreak(), parser.NoChildren
}

// headingParser finds headings: a line of its own, without text above, that begins with
// up to six "#", a blank and text. Several such lines below each other are comments or
// commands, and "# 5" is a number.
type headingParser struct{ leafParser }

var _ parser.BlockParser = headingParser{}

var (
	headingLine = regexp.MustCompile(`^ {0,3}(#{1,6})[ \t]+(\S.*?)\s*$`)
	headingNext = regexp.MustCompile(`^ {0,3}(#{1,6})[ \t]`)
)

// Trigger implements [parser.BlockParser].
func (headingParser) Trigger() []byte { return []byte{'#'} }

// Open implements [parser.BlockParser].
func (headingParser) Open(parent ast.Node, reader text.Reader, _ parser.Context) (ast.Node, parser.State) {
	line, segment := reader.PeekLine()
	match := headingLine.FindSubmatchIndex(line)
	if match == nil || parent.Kind() == ast.KindListItem || segment.Padding > 0 {
		return nil, parser.NoChildren
	}
	level := match[3] - match[2]
	next := headingNext.FindSubmatch(lineAt(reader.Source(), segment.Stop))
	if isNumber := level == 1 && util.IsNumeric(line[match[4]]); isNumber || next != nil && len(next[1]) == level {
		return nil, parser.NoChildren
	}
	node := ast.NewHeading(level)
	node.Lines().Append(text.NewSegment(segment.Start+match[4], segment.Start+match[5]))
	reader.AdvanceToEOL()
	return node, parser.NoChildren
}

// lineAt returns the line of source that begins at start, without its end.
func lineAt(source []byte, start int) []byte {
	line, _, _ := bytes.Cut(source[start:], []byte("\n"))
	return line
}

// leafParser has what block parsers of single lines have in common.
type leafParser struct{}

// Continue implements [parser.BlockParser].
func (leafParser) Continue(ast.Node, text.Reader, parser.Context) parser.State { return parser.Close }

// Close implements [parser.BlockParser].
func (leafParser) Close(ast.Node, text.Reader, parser.Context) {}

// CanInterruptParagraph implements [parser.BlockParser].
func (leafParser) CanInterruptParagraph() bool { return false }

// CanAcceptIndentedLine implements [parser.BlockParser].
func (leafParser) CanAcceptIndentedLine() bool { return false }
