package convert

import (
	"strings"

	"golang.org/x/net/html"
)

// maxColumns is the number of columns of the widest table that stays a table. Wider
// ones become lines of text.
const maxColumns = 50

// table writes a table as Markdown. The first row becomes the header, because
// Markdown has no table without one.
func (h *htmlConverter) table(n *html.Node) []block {
	var out []block
	var rows [][]string
	h.rows(n, func(caption *html.Node) { out = append(out, h.blocks(caption)...) },
		func(cells []string) { rows = append(rows, cells) })
	columns := 0
	for _, row := range rows {
		columns = max(columns, len(row))
	}
	switch {
	case columns == 0:
	case h.phraser.plain:
		out = append(out, block{otherBlock, plainTable(rows)})
	case columns > maxColumns:
		for _, row := range rows {
			out = append(out, block{otherBlock, strings.Join(row, " ")})
		}
	default:
		out = append(out, block{otherBlock, writeTable(rows, columns)})
	}
	return out
}

// rows calls row with the cells of each row below n that is not empty, and caption
// with each caption. A table inside a cell is part of the cell.
func (h *htmlConverter) rows(n *html.Node, caption func(*html.Node), row func([]string)) {
	for child := range n.ChildNodes() {
		switch {
		case child.Type != html.ElementNode:
		case child.Data == "caption":
			caption(child)
		case child.Data == "tr":
			if cells, filled := h.cells(child); filled {
				row(cells)
			}
		default:
			h.rows(child, caption, row)
		}
	}
}

// cells returns the cells of a row, and whether any of them is filled.
func (h *htmlConverter) cells(tr *html.Node) (cells []string, filled bool) {
	for child := range tr.ChildNodes() {
		if child.Type != html.ElementNode || child.Data != "td" && child.Data != "th" {
			continue
		}
		cell := h.line(child, h.phraser.cell)
		filled = filled || cell != ""
		cells = append(cells, cell)
	}
	return cells, filled
}

// writeTable writes rows below each other. Only the header is filled up to the
// number of columns: other rows may be shorter in Markdown, and a table that
// claims thousands of cells stays as small as it is.
func writeTable(rows [][]string, columns int) string {
	header := append(rows[0], make([]string, columns-len(rows[0]))...)
	lines := []string{tableRow(header), "|" + strings.Repeat(" --- |", columns)}
	for _, row := range rows[1:] {
		lines = append(lines, tableRow(row))
	}
	return strings.Join(lines, "\n")
}

func tableRow(cells []string) string {
	return "| " + strings.Join(cells, " | ") + " |"
}
