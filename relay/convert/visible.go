package convert

import (
	"strings"

	"golang.org/x/net/html"
)

// visibleText returns the text of rendered HTML: no tags, no comments, entities
// resolved.
func visibleText(rendered string) string {
	var out strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(rendered))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return out.String()
		case html.TextToken:
			out.Write(tokens.Text())
		}
	}
}
