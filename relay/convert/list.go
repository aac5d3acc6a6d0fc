package convert

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

func (h *htmlConverter) list(n *html.Node) []block {
	kind := tightListBlock
	number := itemNumber(n, "start", 1)
	if n.Data == "ol" && number != 1 {
		kind = otherBlock // CommonMark: only "1." can follow text directly
	}
	var items []string
	filled := false
	for child := range n.ChildNodes() {
		if child.Type != html.ElementNode || isHidden(child) {
			continue
		}
		blocks := h.item(child)
		if len(blocks) == 0 && child.Data != "li" {
			continue
		} else if len(blocks) == 0 && len(items) == 0 {
			kind = otherBlock // CommonMark: an empty item can't follow text directly
		}
		filled = filled || len(blocks) > 0
		marker := h.phraser.bullet()
		if n.Data == "ol" {
			number = itemNumber(child, "value", number)
			marker = strconv.Itoa(number) + ". "
			number++
		}
		items = append(items, listItem(marker, blocks))
	}
	if !filled {
		return nil
	}
	return []block{{kind, strings.Join(items, "\n")}}
}

// bullet is what stands before an item of a list without numbers.
func (p *phraser) bullet() string {
	if p.plain {
		return "• "
	}
	return "- "
}

// listItem writes an item. Without blocks it is empty, and only counts.
func listItem(marker string, blocks []block) string {
	if len(blocks) == 0 {
		return strings.TrimRight(marker, " ")
	}
	indent := "\n" + strings.Repeat(" ", utf8.RuneCountInString(marker))
	text := strings.ReplaceAll(joinItem(blocks), "\n", indent)
	return marker + strings.ReplaceAll(text, indent+"\n", "\n\n")
}

// item converts a child of a list. Most are li, but some clients put lists directly
// into lists.
func (h *htmlConverter) item(n *html.Node) []block {
	if n.Data == "li" {
		return h.blocks(n)
	}
	return h.block(n)
}

// itemNumber returns the number that an attribute gives to an item, or the other one if
// there is none that Markdown can express.
func itemNumber(n *html.Node, key string, other int) int {
	const largest = 999_000_000 // nine digits, with room to count
	value, found := attribute(n, key)
	start, err := strconv.Atoi(value)
	if !found || err != nil || start < 0 || start > largest {
		return other
	}
	return start
}

// joinItem joins the blocks of a list item. Unlike joinBlocks it puts no empty line
// between a text and the list below it.
func joinItem(blocks []block) string {
	var out strings.Builder
	for i, b := range blocks {
		switch {
		case i == 0:
		case b.kind == tightListBlock && blocks[i-1].kind == paragraphBlock:
			out.WriteByte('\n')
		default:
			out.WriteString("\n\n")
		}
		out.WriteString(b.text)
	}
	return out.String()
}
