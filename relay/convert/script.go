package convert

import (
	"strings"

	"golang.org/x/net/html"
)

// script shows raised or lowered text with the characters that Unicode has for
// it, else after a sign.
func (in *inline) script(n *html.Node, st style, sign string, table func(rune) rune) {
	text := strings.TrimSpace(collapse(textContent(n)))
	if text == "" {
		return
	}
	small := strings.Map(table, text)
	switch {
	case !strings.ContainsRune(small, 0):
		in.text(small, st)
	case len([]rune(text)) == 1:
		in.text(sign+text, st)
	default:
		in.text(sign+"("+text+")", st)
	}
}

// superscript returns the raised form of r, or 0.
func superscript(r rune) rune {
	switch {
	case r == '1':
		return '¹'
	case r == '2' || r == '3':
		return '²' + r - '2'
	case r == '0' || r >= '4' && r <= '9':
		return '⁰' + r - '0'
	case r == '+':
		return '⁺'
	case r == '-' || r == '−':
		return '⁻'
	case r == 'n':
		return 'ⁿ'
	default:
		return 0
	}
}

// subscript returns the lowered form of r, or 0.
func subscript(r rune) rune {
	switch {
	case r >= '0' && r <= '9':
		return '₀' + r - '0'
	case r == '+':
		return '₊'
	case r == '-' || r == '−':
		return '₋'
	default:
		return 0
	}
}
