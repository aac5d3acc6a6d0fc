package convert

import (
	"strings"
	"unicode"
)

// cleanText removes what neither side can store: NUL, which chatd answers with
// a 500 (docs/wazo.md, "Text that chatd refuses"), and everything that is not
// valid UTF-8, encoded lone surrogates included.
func cleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}

// readable reports whether a person would see anything of s.
func readable(s string) bool {
	return strings.ContainsFunc(s, visible)
}

// visible reports whether something is drawn for r. Nothing is drawn for spaces,
// control and format characters, lone combining marks and some letters. For those of
// private use, fonts draw pictures such as logos.
func visible(r rune) bool {
	return !unicode.IsSpace(r) && !isBlankLetter(r) &&
		!unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Z, unicode.M)
}

// isBlankLetter reports whether r is one of the characters that Unicode counts as
// letters or symbols although nothing is drawn: the Hangul fillers and the empty
// Braille pattern.
func isBlankLetter(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800':
		return true
	default:
		return false
	}
}

// squeeze removes all white space, so that two texts can be compared whatever their
// layout is.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

func isASCIIPunct(r rune) bool {
	return r > ' ' && r < 0x7f && !isWordASCII(r)
}

func isWordASCII(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}
