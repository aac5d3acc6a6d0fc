package convert

import (
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// maxGrapheme is the length, in runes, of the longest character that is kept whole.
// Longer ones exist only to annoy and are cut in the middle.
const maxGrapheme = 32

// TruncateBytes cuts s to at most limit bytes. It never cuts inside a rune, nor
// inside what people see as one character of at most 32 runes: a letter with its
// accents, a family emoji, a flag. Such a character is a grapheme cluster of
// Unicode's annex 29. TruncateBytes returns s as it is if it fits, and "" if limit
// is 0 or less.
func TruncateBytes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := max(limit, 0)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:graphemeStart(s, cut)]
}

// TruncateRunes cuts s to at most limit runes (code points), by the same rules
// as [TruncateBytes].
func TruncateRunes(s string, limit int) string {
	if limit <= 0 {
		return ""
	}
	count := 0
	for i := range s {
		if count == limit {
			return s[:graphemeStart(s, i)]
		}
		count++
	}
	return s
}

// graphemeStart returns where the character begins that s has at cut, which is a
// boundary between runes: cut itself if no character is cut in two there. If the
// character has [maxGrapheme] runes or more before cut, it returns cut.
func graphemeStart(s string, cut int) int {
	// Whether a character ends at cut depends on no more than the next rune. To
	// read on could take long: a character may be as long as the whole text.
	_, next := utf8.DecodeRuneInString(s[cut:])
	start := 0
	for characters := graphemes.FromString(s[:cut+next]); characters.Next(); {
		start = characters.Start()
	}
	if utf8.RuneCountInString(s[start:cut]) >= maxGrapheme {
		return cut
	}
	return start
}
