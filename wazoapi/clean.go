package wazoapi

import "strings"

// Clean returns s in a form that chatd can store: without NUL, and with U+FFFD
// for what isn't valid UTF-8 (encoded surrogates included). Either would be
// answered by a 500 with an empty body
// (docs/wazo.md, "Text that chatd refuses"). Everything else, control
// characters and line ends included, is kept.
func Clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}
