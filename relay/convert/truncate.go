package convert

import (
	"unicode"
	"unicode/utf8"
)

// maxCluster is how many runes are given up at most to keep a character whole.
// Longer ones exist only to annoy and are cut in the middle.
const maxCluster = 32

// TruncateBytes cuts s to at most limit bytes, never inside a rune and, for
// characters of at most 32 runes, never inside what people see as one
// character: a letter with its accents, a family emoji, a flag.
// s is returned as it is if it fits; a limit of 0 or less gives "".
func TruncateBytes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	if limit <= 0 {
		return ""
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:clusterStart(s, cut)]
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
			return s[:clusterStart(s, i)]
		}
		count++
	}
	return s
}

// clusterStart moves the rune boundary cut of s back to the nearest boundary of
// a character as people see it, but no more than maxCluster runes.
func clusterStart(s string, cut int) int {
	at := cut
	for range maxCluster {
		if at <= 0 || !joined(s, at) {
			return max(at, 0)
		}
		_, size := utf8.DecodeLastRuneInString(s[:at])
		at -= size
	}
	return cut
}

// joined reports whether the runes on both sides of the rune boundary at belong
// to one character.
func joined(s string, at int) bool {
	if at <= 0 || at >= len(s) {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(s[:at])
	after, _ := utf8.DecodeRuneInString(s[at:])
	switch {
	case before == '\r' && after == '\n', before == zeroWidthJoiner, after == zeroWidthJoiner:
		return true
	case unicode.In(after, unicode.M), isVariation(after), isEmojiModifier(after), isTag(after):
		return true
	case isRegional(before) && isRegional(after):
		return oddRegionals(s[:at])
	default:
		return false
	}
}

// oddRegionals reports whether s ends in half a flag: flags are pairs of
// regional indicators, counted from the first of the sequence.
func oddRegionals(s string) bool {
	count := 0
	for range 2 * maxCluster {
		r, size := utf8.DecodeLastRuneInString(s)
		if !isRegional(r) {
			break
		}
		count++
		s = s[:len(s)-size]
	}
	return count%2 == 1
}

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

func isVariation(r rune) bool     { return r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 && r <= 0xe01ef }
func isEmojiModifier(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff }
func isRegional(r rune) bool      { return r >= 0x1f1e6 && r <= 0x1f1ff }
func isTag(r rune) bool           { return r >= 0xe0020 && r <= 0xe007f }
