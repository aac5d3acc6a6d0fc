package convert

import (
	"strings"

	"golang.org/x/net/html"
	"maunium.net/go/mautrix/format"
	"maunium.net/go/mautrix/id"
)

// inline collects the runs of consecutive inline nodes.
type inline struct {
	names       func(id.UserID) string
	dropProfile bool
	runs        []run
}

func (in *inline) children(n *html.Node, st style) {
	for child := n.FirstChild; child != nil; child = child.NextSibling {
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
	case "b", "strong":
		st.marks |= bold
		in.children(n, st)
	case "i", "em":
		st.marks |= italic
		in.children(n, st)
	case "s", "strike", "del":
		st.marks |= strike
		in.children(n, st)
	case "code", "tt", "kbd", "samp":
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

func (in *inline) code(n *html.Node, st style) {
	code := strings.TrimSpace(collapse(textContent(n)))
	if code == "" {
		return
	}
	in.runs = append(in.runs, run{kind: codeRun, text: code, markdown: format.SafeMarkdownCode(code), style: st})
}

// link keeps a link whose target is harmless, and turns those that point into
// Matrix into names.
func (in *inline) link(n *html.Node, st style) {
	href, _ := attribute(n, "href")
	href = strings.TrimSpace(href)
	if uri, err := id.ParseMatrixURIOrMatrixToURL(href); err == nil && uri != nil {
		in.pill(n, uri, st)
		return
	}
	label := strings.TrimSpace(collapse(textContent(n)))
	switch {
	case !safeLink(href) || st.link != nil:
		in.children(n, st)
	case label == href && markdownTarget(href) == href && isWebLink(href):
		in.runs = append(in.runs, run{kind: urlRun, text: href, style: st})
	case label == trimScheme(href):
		in.children(n, st)
	default:
		st.link = &anchor{href}
		in.children(n, st)
	}
}

func isWebLink(href string) bool {
	return strings.HasPrefix(href, "http://") || strings.HasPrefix(href, "https://")
}

// trimScheme is what people write of an address that Markdown clients link by
// themselves, or that needs no link to be used.
func trimScheme(href string) string {
	for _, scheme := range []string{"mailto:", "tel:"} {
		if rest, found := strings.CutPrefix(href, scheme); found {
			return rest
		}
	}
	return href
}

// pill shows a person as @Name and a room by its text or alias. Links to rooms
// and events stay links if their text says more than the link.
func (in *inline) pill(n *html.Node, uri *id.MatrixURI, st style) {
	label := strings.TrimSpace(collapse(textContent(n)))
	href, _ := attribute(n, "href")
	target := uri.MatrixToURL()
	bare := label == "" || label == strings.TrimSpace(href) || label == target
	if user := uri.UserID(); user != "" {
		in.text("@"+in.userName(user, label, bare), st)
		return
	}
	alias := uri.RoomAlias().String()
	switch {
	case uri.EventID() == "" && alias != "" && (bare || label == alias):
		in.text(alias, st)
	case st.link != nil:
		in.children(n, st)
	case bare || label == uri.PrimaryIdentifier():
		st.link = &anchor{target}
		in.text("Matrix room", st)
	default:
		st.link = &anchor{target}
		in.children(n, st)
	}
}

// userName is the name for the pill of user: the one that the caller knows, the
// pill's text, or the first part of the id.
func (in *inline) userName(user id.UserID, label string, bare bool) string {
	if in.names != nil {
		if name := CleanName(in.names(user), MaxProfileBytes); name != "" {
			return strings.TrimPrefix(name, "@")
		}
	}
	if name := CleanName(strings.TrimPrefix(label, "@"), MaxProfileBytes); name != "" && !bare && label != user.String() {
		return name
	}
	return CleanName(user.Localpart(), MaxProfileBytes)
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
		in.text("("+strings.TrimSpace(collapse(reason))+") ", st)
	}
	in.own("||", st)
	in.children(n, st)
	in.own("||", st)
}

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

// script shows raised or lowered text with the characters that Unicode has for
// it, else after a sign.
func (in *inline) script(n *html.Node, st style, sign string, table func(rune) rune) {
	text := strings.TrimSpace(collapse(textContent(n)))
	if text == "" {
		return
	}
	small := strings.Map(table, text)
	switch {
	case !strings.ContainsRune(small, 0):
		in.text(small, st)
	case len([]rune(text)) == 1:
		in.text(sign+text, st)
	default:
		in.text(sign+"("+text+")", st)
	}
}

// superscript returns the raised form of r, or 0.
func superscript(r rune) rune {
	switch {
	case r == '1':
		return '¹'
	case r == '2' || r == '3':
		return '²' + r - '2'
	case r == '0' || r >= '4' && r <= '9':
		return '⁰' + r - '0'
	case r == '+':
		return '⁺'
	case r == '-' || r == '−':
		return '⁻'
	case r == 'n':
		return 'ⁿ'
	default:
		return 0
	}
}

// subscript returns the lowered form of r, or 0.
func subscript(r rune) rune {
	switch {
	case r >= '0' && r <= '9':
		return '₀' + r - '0'
	case r == '+':
		return '₊'
	case r == '-' || r == '−':
		return '₋'
	default:
		return 0
	}
}
