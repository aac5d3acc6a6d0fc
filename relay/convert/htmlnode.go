package convert

import (
	"strings"

	"golang.org/x/net/html"
)

func attribute(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

// textContent returns all text below n, with a line break for each br.
func textContent(n *html.Node) string {
	var out strings.Builder
	writeText(&out, n)
	return out.String()
}

func writeText(out *strings.Builder, n *html.Node) {
	switch {
	case n.Type == html.TextNode:
		out.WriteString(n.Data)
	case n.Type == html.ElementNode && n.Data == "br":
		out.WriteByte('\n')
	case n.Type == html.ElementNode && isHidden(n):
	default:
		for child := range n.ChildNodes() {
			writeText(out, child)
		}
	}
}

// isHidden reports whether n is never shown. That holds for code, and for the copy of
// the message replied to that old clients add.
func isHidden(n *html.Node) bool {
	switch n.Data {
	case "script", "style", "template", "noscript", "iframe", "noembed", "noframes", "object", "head", "title", "mx-reply":
		return true
	default:
		return false
	}
}

// isBlock reports whether n is shown on lines of its own.
func isBlock(n *html.Node) bool {
	switch n.Data {
	case "address", "article", "aside", "blockquote", "caption", "center", "dd", "details", "dialog", "div", "dl", "dt",
		"fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li",
		"main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul":
		return n.Type == html.ElementNode
	default:
		return false
	}
}

// holdsBlocks reports whether n, or anything in it, is a block.
func holdsBlocks(n *html.Node) bool {
	if isBlock(n) {
		return true
	}
	for inner := range n.Descendants() {
		if isBlock(inner) {
			return true
		}
	}
	return false
}

// depthOf returns how many levels of nodes are below n. It counts no further than
// limit.
func depthOf(n *html.Node, limit int) int {
	deepest := 0
	if limit == 0 {
		return 0
	}
	for child := range n.ChildNodes() {
		deepest = max(deepest, 1+depthOf(child, limit-1))
	}
	return deepest
}
