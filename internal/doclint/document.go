package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// document is what the checks need of a Markdown file.
type document struct {
	headings []string        // their texts, without markup
	anchors  map[string]bool // as GitHub makes them
	links    []snippet       // destinations of links and images
	codes    []snippet       // code spans
	blocks   []block         // code blocks
	cells    []snippet       // code spans that begin a row of a table
	tables   []table
}

// table is the first column of a table, without markup.
type table struct {
	head       string
	firstCells []snippet
}

// snippet is a piece of a document.
type snippet struct {
	text string
	line int
}

// block is a code block.
type block struct {
	language string
	lines    []snippet
}

var anchorTag = regexp.MustCompile(`<a\s+(?:id|name)="([^"]+)"`)

func parseDocument(source []byte) *document {
	d := &document{anchors: make(map[string]bool)}
	for _, tag := range anchorTag.FindAllSubmatch(source, -1) {
		d.anchors[string(tag[1])] = true
	}
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()
	root := parser.Parse(text.NewReader(source))
	line := 1 // of the text before the node: a link has no position of its own
	_ = ast.Walk(root, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		line = startLine(node, source, line)
		d.add(node, source, line)
		return ast.WalkContinue, nil
	}) // the function above returns no error
	return d
}

// startLine is the line where a node begins, or before if it is not known.
func startLine(node ast.Node, source []byte, before int) int {
	at := func(offset int) int { return 1 + bytes.Count(source[:offset], []byte("\n")) }
	if node.Type() != ast.TypeInline && node.Lines().Len() > 0 {
		return at(node.Lines().At(0).Start)
	}
	if leaf, ok := node.(*ast.Text); ok {
		return at(leaf.Segment.Start)
	}
	if first, ok := node.FirstChild().(*ast.Text); ok {
		return at(first.Segment.Start)
	}
	return before
}

func (d *document) add(node ast.Node, source []byte, line int) {
	switch node := node.(type) {
	case *ast.Heading:
		heading := plainText(node, source)
		d.headings = append(d.headings, heading)
		d.addAnchor(heading)
	case *ast.Link:
		d.links = append(d.links, snippet{string(node.Destination), line})
	case *ast.Image:
		d.links = append(d.links, snippet{string(node.Destination), line})
	case *ast.CodeSpan:
		span := snippet{plainText(node, source), line}
		d.codes = append(d.codes, span)
		if beginsRow(node) {
			d.cells = append(d.cells, span)
		}
	case *extast.Table:
		d.addTable(node, source)
	case *ast.FencedCodeBlock:
		d.addBlock(string(node.Language(source)), node.Lines(), source)
	case *ast.CodeBlock:
		d.addBlock("", node.Lines(), source)
	}
}

// beginsRow says whether a node is the first of a table's row.
func beginsRow(node ast.Node) bool {
	cell := node.Parent()
	return cell != nil && cell.Kind().String() == "TableCell" && cell.PreviousSibling() == nil && node.PreviousSibling() == nil
}

func (d *document) addTable(node *extast.Table, source []byte) {
	t := table{}
	for row := node.FirstChild(); row != nil; row = row.NextSibling() {
		cell := row.FirstChild()
		if row.Kind() == extast.KindTableHeader {
			t.head = plainText(cell, source)
		} else {
			t.firstCells = append(t.firstCells, snippet{plainText(cell, source), startLine(cell, source, 1)})
		}
	}
	d.tables = append(d.tables, t)
}

func (d *document) addBlock(language string, lines *text.Segments, source []byte) {
	b := block{language: language}
	for i := range lines.Len() {
		segment := lines.At(i)
		b.lines = append(b.lines, snippet{
			strings.TrimRight(string(segment.Value(source)), "\r\n"),
			1 + bytes.Count(source[:segment.Start], []byte("\n")),
		})
	}
	d.blocks = append(d.blocks, b)
}

// addAnchor adds the anchor that GitHub gives to a heading: lower case, without
// punctuation, hyphens for spaces, and numbered if it is not the first.
func (d *document) addAnchor(heading string) {
	base := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r):
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, heading)
	anchor := base
	for n := 1; d.anchors[anchor]; n++ {
		anchor = fmt.Sprintf("%s-%d", base, n)
	}
	d.anchors[anchor] = true
}

// plainText is the text within a node.
func plainText(node ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(node, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			switch node := node.(type) {
			case *ast.Text:
				b.Write(node.Segment.Value(source))
				if node.SoftLineBreak() {
					b.WriteByte(' ')
				}
			case *ast.String:
				b.Write(node.Value)
			}
		}
		return ast.WalkContinue, nil
	}) // the function above returns no error
	return strings.Join(strings.Fields(b.String()), " ")
}
