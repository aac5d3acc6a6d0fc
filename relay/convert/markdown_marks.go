package convert

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
)

// markRun is a row of asterisks, underscores or tildes that may begin or end
// formatting: *italic*, _italic_, **bold**, __bold__, ***both*** or ~~struck~~.
type markRun struct {
	char       byte
	length     int
	start, end int // in the text, with the backslashes in it
	line       int
	escaped    bool // there is a backslash in it
	opens      bool // by what stands around it
	closes     bool
	spoiled    bool // the same run stands within a word behind it: a formula
}

// kind names the runs that can be the ends of the same formatting.
type markKind struct {
	char   byte
	length int
}

func (m *markRun) kind() markKind { return markKind{m.char, m.length} }

func (m *markRun) isFormatting() bool {
	switch m.char {
	case '*':
		return m.length <= 3
	case '_':
		return m.length <= 2
	default:
		return m.length == 2
	}
}

// markRun finds the run of marks at i, of which each may have a backslash.
func (s *scanner) markRun(start, i int) int {
	run := &markRun{start: start, line: s.line}
	for ; ; i++ {
		at := i
		if i < len(s.text) && s.text[i] == '\\' {
			at++
		}
		if at >= len(s.text) || strings.IndexByte("*_~", s.text[at]) < 0 || run.length > 0 && s.text[at] != run.char {
			break
		}
		run.escaped = run.escaped || at > i
		run.char, i = s.text[at], at
		run.length++
	}
	run.end = i
	before := s.previous(start)
	var neighbour *markRun
	if n := len(s.pieces); n > 0 && s.pending == start && s.pieces[n-1].mark != nil {
		neighbour = s.pieces[n-1].mark
	}
	run.opens = run.isFormatting() && s.canBegin(run, before, neighbour)
	run.closes = run.isFormatting() && s.canEnd(run, before, neighbour)
	return s.add(start, i, piece{text: s.text[start:i], mark: run})
}

