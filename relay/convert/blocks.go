package convert

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"maunium.net/go/mautrix/format"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

// htmlConverter turns Matrix HTML into Markdown.
//
// It does not use mautrix's format.HTMLParser, which joins strings on its way up the
// tree. There, literal text and Markdown can no longer be told apart when it is time
// to escape, the blanks at the ends of each element are lost, a line break in the
// source glues words together, and tables have no hook.
type htmlConverter struct {
	phraser *phraser
	texts   words.Texts
	names   func(id.UserID) string
	rooms   func(string) string // see WazoOptions
	// dropProfile says that the fallback of the sender's own profile is left out.
	dropProfile bool
	// around are the marks of the elements around the blocks that are being converted.
	around mark
}

type blockKind uint8

const (
	paragraphBlock blockKind = iota
	tightListBlock           // a list that may follow a line of text directly
	otherBlock               // anything else that must start a line of its own
)

// block is a finished piece of Markdown.
type block struct {
	kind blockKind
	text string
}

// convert returns source as blocks of Markdown. It returns false if source is nested
// more deeply than maxDepth.
func (h *htmlConverter) convert(source string) ([]block, bool) {
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(source), body)
	if err != nil {
		// x/net/html gives up beyond 512 levels.
		return nil, false
	}
	for _, n := range nodes {
		body.AppendChild(n)
	}
	if depthOf(body, maxDepth+1) > maxDepth {
		return nil, false
	}
	return h.blocks(body), true
}

// blocks converts the children of n.
func (h *htmlConverter) blocks(n *html.Node) []block {
	var out []block
	in := h.inline()
	flush := func() {
		out = append(out, h.paragraphs(in)...)
		in = h.inline()
	}
	for child := range n.ChildNodes() {
		switch {
		case child.Type == html.ElementNode && isHidden(child):
		case isBlock(child):
			flush()
			out = append(out, h.block(child)...)
		case child.Type == html.ElementNode && child.Data != "a" && holdsBlocks(child):
			flush()
			out = append(out, h.styledBlocks(child)...)
		default:
			in.node(child, h.style())
		}
	}
	flush()
	return out
}

// styledBlocks converts the children of an element that gives a style to blocks.
func (h *htmlConverter) styledBlocks(n *html.Node) []block {
	inside := *h
	inside.around |= markOf(n)
	out := inside.blocks(n)
	if reason, isSpoiler := attribute(n, "data-mx-spoiler"); isSpoiler && n.Data == "span" && len(out) > 0 {
		return h.spoiler(reason, out)
	}
	return out
}

// spoiler puts blocks between bars, after the reason of the spoiler. The bars stand in
// the paragraphs at the ends, or in lines of their own.
func (h *htmlConverter) spoiler(reason string, out []block) []block {
	const bars = "||"
	before := bars
	if readable(reason) {
		before = h.phraser.literal("", spoilerReason(reason)) + bars
	}
	if first := &out[0]; first.kind == paragraphBlock {
		first.text = before + first.text
	} else {
		out = append([]block{{paragraphBlock, before}}, out...)
	}
	if last := &out[len(out)-1]; last.kind == paragraphBlock {
		last.text += bars
	} else {
		out = append(out, block{paragraphBlock, bars})
	}
	return out
}

// style is the style of text that stands directly in a block.
func (h *htmlConverter) style() style { return style{marks: h.around} }

func (h *htmlConverter) inline() *inline {
	return &inline{say: h.texts.Say, names: h.names, rooms: h.rooms, dropProfile: h.dropProfile}
}

func (h *htmlConverter) paragraphs(in *inline) []block {
	var out []block
	for _, runs := range paragraphs(in.runs) {
		out = append(out, block{paragraphBlock, h.phraser.phrase("", runs)})
	}
	return out
}

func (h *htmlConverter) block(n *html.Node) []block {
	switch n.Data {
	case "h1", "h2", "h3", "h4", "h5", "h6":
		return h.heading(n)
	case "hr":
		return []block{{otherBlock, "---"}}
	case "blockquote":
		return h.quote(n)
	case "pre":
		return h.codeBlock(n)
	case "ol", "ul":
		return h.list(n)
	case "table":
		return h.table(n)
	case "summary":
		in := h.inline()
		in.children(n, style{marks: h.around | bold})
		return h.paragraphs(in)
	default:
		return h.blocks(n)
	}
}

func (h *htmlConverter) heading(n *html.Node) []block {
	prefix := strings.Repeat("#", int(n.Data[1]-'0')) + " "
	line := h.line(n, func(runs []run) string { return h.phraser.phrase(prefix, runs) })
	if line == "" {
		return nil
	}
	return []block{{otherBlock, line}}
}

// line passes everything in n, on one line, to write and returns the result. It
// returns "" without calling write if n is empty.
func (h *htmlConverter) line(n *html.Node, write func([]run) string) string {
	in := h.inline()
	in.children(n, h.style())
	paras := paragraphs(oneLine(in.runs))
	if len(paras) == 0 {
		return ""
	}
	return write(paras[0])
}

func (h *htmlConverter) quote(n *html.Node) []block {
	text := joinBlocks(h.blocks(n))
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight("> "+line, " ")
	}
	return []block{{otherBlock, strings.Join(lines, "\n")}}
}

func (h *htmlConverter) codeBlock(n *html.Node) []block {
	code := textContent(n)
	if strings.TrimSpace(code) == "" {
		return nil
	}
	if h.phraser.plain {
		return []block{{otherBlock, strings.Trim(code, "\n")}}
	}
	language := ""
	if first := n.FirstChild; first != nil && first.Data == "code" {
		language = codeLanguage(first)
	}
	return []block{{otherBlock, format.DefaultMonospaceBlockConverter(code, language, format.Context{})}}
}

// codeLanguage returns the language of a code element, or "" if there is none that
// looks like one.
func codeLanguage(n *html.Node) string {
	class, _ := attribute(n, "class")
	for name := range strings.FieldsSeq(class) {
		language, found := strings.CutPrefix(name, "language-")
		if found && strings.Trim(language, languageLetters) == "" {
			return TruncateBytes(language, maxInfo)
		}
	}
	return ""
}

const languageLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-#_."

// joinBlocks puts empty lines between blocks.
func joinBlocks(blocks []block) string {
	texts := make([]string, len(blocks))
	for i, b := range blocks {
		texts[i] = b.text
	}
	return strings.Join(texts, "\n\n")
}
