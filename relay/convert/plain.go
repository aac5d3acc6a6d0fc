package convert

import (
	"strings"
	"unicode"
)

// newPlainPhraser returns a phraser that writes text for clients that don't render
// Markdown: without escapes and marks, with the target of a link in brackets behind its
// text.
func newPlainPhraser() *phraser { return &phraser{plain: true} }

// writePlain writes runs as text. Of the marks it keeps only that of struck text, between
// tildes: without it, the text would say the opposite.
func writePlain(runs []run) string {
	var out strings.Builder
	var link *anchor
	label := 0 // where the text of the link begins
	struck := false
	end := func(next style) {
		if struck && (next.marks&strike == 0 || next.link != link) {
			out.WriteByte('~')
			struck = false
		}
		if link != nil && next.link != link {
			out.WriteString(plainTarget(out.String()[label:], link.target))
			link = nil
		}
	}
	for _, r := range runs {
		end(r.style)
		if r.style.link != nil && link == nil {
			link, label = r.style.link, out.Len()
		}
		if r.style.marks&strike != 0 && !struck {
			out.WriteByte('~')
			struck = true
		}
		out.WriteString(r.text)
	}
	end(style{})
	return out.String()
}

// plainTarget returns what stands behind the text of a link: its target, unless the text
// is the target already.
func plainTarget(label, target string) string {
	target = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, target)
	if label = strings.Trim(strings.TrimSpace(label), "~"); label == target || label == trimScheme(target) {
		return ""
	}
	return " (" + target + ")"
}

// plainTable writes a table as a line for each row.
func plainTable(rows [][]string) string {
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = strings.TrimRight(strings.Join(row, " | "), " ")
	}
	return strings.Join(lines, "\n")
}