// canBegin reports whether formatting can begin at the run: at the start of a word.
func (s *scanner) canBegin(run *markRun, before rune, neighbour *markRun) bool {
	if neighbour != nil {
		if !neighbour.opens && !neighbour.closes {
			return false
		}
	} else if !isOutside(before) && !unicode.Is(unicode.Ps, before) && (before != '/' || run.length == 1) {
		return false
	}
	const mostMarks = 16 // in front of a word that has all kinds of formatting
	following := s.text[run.end:min(len(s.text), run.end+mostMarks)]
	first := s.next(run.end + len(following) - len(strings.TrimLeft(following, `*_~\`)))
	return isInside(first) && first != '%' || unicode.In(first, unicode.Ps, unicode.Pi, unicode.Pf) || strings.ContainsRune("\"'`@#$!", first)
}

// canEnd reports whether formatting can end at the run: at the end of a word.
func (s *scanner) canEnd(run *markRun, before rune, neighbour *markRun) bool {
	switch {
	case neighbour != nil && neighbour.closes, isInside(before), unicode.In(before, unicode.Pe, unicode.Pi, unicode.Pf), strings.ContainsRune("\"'`.,;:!?>", before):
	default:
		return false
	}
	after := s.next(run.end)
	switch {
	case strings.ContainsRune("*_~\\", after):
		return after != '\\' || run.end+1 < len(s.text) && strings.IndexByte("*_~", s.text[run.end+1]) >= 0
	case after == '.':
		return !isWord(s.next(run.end + 1)) // the name of a file or host goes on
	case strings.ContainsRune(",;:!?", after):
		return true
	default:
		return isOutside(after) || unicode.Is(unicode.Pe, after) || after == '>' || after == '/' && run.length > 1
	}
}

// isOutside reports whether r can stand on the outer side of a mark, at both ends of
// formatting. Which quotation marks open depends on the language.
func isOutside(r rune) bool {
	return unicode.IsSpace(r) || isUnspaced(r) || unicode.In(r, unicode.Pd, unicode.Pi, unicode.Pf, unicode.So, unicode.Me) ||
		r >= utf8.RuneSelf && unicode.Is(unicode.Po, r) || strings.ContainsRune("\"'|\u200d\ufe0f", r)
}

// isInside reports whether r can stand on the inner side of a mark.
func isInside(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.So, unicode.Sc, unicode.Sk, unicode.Cf) ||
		r == '%' || r >= utf8.RuneSelf && unicode.In(r, unicode.Po)
}

// isUnspaced reports whether r belongs to a script that has no blanks between words, or
// adds endings to formatted words.
func isUnspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xff65
}

// openMark is a run at which formatting may begin.
type openMark struct {
	*markRun
	piece int
}

// openMarks are the runs that may begin formatting, in the text of the same link or
// outside of all links.
type openMarks struct {
	marks []openMark
	count map[markKind]int
}

func (o *openMarks) push(m openMark) {
	o.marks = append(o.marks, m)
	o.count[m.kind()]++
}

// popTo removes all runs from i on.
func (o *openMarks) popTo(i int) {
	for _, m := range o.marks[i:] {
		o.count[m.kind()]--
	}
	o.marks = o.marks[:i]
}

// last returns the index of the last run of a kind, or -1.
func (o *openMarks) last(kind markKind) int {
	if o.count[kind] == 0 {
		return -1
	}
	for i := len(o.marks) - 1; ; i-- {
		if o.marks[i].kind() == kind {
			return i
		}
	}
}

// matchMarks finds the pairs of runs that are formatting. What is open at the edge of
// a link's text stays open outside of it only.
func (s *scanner) matchMarks() {
	m := marker{scanner: s, balance: newBalance(s.text)}
	frames := []*openMarks{{count: map[markKind]int{}}}
	for i := range s.pieces {
		open := frames[len(frames)-1]
		p := &s.pieces[i]
		switch {
		case p.frame == frameBegins:
			frames = append(frames, &openMarks{count: map[markKind]int{}})
		case p.frame == frameEnds:
			frames = frames[:len(frames)-1]
		case p.mark == nil:
		default:
			m.match(open, openMark{p.mark, i})
		}
	}
}

// marker matches the runs of one block.
type marker struct {
	*scanner
	balance balance
}

// match ends formatting at a run, or begins it there.
func (m marker) match(open *openMarks, run openMark) {
	switch {
	case run.closes && m.close(open, run):
	case run.opens:
		open.push(run)
	case !run.closes && !run.escaped && run.char != '_':
		if begin := open.last(run.kind()); begin >= 0 {
			open.marks[begin].spoiled = true
		}
	}
}

// close ends the formatting that began at an open run of the same kind. Three asterisks
// also end what began with one and with two.
func (m marker) close(open *openMarks, end openMark) bool {
	begin := open.last(end.kind())
	if begin < 0 {
		return end.char == '*' && end.length == 3 && m.closeBoth(open, end)
	}
	opening := open.marks[begin]
	open.popTo(begin)
	if !m.formats(opening.markRun, end.markRun) {
		return false
	}
	if opening.escaped || end.escaped {
		m.showMarks(opening, end)
		return true
	}
	nodes := nodesOf(end.markRun)
	m.pieces[opening.piece].hidden, m.pieces[opening.piece].opens = true, nodes
	m.pieces[end.piece].hidden, m.pieces[end.piece].closes = true, len(nodes)
	return true
}

func (m marker) closeBoth(open *openMarks, end openMark) bool {
	one, two := open.last(markKind{'*', 1}), open.last(markKind{'*', 2})
	if one < 0 || two < 0 {
		return false
	}
	outer, inner := open.marks[min(one, two)], open.marks[max(one, two)]
	open.popTo(min(one, two))
	if outer.escaped || inner.escaped || end.escaped || !m.formats(outer.markRun, end.markRun) || !m.formats(inner.markRun, end.markRun) {
		return false
	}
	for _, opening := range []openMark{outer, inner} {
		m.pieces[opening.piece].hidden, m.pieces[opening.piece].opens = true, nodesOf(opening.markRun)
	}
	m.pieces[end.piece].hidden, m.pieces[end.piece].closes = true, 2
	return true
}

// showMarks makes text of two runs that would be formatting without their backslashes.
func (m marker) showMarks(runs ...openMark) {
	for _, run := range runs {
		m.pieces[run.piece].text = strings.ReplaceAll(m.pieces[run.piece].text, `\`, "")
	}
}

func nodesOf(run *markRun) []ast.Node {
	switch {
	case run.char == '~':
		return []ast.Node{extast.NewStrikethrough()}
	case run.length == 3:
		return []ast.Node{ast.NewEmphasis(1), ast.NewEmphasis(2)}
	default:
		return []ast.Node{ast.NewEmphasis(run.length)}
	}
}

// formats reports whether two runs with text between them are formatting. They are none
// if they can be part of a dial code, of an identifier or of code, in which a quotation
// mark or bracket is opened between them and closed elsewhere.
func (m marker) formats(begin, end *markRun) bool {
	text := m.text[begin.end:end.start]
	switch {
	case text == "", begin.spoiled:
		return false
	case begin.length == 1 && begin.line != end.line:
		return false
	case begin.char == '*' && begin.length == 1 && strings.Trim(text, "0123456789*#") == "":
		return false
	case begin.char == '_' && isIdentifier(text) && (begin.length == 2 || strings.Contains(text, "_")):
		return false
	default:
		return begin.length > 1 || m.balance.holds(begin.end, end.start)
	}
}

// isIdentifier reports whether text is a word of programs.
func isIdentifier(text string) bool {
	for i := range len(text) {
		if c := rune(text[i]); !isWordASCII(c) && c != '_' {
			return false
		}
	}
	return true
}

// balance counts the quotation marks and brackets in front of each place of a text.
type balance struct{ quotes, round, square []int32 }

func newBalance(text string) balance {
	b := balance{make([]int32, len(text)+1), make([]int32, len(text)+1), make([]int32, len(text)+1)}
	for i := range len(text) {
		b.quotes[i+1], b.round[i+1], b.square[i+1] = b.quotes[i], b.round[i], b.square[i]
		switch text[i] {
		case '"':
			b.quotes[i+1]++
		case '(':
			b.round[i+1]++
		case ')':
			b.round[i+1]--
		case '[':
			b.square[i+1]++
		case ']':
			b.square[i+1]--
		}
	}
	return b
}

// holds reports whether the text between two places closes what it opens.
func (b balance) holds(start, end int) bool {
	return (b.quotes[end]-b.quotes[start])%2 == 0 && b.round[end] <= b.round[start] && b.square[end] <= b.square[start]
}

// build makes the nodes of the pieces below parent.
func (s *scanner) build(parent ast.Node) {
	open := []ast.Node{parent}
	for _, p := range s.pieces {
		open = open[:len(open)-p.closes]
		top := open[len(open)-1]
		switch {
		case p.leaf != nil:
			top.AppendChild(top, p.leaf)
		case !p.hidden && p.text != "":
			top.AppendChild(top, textNode(p.text))
		}
		for _, node := range p.opens {
			top := open[len(open)-1]
			top.AppendChild(top, node)
			open = append(open, node)
		}
	}
	if !parent.HasChildren() {
		parent.AppendChild(parent, textNode(""))
	}
}
