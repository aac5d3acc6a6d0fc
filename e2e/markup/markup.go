// Package markup turns the texts of messages into what clients show: paragraphs, quotes, lists and code, with bold
// words and links. The demo and the picture in README.md are made of it.
package markup

import (
	"fmt"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/format"
)

// Style is how a text is shown. Styles can be combined.
type Style uint8

const (
	Bold Style = 1 << iota
	Italic
	Code
	Struck
	Link
	Muted
)

// Span is a text in one style. A line break in it stays one.
type Span struct {
	Text  string
	Style Style
}

// Kind is what a block is.
type Kind uint8

const (
	Paragraph Kind = iota
	Quote
	Item         // of a list; its text begins with a marker
	Preformatted // a block of code, in which spaces count
	File         // an attachment, shown by its name
)

// Block is a part of a message that begins on a line of its own.
type Block struct {
	Kind  Kind
	Spans []Span
}

// Content is the text of a Matrix message as a client shows it.
func Content(content *event.MessageEventContent) []Block {
	if content.Format == event.FormatHTML && content.FormattedBody != "" {
		return htmlBlocks(content.FormattedBody)
	}
	return []Block{{Spans: []Span{{Text: content.Body}}}}
}

// Markdown is Markdown as a client shows it.
func Markdown(text string) []Block {
	content := format.RenderMarkdown(text, true, false)
	return Content(&content)
}

// htmlBlocks is the HTML of a message as a client shows it. Elements that it does
// not know are shown by their content.
func htmlBlocks(text string) []Block {
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(text), body)
	if err != nil {
		// A reader of a string does not fail, and every text is HTML.
		return []Block{{Spans: []Span{{Text: text}}}}
	}
	var w walker
	for _, node := range nodes {
		w.walk(node)
	}
	w.begin(Paragraph)
	return w.done
}

// walker collects the blocks of a message.
type walker struct {
	done    []Block
	current Block
	style   Style
}

// begin ends the current block, if there is anything in it, and begins another.
func (w *walker) begin(kind Kind) {
	for _, span := range w.current.Spans {
		if strings.TrimSpace(span.Text) != "" {
			w.done = append(w.done, w.current)
			break
		}
	}
	w.current = Block{Kind: kind}
}

func (w *walker) add(text string, style Style) {
	w.current.Spans = append(w.current.Spans, Span{text, style})
}

var inlineStyles = map[atom.Atom]Style{
	atom.B: Bold, atom.Strong: Bold, atom.I: Italic, atom.Em: Italic, atom.Code: Code,
	atom.Del: Struck, atom.S: Struck, atom.A: Link,
}

func (w *walker) walk(node *html.Node) {
	switch {
	case node.Type == html.TextNode && w.current.Kind == Preformatted:
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
	outer, style := w.current.Kind, w.style
	inner, isBlock := outer, true
	switch node.DataAtom {
	case atom.Blockquote:
		inner = Quote
	case atom.Pre:
		inner = Preformatted
	case atom.Li:
		inner = Item
	case atom.P, atom.Div, atom.Ul, atom.Ol:
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		w.style |= Bold
	default:
		isBlock = false
	}
	// The paragraph of an item follows the item's marker.
	if node.DataAtom == atom.P && outer == Item {
		isBlock = false
	}
	if isBlock {
		w.begin(inner)
	}
	if inner == Item && node.DataAtom == atom.Li {
		w.add(marker(node), Muted)
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
