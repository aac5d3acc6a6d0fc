package convert

import (
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

// The parsers and renderers are made once: that takes longer than reading a message. They keep nothing between two
// texts, and may be used by several goroutines at once.
var (
	typedMarkdown   = sync.OnceValue(newTypedMarkdown)
	literalMarkdown = sync.OnceValue(newLiteralMarkdown)
	// clientMarkdown reads as a Markdown client that supports HTML does.
	clientMarkdown = sync.OnceValue(func() goldmark.Markdown {
		return goldmark.New(
			goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
			goldmark.WithRendererOptions(html.WithHardWraps()),
		)
	})
)
