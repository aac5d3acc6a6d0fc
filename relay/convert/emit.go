package convert

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// escaping is how much of a person's text is escaped.
type escaping uint8

const (
	escapeNothing escaping = iota
	escapeSyntax           // what looks like Markdown where it stands
	escapeAll              // all punctuation that could ever be Markdown
)

// dialect is one way to write runs as Markdown.
type dialect struct {
	escape escaping
	italic string // "_" or "*"; "" leaves all marks out
	cell   bool   // inside a table, where bars end a cell even in code
}

// write writes runs as Markdown.
func (d dialect) write(prefix string, runs []run) string {
	w := markdownWriter{dialect: d}
	w.out.WriteString(prefix)
	for i, r := range runs {
		w.restyle(runs, i)
		w.run(r, runs[i+1:])
	}
	w.closeDownTo(0)
	if d.cell {
		return strings.ReplaceAll(w.out.String(), "|", `\|`)
	}
	return w.out.String()
}

// span is an open mark or link. Exactly one of the fields is set.
type span struct {
	mark mark
	link *anchor
}

func (s span) in(st style) bool {
	if s.link != nil {
		return st.link == s.link
	}
	return st.marks&s.mark != 0
}

type markdownWriter struct {
	dialect dialect
	out     strings.Builder
	open    []span // outermost first
}

// restyle closes and opens what the style of runs[i] needs. What lasts longest is
// opened first, so that spans are nested and not entangled.
func (w *markdownWriter) restyle(runs []run, i int) {
	st := runs[i].style
	if w.dialect.italic == "" {
		st.marks = 0
	}
	for depth, s := range w.open {
		if !s.in(st) {
			w.closeDownTo(depth)
			break
		}
	}
	var missing []span
	for _, s := range []span{{link: st.link}, {mark: strike}, {mark: bold}, {mark: italic}} {
		if s != (span{}) && s.in(st) && !slices.Contains(w.open, s) {
			missing = append(missing, s)
		}
	}
	if len(missing) > 1 {
		slices.SortStableFunc(missing, func(a, b span) int { return extent(runs[i:], b) - extent(runs[i:], a) })
	}
	for _, s := range missing {
		w.out.WriteString(w.opener(s))
		w.open = append(w.open, s)
	}
}

// extent is for how many runs, from the first, a span lasts.
func extent(runs []run, s span) int {
	for i, r := range runs {
		if !s.in(r.style) {
			return i
		}
	}
	return len(runs)
}

func (w *markdownWriter) opener(s span) string {
	if s.link != nil {
		return "["
	}
	return w.delimiter(s.mark)
}

func (w *markdownWriter) closeDownTo(depth int) {
	for i := len(w.open) - 1; i >= depth; i-- {
		if link := w.open[i].link; link != nil {
			w.out.WriteString("](" + markdownTarget(link.target) + ")")
		} else {
			w.out.WriteString(w.delimiter(w.open[i].mark))
		}
	}
	w.open = w.open[:depth]
}

func (w *markdownWriter) delimiter(m mark) string {
	switch m {
	case bold:
		return "**"
	case strike:
		return "~~"
	default:
		return w.dialect.italic
	}
}

// run writes one run, in front of others.
func (w *markdownWriter) run(r run, following []run) {
	switch {
	case r.kind == breakRun:
		w.out.WriteByte('\n')
	case r.kind == codeRun:
		w.out.WriteString(r.markdown)
	case r.kind == urlRun && (w.dialect.escape == escapeAll || isWord(w.previous()) || growsURL(r.text, following)):
		w.out.WriteString("<" + r.text + ">")
	case r.kind == urlRun || w.dialect.escape == escapeNothing:
		w.out.WriteString(r.text)
	case w.dialect.escape == escapeAll:
		escapeEverything(&w.out, r.text, w.dialect.cell)
	default:
		escapeLikely(&w.out, r.text, w.previous(), firstRune(following))
	}
}

// growsURL reports whether clients that link a bare address could take what follows for
// a part of it.
func growsURL(address string, following []run) bool {
	rest := ""
	for _, r := range following {
		if r.kind == breakRun {
			break
		}
		rest += r.text
		if len(rest) >= utf8.UTFMax {
			break
		}
	}
	return urlLength(address+rest) > len(address)
}

// previous is the last rune written, a line break at the start of a line and a
// blank at that of a cell.
func (w *markdownWriter) previous() rune {
	switch r, size := utf8.DecodeLastRuneInString(w.out.String()); {
	case size > 0:
		return r
	case w.dialect.cell:
		return ' '
	default:
		return '\n'
	}
}

// firstRune is the first rune written for runs, a line break at the end.
func firstRune(runs []run) rune {
	if len(runs) == 0 || runs[0].kind == breakRun {
		return '\n'
	}
	s := runs[0].text
	if runs[0].kind == codeRun {
		s = runs[0].markdown
	}
	if runs[0].style.link != nil {
		s = "["
	}
	r, _ := utf8.DecodeRuneInString(s)
	return r
}
