package wazotest

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// plain is a text without case and accents: PostgreSQL's unaccent and ilike, as
// the searches of chatd and confd use them.
func plain(s string) string {
	if isASCII(s) {
		return strings.ToLower(s) // nearly every text, and much faster
	}
	var out strings.Builder
	for _, r := range norm.NFD.String(s) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		r = unicode.ToLower(r)
		if base, ok := withoutStroke(r); ok {
			out.WriteString(base)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// withoutStroke has the letters that Unicode does not decompose and unaccent
// does.
func withoutStroke(r rune) (string, bool) {
	switch r {
	case 'ł':
		return "l", true
	case 'ø':
		return "o", true
	case 'đ':
		return "d", true
	case 'ß':
		return "ss", true
	case 'æ':
		return "ae", true
	case 'œ':
		return "oe", true
	}
	return "", false
}

// searchPattern matches texts that contain the words of a search in their
// order; "%" and "_" are wildcards (docs/wazo.md, "Read history").
func searchPattern(search string) func(text string) bool {
	return likePattern(strings.Join(strings.Fields(search), "%"))
}

// likePattern matches texts that are ilike '%pattern%'.
func likePattern(pattern string) func(text string) bool {
	p := []rune("%" + plain(pattern) + "%")
	return func(text string) bool { return like(p, []rune(plain(text))) }
}

// like is SQL's LIKE: "%" is anything, "_" one character. On a mismatch it goes
// back to the last "%" only, which is enough.
func like(pattern, text []rune) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '%':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '_' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '%' {
		p++
	}
	return p == len(pattern)
}
