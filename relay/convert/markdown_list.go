package convert

import (
	"bytes"
	"regexp"
	"strconv"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// listParser is goldmark's parser of lists, for fewer of them. A number must be the
// next one, so that a list shows the numbers that were typed; another number begins
// another list.
type listParser struct{ parser.BlockParser }

var _ parser.BlockParser = listParser{}

// itemLine is a line that begins an item. Its groups are the marker and the text.
var itemLine = regexp.MustCompile(`^ {0,3}([-*]|[1-9][0-9]{0,8}\.|0\.)[ \t]+(\S.*)`)

// Open implements [parser.BlockParser].
func (p listParser) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	if parent.Kind() != ast.KindList && !beginsList(parent, reader, pc) {
		return nil, parser.NoChildren
	}
	return p.BlockParser.Open(parent, reader, pc)
}

// beginsList reports whether the current line begins a list in parent. Text of an item
// that begins like another item is text: "10. 5. 2024". A dash alone can also be the
// minus of a number or stand in front of a signature below a text, and an asterisk
// alone can be that of a note.
func beginsList(parent ast.Node, reader text.Reader, pc parser.Context) bool {
	line, segment := reader.PeekLine()
	match := itemLine.FindSubmatch(line)
	if match == nil || parent.Kind() == ast.KindListItem && !parent.HasChildren() || len(bytes.Trim(match[2], "-*_ \t\r")) == 0 {
		return false
	}
	switch marker := match[1][0]; {
	case util.IsNumeric(marker) || hasSecondItem(reader.Source()[segment.Stop:], marker):
		return true
	case marker == '*':
		return false
	default:
		return !isInParagraph(parent, pc) && !util.IsNumeric(match[2][0])
	}
}

// hasSecondItem reports whether the lines of rest, up to the end of the list, contain
// another item.
func hasSecondItem(rest []byte, marker byte) bool {
	blank := false
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		rest = after
		item := bytes.TrimLeft(line, "> \t")
		switch {
		case len(bytes.TrimSpace(item)) == 0:
			blank = true
		case len(item) > 2 && item[0] == marker && (item[1] == ' ' || item[1] == '\t'):
			return true
		case len(item) == len(line) || blank && len(line)-len(item) < 2:
			return false
		default:
			blank = false
		}
	}
	return false
}

// Continue implements [parser.BlockParser].
func (p listParser) Continue(node ast.Node, reader text.Reader, pc parser.Context) parser.State {
	list := node.(*ast.List)
	line, _ := reader.PeekLine()
	last, _ := list.LastChild().(*ast.ListItem)
	if indent, _ := util.IndentWidth(line, reader.LineOffset()); list.IsOrdered() && last != nil && indent < last.Offset {
		match := itemLine.FindSubmatch(bytes.TrimLeft(line, " \t"))
		if match == nil || string(match[1]) != strconv.Itoa(list.Start+list.ChildCount())+"." {
			if !util.IsBlank(line) {
				return parser.Close
			}
		}
	}
	return p.BlockParser.Continue(node, reader, pc)
}

// quoteParser is goldmark's parser of quotes, for those whose mark is followed by a
// blank and text that is no number: not for ">:(" and "> 50 %".
type quoteParser struct{ parser.BlockParser }

var _ parser.BlockParser = quoteParser{}

var (
	quoteLine     = regexp.MustCompile(`^ {0,3}>[ \t]+([^\s0-9]|[0-9]+\.[ \t])`)
	quoteNextLine = regexp.MustCompile(`^ {0,3}>([\s>]|$)`)
)

// Open implements [parser.BlockParser].
func (p quoteParser) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	if line, _ := reader.PeekLine(); !quoteLine.Match(line) {
		return nil, parser.NoChildren
	}
	return p.BlockParser.Open(parent, reader, pc)
}

// Continue implements [parser.BlockParser].
func (p quoteParser) Continue(node ast.Node, reader text.Reader, pc parser.Context) parser.State {
	if line, _ := reader.PeekLine(); !quoteNextLine.Match(line) {
		return parser.Close
	}
	return p.BlockParser.Continue(node, reader, pc)
}
