package convert

import (
	"strings"
	"unicode"
)

// mark is a set of inline styles.
type mark uint8

const (
	bold mark = 1 << iota
	italic
	strike
)

// style is how a piece of text is shown: its marks, and the link it belongs to.
// Two runs belong to the same link if they point to the same anchor.
type style struct {
	marks mark
	link  *anchor
}

type anchor struct{ target string }

type runKind uint8

const (
	textRun  runKind = iota // written by a person: to be escaped
	codeRun                 // Markdown of our own, as in markdown
	urlRun                  // a bare address that clients link by themselves
	breakRun                // a line break
)

// run is a piece of a paragraph in one style.
type run struct {
	kind     runKind
	text     string // what is seen
	markdown string // of a codeRun: what is written
	isCode   bool   // whether the codeRun is code that a person wrote
	style    style
}

func (r run) blank() bool { return r.kind == breakRun || r.kind == textRun && r.text == " " }

// paragraphs splits runs where a line is empty and removes breaks and blanks at
// the ends of each paragraph.
func paragraphs(runs []run) [][]run {
	var paras [][]run
	var current []run
	flush := func() {
		for len(current) > 0 && current[len(current)-1].blank() {
			current = current[:len(current)-1]
		}
		if len(current) > 0 {
			paras = append(paras, settleBlanks(current))
		}
		current = nil
	}
	breaks := 0
	for _, r := range splitBlanks(runs) {
		switch {
		case r.kind == breakRun:
			breaks++
			continue
		case r.blank() && (breaks > 0 || len(current) == 0):
			// Blanks around a break are not shown.
			continue
		case breaks > 1:
			flush()
		case breaks == 1 && len(current) > 0:
			if current[len(current)-1].blank() {
				current = current[:len(current)-1]
			}
			current = append(current, run{kind: breakRun, text: "\n"})
		}
		breaks = 0
		if r.blank() && len(current) > 0 && current[len(current)-1].blank() {
			continue
		}
		current = append(current, r)
	}
	flush()
	return paras
}

// splitBlanks makes blanks at the ends of text runs runs of their own: "a **b **"
// is no Markdown, so styles must end at the words.
func splitBlanks(runs []run) []run {
	var out []run
	for _, r := range runs {
		if r.kind != textRun {
			out = append(out, r)
			continue
		}
		core := strings.Trim(r.text, " ")
		blank := run{kind: textRun, text: " ", style: r.style}
		if strings.HasPrefix(r.text, " ") {
			out = append(out, blank)
		}
		if core != "" {
			out = append(out, run{kind: textRun, text: core, style: r.style})
			if strings.HasSuffix(r.text, " ") {
				out = append(out, blank)
			}
		}
	}
	return out
}

// settleBlanks gives each blank the style that both its neighbours share.
func settleBlanks(runs []run) []run {
	for i := range runs {
		if !runs[i].blank() {
			continue
		}
		var both style
		if i > 0 && i+1 < len(runs) {
			before, after := runs[i-1].style, runs[i+1].style
			both.marks = before.marks & after.marks
			if before.link == after.link {
				both.link = before.link
			}
		}
		runs[i].style = both
	}
	return runs
}

// oneLine turns breaks into blanks.
func oneLine(runs []run) []run {
	out := make([]run, 0, len(runs))
	for _, r := range runs {
		if r.kind == breakRun {
			r = run{kind: textRun, text: " ", style: r.style}
		}
		out = append(out, r)
	}
	return out
}

// textOf is what is seen of runs.
func textOf(runs []run) string {
	var out strings.Builder
	for _, r := range runs {
		out.WriteString(r.text)
	}
	return out.String()
}

// collapse folds the white space of HTML, not that which is meant (no-break
// spaces, for instance), into single blanks.
func collapse(s string) string {
	var out strings.Builder
	space := false
	for _, r := range s {
		if r <= ' ' && unicode.IsSpace(r) {
			space = true
			continue
		}
		if space {
			out.WriteByte(' ')
			space = false
		}
		out.WriteRune(r)
	}
	if space {
		out.WriteByte(' ')
	}
	return out.String()
}
