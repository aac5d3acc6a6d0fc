package convert

import (
	"strings"
	"unicode"
)

// escapeEverything escapes all punctuation that any Markdown gives a meaning. In
// a cell of a table the bars are left to dialect.write.
func escapeEverything(out *strings.Builder, text string, cell bool) {
	for _, r := range text {
		if strings.ContainsRune("\\`*_{}[]<>()#+-.!~&=", r) || r == '|' && !cell {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
}

// escapeLikely escapes what would probably be Markdown where it stands, and
// leaves addresses alone. prev and next are the runes around text; a line break
// stands for a beginning or end.
func escapeLikely(out *strings.Builder, text string, prev, next rune) {
	runes := []rune(text)
	at := func(i int) rune {
		switch {
		case i < 0:
			return prev
		case i >= len(runes):
			return next
		default:
			return runes[i]
		}
	}
	url := false
	for i, r := range runes {
		if url = url && !unicode.IsSpace(r) && r != '<' || startsURL(runes[i:], at(i-1)); !url {
			lineStart := i == 0 && prev == '\n'
			if needsEscape(r, at(i-1), at(i+1)) || startsEntity(runes[i:]) ||
				lineStart && startsBlock(r, at(i+1)) || endsNumber(runes[:i], r, prev, at(i+1)) {
				out.WriteByte('\\')
			}
		}
		out.WriteRune(r)
	}
}

// needsEscape reports whether r can be inline Markdown between its neighbours.
func needsEscape(r, prev, next rune) bool {
	spaced := unicode.IsSpace(prev) && unicode.IsSpace(next)
	switch r {
	case '`', '[', ']':
		return true
	case '\\':
		return isASCIIPunct(next) || unicode.IsSpace(next)
	case '*', '~':
		return !spaced
	case '_':
		return !spaced && !(isWord(prev) && isWord(next))
	case '<':
		return unicode.IsLetter(next) || next == '/' || next == '!' || next == '?'
	case '!':
		return next == '['
	default:
		return false
	}
}

// startsBlock reports whether r, at the start of a line, can begin a heading,
// quote, list, rule or the second line of a table.
func startsBlock(r, next rune) bool {
	switch r {
	case '#', '>', '=', '|':
		return true
	case '+':
		return unicode.IsSpace(next)
	case '-', ':':
		return unicode.IsSpace(next) || strings.ContainsRune("-:|", next)
	default:
		return false
	}
}

// endsNumber reports whether r makes the number in front of it, if it is alone
// on the line, that of a list.
func endsNumber(before []rune, r, prev, next rune) bool {
	if r != '.' && r != ')' || prev != '\n' || len(before) == 0 || len(before) > 9 || !unicode.IsSpace(next) {
		return false
	}
	for _, b := range before {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}

// startsEntity reports whether runes begin with something like "&amp;".
func startsEntity(runes []rune) bool {
	const longest = 34 // the longest name has 31 letters
	if runes[0] != '&' {
		return false
	}
	for _, r := range runes[1:min(len(runes), longest)] {
		if r == ';' {
			return true
		}
		if r != '#' && !isWordASCII(r) {
			return false
		}
	}
	return false
}

// startsURL reports whether runes begin with an address that clients link by
// themselves; escapes would become part of it.
func startsURL(runes []rune, prev rune) bool {
	if isWord(prev) || runes[0] != 'h' {
		return false
	}
	start := string(runes[:min(len(runes), len("https://"))])
	return start == "https://" || strings.HasPrefix(start, "http://")
}
