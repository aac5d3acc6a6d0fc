package convert

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"
	"go.mau.fi/util/exstrings"
)

// bracket is an opening bracket that may begin the text of a link or the description of
// a picture.
type bracket struct {
	piece   int
	start   int // where it stands in the text, with its "!"
	image   bool
	escaped bool
}

// brackets are the open brackets. Those below inLinkOnly are around a link, so they can
// only be those of pictures: links are not nested.
type brackets struct {
	open       []bracket
	inLinkOnly int
	escaped    []int // pieces of escaped brackets that may be in the text of a link
}

func (s *scanner) openBracket(start, end int, image, escaped bool) int {
	s.add(start, end, piece{text: s.text[start:end]})
	s.brackets.open = append(s.brackets.open, bracket{len(s.pieces) - 1, start, image, escaped})
	return end
}

// closeBracket makes a link or a picture of the text since the last open bracket, if the
// target of one follows. If one of the brackets is escaped, it only hides the backslash.
func (s *scanner) closeBracket(start, end int, escaped bool) int {
	target, after, ok := parseTarget(s.text, end)
	if !ok && escaped {
		s.add(start, end, piece{text: s.text[start:end]})
		s.brackets.escaped = append(s.brackets.escaped, len(s.pieces)-1)
		return end
	}
	opening, inLink, found := s.brackets.pop(ok && !escaped)
	if !ok || !found || inLink && !opening.image || !safeLink(target) && !(opening.image && exstrings.HasPrefixFold(target, "data:")) {
		return end
	}
	if opening.escaped || escaped {
		s.unescape(opening.piece)
		return s.add(start, end, piece{text: "]"})
	}
	for n := len(s.brackets.escaped); n > 0 && s.brackets.escaped[n-1] > opening.piece; n-- {
		s.unescape(s.brackets.escaped[n-1])
		s.brackets.escaped = s.brackets.escaped[:n-1]
	}
	link := ast.NewLink()
	link.Destination = []byte(target)
	node := ast.Node(link)
	if opening.image {
		image := ast.NewImage(link)
		image.SetAttributeString(spanAttribute, [2]int{s.source(opening.start), s.source(after-1) + 1})
		node = image
	} else {
		s.brackets.inLinkOnly = len(s.brackets.open)
	}
	begin := &s.pieces[opening.piece]
	begin.hidden, begin.opens, begin.frame = true, []ast.Node{node}, frameBegins
	return s.add(start, after, piece{hidden: true, closes: 1, frame: frameEnds})
}

// pop removes the last open bracket and returns it, and whether it is around a link. It
// passes over escaped ones if they can be in the text of a link that another one begins.
func (b *brackets) pop(passEscaped bool) (last bracket, inLink, found bool) {
	n := len(b.open)
	if n == 0 {
		return last, false, false
	}
	last = b.open[n-1]
	for passEscaped && last.escaped && n > max(1, b.inLinkOnly+1) {
		b.escaped = append(b.escaped, last.piece)
		n--
		last = b.open[n-1]
	}
	b.open = b.open[:n-1]
	inLink = n-1 < b.inLinkOnly
	b.inLinkOnly = min(b.inLinkOnly, n-1)
	return last, inLink, true
}

// unescape removes the backslash in front of a bracket.
func (s *scanner) unescape(i int) {
	s.pieces[i].text = strings.TrimPrefix(s.pieces[i].text, `\`)
}

// parseTarget reads "(target)" or "(target "title")" at a place. It returns the target,
// encoded as it stands in an href, and the place behind.
func parseTarget(text string, at int) (target string, after int, ok bool) {
	if at >= len(text) || text[at] != '(' {
		return "", 0, false
	}
	at = skipBlanks(text, at+1)
	target, at, ok = parseDestination(text, at)
	if !ok {
		return "", 0, false
	}
	if space := skipBlanks(text, at); space > at {
		at = skipTitle(text, space)
	}
	if at >= len(text) || text[at] != ')' {
		return "", 0, false
	}
	return string(util.URLEscape([]byte(target), false)), at + 1, true
}

// parseDestination reads a target with balanced parentheses, or one in angle brackets.
func parseDestination(text string, at int) (target string, after int, ok bool) {
	const maxParentheses = 32
	var out strings.Builder
	inAngles := at < len(text) && text[at] == '<'
	if inAngles {
		at++
	}
	depth := 0
	for ; at < len(text); at++ {
		c := text[at]
		switch {
		case c == '\n', inAngles && c == '<':
			return "", 0, false
		case inAngles && c == '>':
			return out.String(), at + 1, true
		case inAngles:
		case c <= ' ', c == 0x7f, c == ')' && depth == 0:
			return out.String(), at, out.Len() > 0
		case c == '(':
			depth++
		case c == ')':
			depth--
		}
		if depth > maxParentheses {
			return "", 0, false
		}
		if c == '\\' && at+1 < len(text) && strings.IndexByte(`\()<>`, text[at+1]) >= 0 {
			at++
		}
		out.WriteByte(text[at])
	}
	return "", 0, false
}

// skipTitle returns the place behind the title of a link, which nobody sees, and the
// blanks behind it.
func skipTitle(text string, at int) int {
	if at >= len(text) || strings.IndexByte(`"'(`, text[at]) < 0 {
		return at
	}
	quote := text[at]
	if quote == '(' {
		quote = ')'
	}
	const maxTitle = 1000
	for i := at + 1; i < min(len(text), at+maxTitle); i++ {
		switch text[i] {
		case '\\':
			i++
		case quote:
			return skipBlanks(text, i+1)
		}
	}
	return at
}

func skipBlanks(text string, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n') {
		at++
	}
	return at
}
