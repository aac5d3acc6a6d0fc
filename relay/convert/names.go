package convert

import (
	"strings"
	"unicode"

	"wazo-matrix-relay/relay/words"
)

// MaxProfileBytes is the length of the longest id and of the longest name in a
// per-message profile (MSC4144), in bytes.
const MaxProfileBytes = 255

// CleanName turns a name that a stranger chose into one that can be shown as a
// sender. The result is one line of at most maxBytes bytes, cut like
// [TruncateBytes] does. It has no invalid UTF-8 and no control, bidi or other
// invisible characters, except for the joiners that emoji and some scripts need, and
// only single blanks as white space. CleanName returns "" if nothing of the name
// would be seen.
func CleanName(name string, maxBytes int) string {
	name = strings.Map(nameRune, strings.ToValidUTF8(name, ""))
	name = trimName(strings.Join(strings.Fields(name), " "))
	// The cut may end in a space or joiner, or leave only accents.
	name = trimName(TruncateBytes(name, maxBytes))
	if !readable(name) {
		return ""
	}
	return name
}

// nameRune maps white space to a blank and drops what has no place in a name.
func nameRune(r rune) rune {
	switch {
	case unicode.IsSpace(r), unicode.In(r, unicode.Z):
		return ' '
	case isJoiner(r), isTag(r):
		return r
	case unicode.In(r, unicode.Cc, unicode.Cf):
		return -1
	default:
		return r
	}
}

// trimName removes blanks and dangling joiners from both ends.
func trimName(name string) string {
	return strings.TrimFunc(name, func(r rune) bool {
		return r == ' ' || isJoiner(r)
	})
}

// isJoiner reports whether r is the zero-width joiner or non-joiner.
func isJoiner(r rune) bool { return unicode.Is(unicode.Join_Control, r) }

// isTag reports whether r is one of the invisible letters of which the flags of
// regions, such as Scotland's, are made.
func isTag(r rune) bool { return r >= 0xe0020 && r <= 0xe007f }

// ShortUUID returns a readable name for a Wazo user whose name is not known: "Wazo user"
// and the first eight digits of the uuid.
func ShortUUID(texts words.Texts, uuid string) string {
	const digits = 8
	short := strings.Map(func(r rune) rune {
		if isWordASCII(r) {
			return r
		}
		return -1
	}, uuid)
	return texts.UnknownUser(strings.ToLower(TruncateBytes(short, digits)))
}
