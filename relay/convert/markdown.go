package convert

import (
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
)

// newTypedMarkdown returns a parser and renderer of what people type on Wazo.
//
// Their clients are not known to show Markdown, so people mean what they type. Only
// what can hardly be meant otherwise is formatting, and every character that is not
// part of formatting is shown. So this is CommonMark with these differences:
//
//   - Marks stand around whole words and come in pairs of the same length
//     (markdown_marks.go); dial codes and identifiers are no marks. A single "~" is text.
//   - A backslash is shown unless the characters after it would be formatting
//     without it.
//   - Links have targets that clients open ([safeLink]). There are no reference links.
//   - HTML and entities are text.
//   - There are no headings by underlining, no indented code and no rules of asterisks
//     or underscores. Lists have the markers "-", "*" and "1."; their numbers stay.
//   - A quote, a list or a table ends where its last marked line ends.
func newTypedMarkdown() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithParser(parser.NewParser(
			parser.WithBlockParsers(
				util.Prioritized(ruleParser{}, 200),
				util.Prioritized(listParser{parser.NewListParser()}, 300),
				util.Prioritized(parser.NewListItemParser(), 400),
				util.Prioritized(headingParser{}, 600),
				util.Prioritized(fenceParser{}, 700),
				util.Prioritized(quoteParser{parser.NewBlockquoteParser()}, 800),
				util.Prioritized(paragraphParser{}, 1000),
			),
			parser.WithParagraphTransformers(
				util.Prioritized(tableParser{extension.NewTableParagraphTransformer()}, 200),
			),
			parser.WithInlineParsers(util.Prioritized(lineParser{}, 100)),
		)),
		goldmark.WithRendererOptions(
			html.WithHardWraps(),
			renderer.WithNodeRenderers(
				util.Prioritized(linkRenderer{}, 100),
				util.Prioritized(mentionRenderer{}, 100),
				util.Prioritized(extension.NewStrikethroughHTMLRenderer(), 500),
				// Matrix does not allow the style attribute, which alignment needs.
				util.Prioritized(extension.NewTableHTMLRenderer(extension.WithTableCellAlignMethod(extension.TableCellAlignNone)), 500),
			),
		),
	)
}
