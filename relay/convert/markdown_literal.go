package convert

import (
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// newLiteralMarkdown returns a parser and renderer of text in which nothing is formatting.
// It exists for the mentions in such a text; without them, the text needs no HTML.
func newLiteralMarkdown() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithParser(parser.NewParser(
			parser.WithBlockParsers(util.Prioritized(literalParser{}, 100)),
			parser.WithInlineParsers(util.Prioritized(literalLines{}, 100)),
		)),
		goldmark.WithRendererOptions(html.WithHardWraps(), renderer.WithNodeRenderers(
			util.Prioritized(linkRenderer{}, 100), util.Prioritized(mentionRenderer{}, 100),
		)),
	)
}

// literalParser takes all of a text, with its empty lines, for one paragraph.
type literalParser struct{}

var _ parser.BlockParser = literalParser{}

// Trigger implements [parser.BlockParser].
func (literalParser) Trigger() []byte { return nil }

// Open implements [parser.BlockParser].
func (literalParser) Open(_ ast.Node, reader text.Reader, _ parser.Context) (ast.Node, parser.State) {
	paragraph := ast.NewParagraph()
	for line, segment := reader.PeekLine(); line != nil; line, segment = reader.PeekLine() {
		paragraph.Lines().Append(segment)
		reader.AdvanceLine()
	}
	return paragraph, parser.NoChildren
}

// Continue implements [parser.BlockParser].
func (literalParser) Continue(ast.Node, text.Reader, parser.Context) parser.State {
	return parser.Close
}

// Close implements [parser.BlockParser].
func (literalParser) Close(ast.Node, text.Reader, parser.Context) {}

// CanInterruptParagraph implements [parser.BlockParser].
func (literalParser) CanInterruptParagraph() bool { return false }

// CanAcceptIndentedLine implements [parser.BlockParser].
func (literalParser) CanAcceptIndentedLine() bool { return true }

// literalLines takes the text of a paragraph as it is, except that addresses are links.
type literalLines struct{}

var _ parser.InlineParser = literalLines{}

// Trigger implements [parser.InlineParser].
func (literalLines) Trigger() []byte { return lineParser{}.Trigger() }

// Parse implements [parser.InlineParser].
func (literalLines) Parse(parent ast.Node, block text.Reader, _ parser.Context) ast.Node {
	parent.RemoveChildren(parent)
	s := newScanner(parent, block.Source())
	for i := 0; i < len(s.text); {
		switch c := s.text[i]; {
		case c == 'h' && startsURLAt(s.text, i):
			i = s.url(i)
		case c == '\n':
			s.canBlock = false // no backslash is hidden
			i = s.lineBreak(i)
		default:
			i++
		}
	}
	s.flush(len(s.text))
	s.build(parent)
	for line, _ := block.PeekLine(); line != nil; line, _ = block.PeekLine() {
		block.AdvanceLine()
	}
	return parent.LastChild()
}
