package convert

import (
	"strings"

	"golang.org/x/net/html"
	"maunium.net/go/mautrix/format"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

// inline collects the runs of consecutive inline nodes.
type inline struct {
	say         func(words.Phrase) string
	names       func(id.UserID) string
	rooms       func(string) string
	dropProfile bool
	runs        []run
}

func (in *inline) children(n *html.Node, st style) {
	for child := range n.ChildNodes() {
		in.node(child, st)
	}
}

func (in *inline) node(n *html.Node, st style) {
	switch {
	case n.Type == html.TextNode:
		in.text(collapse(n.Data), st)
	case n.Type != html.ElementNode || isHidden(n):
	default:
		in.element(n, st)
	}
}

func (in *inline) element(n *html.Node, st style) {
	if _, isFallback := attribute(n, "data-mx-profile-fallback"); isFallback && in.dropProfile {
		return
	}
	switch n.Data {
	case "br":
		in.lineBreak()
	case "b", "strong", "i", "em", "s", "strike", "del":
		st.marks |= markOf(n)
		in.children(n, st)
	case "code", "tt", "kbd", "samp", "pre":
		in.code(n, st)
	case "a":
		in.link(n, st)
	case "img":
		in.image(n, st)
	case "sup":
		in.script(n, st, "^", superscript)
	case "sub":
		in.script(n, st, "_", subscript)
	case "span":
		in.span(n, st)
	case "input":
		in.checkbox(n, st)
	default:
		in.flat(n, st)
	}
}

// markOf returns the mark of an element, or 0.
func markOf(n *html.Node) mark {
	switch n.Data {
	case "b", "strong":
		return bold
	case "i", "em":
		return italic
	case "s", "strike", "del":
		return strike
	default:
		return 0
	}
}

// flat shows an element that has no Markdown, or a block where there is only
// room for text: its text, with line breaks around blocks.
func (in *inline) flat(n *html.Node, st style) {
	if isBlock(n) {
		in.lineBreak()
	}
	in.children(n, st)
	if isBlock(n) {
		in.lineBreak()
	}
}

func (in *inline) text(s string, st style) {
	if s != "" {
		in.runs = append(in.runs, run{kind: textRun, text: s, style: st})
	}
}

// own adds Markdown of our own that is seen as it is written.
func (in *inline) own(s string, st style) {
	in.runs = append(in.runs, run{kind: codeRun, text: s, markdown: s, style: st})
}

func (in *inline) lineBreak() {
	in.runs = append(in.runs, run{kind: breakRun, text: "\n"})
}

// code keeps every character of code, except that line breaks become blanks.
func (in *inline) code(n *html.Node, st style) {
	code := strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(strings.TrimSuffix(textContent(n), "\n"))
	if strings.TrimSpace(code) == "" {
		return
	}
	if last := len(in.runs) - 1; last >= 0 && in.runs[last].isCode {
		// Markdown can't tell code that follows code directly.
		code = in.runs[last].text + code
		in.runs = in.runs[:last]
	}
	in.runs = append(in.runs, run{kind: codeRun, text: code, markdown: codeSpan(code), style: st, isCode: true})
}

// codeSpan writes code. Of code with a blank at both ends, Markdown removes one at each.
func codeSpan(code string) string {
	if strings.HasPrefix(code, " ") && strings.HasSuffix(code, " ") {
		code = " " + code + " "
	}
	return format.SafeMarkdownCode(code)
}

// image shows the description of a picture; for custom emoji it is the code.
func (in *inline) image(n *html.Node, st style) {
	for _, key := range []string{"alt", "title"} {
		if text, _ := attribute(n, key); readable(text) {
			in.text(collapse(text), st)
			return
		}
	}
}

// span shows a spoiler between bars, after its reason. Colours are dropped.
func (in *inline) span(n *html.Node, st style) {
	reason, isSpoiler := attribute(n, "data-mx-spoiler")
	if !isSpoiler {
		in.flat(n, st)
		return
	}
	if readable(reason) {
		in.text(spoilerReason(reason), st)
	}
	in.own("||", st)
	in.children(n, st)
	in.own("||", st)
}

func spoilerReason(reason string) string { return "(" + strings.TrimSpace(collapse(reason)) + ") " }

func (in *inline) checkbox(n *html.Node, st style) {
	if kind, _ := attribute(n, "type"); kind != "checkbox" {
		return
	}
	if _, checked := attribute(n, "checked"); checked {
		in.own("[x]", st)
	} else {
		in.own("[ ]", st)
	}
}
