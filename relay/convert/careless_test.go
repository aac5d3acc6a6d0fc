package convert

import (
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// rawHTMLMark is in what renderAsCareless returns if the Markdown contains HTML.
const rawHTMLMark = "raw HTML omitted"

// renderAsCareless renders Markdown as a client that takes all of it, and
// returns the HTML and the targets of all links and pictures.
func renderAsCareless(t *testing.T, markdown string) (rendered string, links []string) {
	t.Helper()
	client := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithHardWraps()))
	source := []byte(markdown)
	doc := client.Parser().Parse(text.NewReader(source))
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Link:
			links = append(links, string(util.URLEscape(n.Destination, true)))
		case *ast.Image:
			links = append(links, string(util.URLEscape(n.Destination, true)))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := client.Renderer().Render(&out, source, doc); err != nil {
		t.Fatal(err)
	}
	return out.String(), links
}
