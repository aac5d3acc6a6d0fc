package main

import (
	"fmt"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/format"
)

// style is how a text is shown. Styles can be combined.
type style uint8

const (
	bold style = 1 << iota
	italic
	code
	struck
	link
	muted
)

// span is a text in one style. A line break in it stays one.
type span struct {
	text  string
	style style
}

// kind is what a block is.
type kind uint8

const (
	paragraph kind = iota
	quote
	item         // of a list; its text begins with a marker
	preformatted // a block of code, in which spaces count
	file         // an attachment, shown by its name
)

// block is a part of a message that begins on a line of its own.
type block struct {
	kind  kind
	spans []span
}

// blocksOf is the text of a Matrix message as a client shows it.
func blocksOf(content *event.MessageEventContent) []block {
	if content.Format == event.FormatHTML && content.FormattedBody != "" {
		return htmlBlocks(content.FormattedBody)
	}
	return []block{{spans: []span{{text: content.Body}}}}
}

// markdownBlocks is Markdown as a client shows it.
func markdownBlocks(text string) []block {
	content := format.RenderMarkdown(text, true, false)
	return blocksOf(&content)
}

// htmlBlocks is the HTML of a message as a client shows it. Elements that it does
// not know are shown by their content.
func htmlBlocks(text string) []block {
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(text), body)
	if err != nil {
		// A reader of a string does not fail, and every text is HTML.
		return []block{{spans: []span{{text: text}}}}
	}
	var w walker
	for _, node := range nodes {
		w.walk(node)
	}
	w.begin(paragraph)
	return w.done
}

// walker collects the blocks of a message.
type walker struct {
	done    []block
	current block
	style   style
}

// begin ends the current block, if there is anything in it, and begins another.
func (w *walker) begin(kind kind) {
	for _, span := range w.current.spans {
		if strings.TrimSpace(span.text) != "" {
			w.done = append(w.done, w.current)
			break
		}
	}
	w.current = block{kind: kind}
}

func (w *walker) add(text string, style style) {
	w.current.spans = append(w.current.spans, span{text, style})
}

var inlineStyles = map[atom.Atom]style{
	atom.B: bold, atom.Strong: bold, atom.I: italic, atom.Em: italic, atom.Code: code,
	atom.Del: struck, atom.S: struck, atom.A: link,
}

func (w *walker) walk(node *html.Node) {
	switch {
	case node.Type == html.TextNode && w.current.kind == preformatted:
		w.add(node.Data, w.style)
	case node.Type == html.TextNode:
		w.add(collapse(node.Data), w.style)
	case node.Type != html.ElementNode:
	case node.DataAtom == atom.Br:
		w.add("\n", w.style)
	default:
		w.walkElement(node)
	}
}

func (w *walker) walkElement(node *html.Node) {
	outer, style := w.current.kind, w.style
	inner, isBlock := outer, true
	switch node.DataAtom {
	case atom.Blockquote:
		inner = quote
	case atom.Pre:
		inner = preformatted
	case atom.Li:
		inner = item
	case atom.P, atom.Div, atom.Ul, atom.Ol:
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		w.style |= bold
	default:
		isBlock = false
	}
	// The paragraph of an item follows the item's marker.
	if node.DataAtom == atom.P && outer == item {
		isBlock = false
	}
	if isBlock {
		w.begin(inner)
	}
	if inner == item && node.DataAtom == atom.Li {
		w.add(marker(node), muted)
	}
	w.style |= inlineStyles[node.DataAtom]
	for child := node.FirstChild; child != nil; child = child.NextSibling {
		w.walk(child)
	}
	w.style = style
	if isBlock {
		w.begin(outer)
	}
}

// marker is what stands before an item of a list.
func marker(node *html.Node) string {
	if node.Parent == nil || node.Parent.DataAtom != atom.Ol {
		return "• "
	}
	number := 1
	for before := node.PrevSibling; before != nil; before = before.PrevSibling {
		if before.DataAtom == atom.Li {
			number++
		}
	}
	return fmt.Sprintf("%d. ", number)
}

// collapse makes one space of several, as HTML does.
func collapse(text string) string {
	words := strings.Join(strings.Fields(text), " ")
	if words == "" && text != "" {
		return " "
	}
	if strings.TrimLeft(text, " \t\r\n") != text {
		words = " " + words
	}
	if strings.TrimRight(text, " \t\r\n") != text {
		words += " "
	}
	return words
}
