package convert

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
	"go.mau.fi/util/exstrings"
	"maunium.net/go/mautrix/format"
)

// htmlRenderer renders Wazo's Markdown as Matrix HTML.
type htmlRenderer struct {
	markdown goldmark.Markdown
}

// newHTMLRenderer returns a renderer whose parser lacks two features of CommonMark.
// HTML is text, so it is escaped, and Markdown inside it works. And there are no link
// reference definitions, because a line like "[Note]: see below" would vanish from
// the message.
func newHTMLRenderer() *htmlRenderer {
	blocks := parser.WithBlockParsers(
		util.Prioritized(parser.NewSetextHeadingParser(), 100),
		util.Prioritized(parser.NewThematicBreakParser(), 200),
		util.Prioritized(parser.NewListParser(), 300),
		util.Prioritized(parser.NewListItemParser(), 400),
		util.Prioritized(parser.NewCodeBlockParser(), 500),
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
		util.Prioritized(parser.NewBlockquoteParser(), 800),
		util.Prioritized(parser.NewParagraphParser(), 1000),
	)
	inlines := parser.WithInlineParsers(
		util.Prioritized(parser.NewCodeSpanParser(), 100),
		util.Prioritized(pictureParser{parser.NewLinkParser()}, 200),
		util.Prioritized(parser.NewAutoLinkParser(), 300),
		util.Prioritized(parser.NewEmphasisParser(), 500),
	)
	return &htmlRenderer{goldmark.New(
		goldmark.WithParser(parser.NewParser(blocks, inlines)),
		goldmark.WithExtensions(
			// Matrix does not allow the style attribute, which alignment needs.
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignNone)),
			extension.Strikethrough,
			extension.Linkify,
		),
		goldmark.WithRendererOptions(
			html.WithHardWraps(),
			renderer.WithNodeRenderers(util.Prioritized(linkRenderer{}, 100)),
		),
	)}
}

// render returns content as HTML. It returns false if the HTML would show no more
// than the content itself, as for plain text, or is nested too deeply.
func (r *htmlRenderer) render(content string) (string, bool) {
	if nestsTooDeeply(content) {
		return "", false
	}
	source := []byte(content)
	doc := r.markdown.Parser().Parse(text.NewReader(source))
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
// The caller recognises an address written as <address> by its missing brackets.
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
		case ast.KindDocument, ast.KindParagraph, ast.KindTextBlock, ast.KindText, ast.KindString, ast.KindAutoLink:
		default:
			marked = true
		}
		return ast.WalkContinue, nil
	})
	return marked, depth
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
	reg.Register(ast.KindAutoLink, l.autoLink)
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
	target = util.URLEscape(target, true)
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

func (l linkRenderer) autoLink(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	n := node.(*ast.AutoLink)
	label := string(util.EscapeHTML(n.Label(source)))
	target := string(util.URLEscape(n.URL(source), false))
	if n.AutoLinkType == ast.AutoLinkEmail && !exstrings.HasPrefixFold(target, "mailto:") {
		target = "mailto:" + target
	}
	if insideLink(n) || !safeLink(target) {
		_, err := w.WriteString(label)
		return ast.WalkContinue, err
	}
	_, err := w.WriteString(`<a href="` + string(util.EscapeHTML([]byte(target))) + `">` + label + `</a>`)
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
