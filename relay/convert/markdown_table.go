package convert

import (
	"bytes"
	"regexp"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// tableParser is goldmark's parser of tables, for those that show every cell and bar
// that was typed. A table ends above the first line without a bar.
type tableParser struct{ parser.ParagraphTransformer }

var _ parser.ParagraphTransformer = tableParser{}

// delimiterRow is the second line of a table.
var delimiterRow = regexp.MustCompile(`^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$`)

// Transform implements [parser.ParagraphTransformer].
func (p tableParser) Transform(node *ast.Paragraph, reader text.Reader, pc parser.Context) {
	lines, source := node.Lines(), reader.Source()
	lineOf := func(i int) []byte {
		segment := lines.At(i)
		return segment.Value(source)
	}
	start := 0
	for ; ; start++ {
		if start+1 >= lines.Len() {
			return
		}
		delimiter := lineOf(start + 1)
		if delimiterRow.Match(delimiter) && cellsOf(delimiter) > 0 && cellsOf(lineOf(start)) == cellsOf(delimiter) {
			break
		}
	}
	columns := cellsOf(lineOf(start))
	end := start + 2
	for ; end < lines.Len(); end++ {
		cells := cellsOf(lineOf(end))
		if cells == 0 {
			break
		} else if cells > columns {
			return
		}
	}
	parent := node.Parent()
	if end < lines.Len() {
		parent.InsertAfter(parent, node, paragraphOf(lines, end, lines.Len()))
	}
	if start > 0 {
		parent.InsertBefore(parent, node, paragraphOf(lines, 0, start))
	}
	lines.SetSliced(start, end)
	p.ParagraphTransformer.Transform(node, reader, pc)
}

func paragraphOf(lines *text.Segments, start, end int) *ast.Paragraph {
	p := ast.NewParagraph()
	p.Lines().AppendAll(lines.Sliced(start, end))
	return p
}

// cellsOf returns the number of cells in a row of a table, 0 if the line has no bars
// or ends with one that goldmark would take for the end of a cell although it is
// escaped.
func cellsOf(line []byte) int {
	line = bytes.Trim(line, " \t\r\n")
	bars := 0
	for i, c := range line {
		if c == '|' && (i == 0 || line[i-1] != '\\') {
			bars++
		}
	}
	if bars == 0 || bytes.HasSuffix(line, []byte(`\|`)) {
		return 0
	}
	cells := bars + 1
	if line[0] == '|' {
		cells--
	}
	if len(line) > 1 && line[len(line)-1] == '|' {
		cells--
	}
	return cells
}
