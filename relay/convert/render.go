package convert

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
	"maunium.net/go/mautrix/format"
)

// htmlRenderer renders Wazo's Markdown as Matrix HTML.
type htmlRenderer struct {
	markdown goldmark.Markdown
	asIs     bool // see Typed
}

func newHTMLRenderer() *htmlRenderer { return &htmlRenderer{markdown: typedMarkdown()} }

// render returns content as HTML. It returns false if the HTML would show no more
// than the content itself, as for plain text, or is nested too deeply. People who are
// mentioned are found in what is shown; found may be nil.
func (r *htmlRenderer) render(content string, found *mentions) (string, bool) {
	if nestsTooDeeply(content) {
		return "", false
	}
	source := []byte(content)
	doc := r.markdown.Parser().Parse(text.NewReader(source))
	if found != nil {
		found.mark(doc)
	}
	marked, depth := inspect(doc)
	if depth > maxDepth {
		return "", false
	}
	var out strings.Builder
	if err := r.markdown.Renderer().Render(&out, source, doc); err != nil {
		// A strings.Builder takes everything; should rendering fail all the
		// same, the message still goes out as plain text.
		return "", false
	}
	seen := squeeze(visibleText(out.String()))
	if seen == "" || !marked && seen == squeeze(content) {
		return "", false
	}
	return format.UnwrapSingleParagraph(out.String()), true
}

// inspect reports whether doc contains any formatting, and how deeply it is nested.
// Paragraphs are not formatting, nor are addresses, which clients link by themselves.
// The caller recognises escaped characters by their missing backslashes.
func inspect(doc ast.Node) (marked bool, depth int) {
	level := 0
	// The visitor returns no error, so Walk has none either.
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			level--
			return ast.WalkContinue, nil
		}
		level++
		depth = max(depth, level)
		switch n.Kind() {
		case ast.KindDocument, ast.KindParagraph, ast.KindTextBlock, ast.KindText, ast.KindString, kindURL:
		default:
			marked = true
		}
		return ast.WalkContinue, nil
	})
	return marked, depth
}

// urlNode is an address that clients link by themselves.
type urlNode struct {
	ast.BaseInline
	address string
}

var kindURL = ast.NewNodeKind("URL")

// Kind implements [ast.Node].
func (n *urlNode) Kind() ast.NodeKind { return kindURL }

// Dump implements [ast.Node].
func (n *urlNode) Dump(source []byte, level int) {
	ast.DumpHelper(n, source, level, map[string]string{"address": n.address}, nil)
}

// linkRenderer renders links with harmless targets as links and all others as their
// text. It renders images as links, because Matrix clients show no pictures from
// other servers.
type linkRenderer struct{}

var _ renderer.NodeRenderer = linkRenderer{}

// RegisterFuncs implements [renderer.NodeRenderer].
func (l linkRenderer) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(ast.KindLink, l.link)
	reg.Register(ast.KindImage, l.image)
	reg.Register(kindURL, l.url)
	reg.Register(ast.KindCodeSpan, l.code)
}

func (l linkRenderer) link(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	return l.anchor(w, n, n.(*ast.Link).Destination, entering)
}

func (l linkRenderer) image(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	return l.anchor(w, n, n.(*ast.Image).Destination, entering)
}

// anchor writes the tags around the text of a link. A link without text, which would
// be invisible, gets its target as text.
func (l linkRenderer) anchor(w util.BufWriter, n ast.Node, target []byte, entering bool) (ast.WalkStatus, error) {
	if insideLink(n) || !safeLink(string(target)) {
		return ast.WalkContinue, nil
	}
	if !entering {
		_, err := w.WriteString("</a>")
		return ast.WalkContinue, err
	}
	escaped := string(util.EscapeHTML(target))
	_, err := w.WriteString(`<a href="` + escaped + `">`)
	if err == nil && !n.HasChildren() {
		_, err = w.WriteString(escaped)
	}
	return ast.WalkContinue, err
}

func (l linkRenderer) url(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	address := []byte(node.(*urlNode).address)
	label := string(util.EscapeHTML(address))
	if insideLink(node) {
		_, err := w.WriteString(label)
		return ast.WalkContinue, err
	}
	_, err := w.WriteString(`<a href="` + string(util.EscapeHTML(util.URLEscape(address, false))) + `">` + label + `</a>`)
	return ast.WalkContinue, err
}

// code writes the tags around code. What is in it is text without Markdown already.
func (l linkRenderer) code(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	tag := "</code>"
	if entering {
		tag = "<code>"
	}
	_, err := w.WriteString(tag)
	return ast.WalkContinue, err
}

// insideLink reports whether n is part of the text of a link or of the
// description of a picture; anchors must not be nested.
func insideLink(n ast.Node) bool {
	for p := n.Parent(); p != nil; p = p.Parent() {
		if p.Kind() == ast.KindLink || p.Kind() == ast.KindImage {
			return true
		}
	}
	return false
}
