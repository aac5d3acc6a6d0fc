package convert

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const family = "👩‍👩‍👧" // five runes, 18 bytes

// Every limit is tried, so also the length of each character and one less.
func TestCharactersAreKeptWhole(t *testing.T) {
	for name, character := range map[string]string{
		"a letter of one byte":           "a",
		"a letter of two bytes":          "é",
		"a letter with a combining mark": "e\u0301",
		"a letter with several":          "a\u0323\u0302\u0301",
		"a Tamil syllable":               "நி",
		"a Hindi conjunct":               "क्ष",
		"a Korean syllable in letters":   "\u1112\u1161\u11ab",
		"an emoji":                       "🙂",
		"an emoji with a selector":       "❤️",
		"an emoji with a skin tone":      "👍🏽",
		"a family":                       family,
		"a flag":                         "🇫🇷",
		"a flag of a region":             "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
		"a keycap":                       "1️⃣",
		"a line break of Windows":        "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			text := "." + strings.Repeat(character, 3)
			for limit := -1; limit <= len(text)+1; limit++ {
				if got, want := TruncateBytes(text, limit), longestThatFits(character, limit, byteCount); got != want {
					t.Errorf("%d bytes: got %q, want %q", limit, got, want)
				}
				if got, want := TruncateRunes(text, limit), longestThatFits(character, limit, utf8.RuneCountInString); got != want {
					t.Errorf("%d runes: got %q, want %q", limit, got, want)
				}
			}
		})
	}
}

func byteCount(s string) int { return len(s) }

// longestThatFits returns the longest of "", ".", and "." with one, two or three
// times the character, whose size is at most limit.
func longestThatFits(character string, limit int, size func(string) int) string {
	for count := 3; count >= 0; count-- {
		if text := "." + strings.Repeat(character, count); size(text) <= limit {
			return text
		}
	}
	return ""
}

func TestAbsurdlyLongCharactersAreCut(t *testing.T) {
	text := strings.Repeat("\u0301", 100)
	for _, test := range []struct {
		name      string
		got, want string
	}{
		{"the last that is kept whole", TruncateRunes("ae"+text, maxGrapheme), "a"},
		{"one rune more", TruncateRunes("ae"+text, maxGrapheme+1), "ae" + text[:2*(maxGrapheme-1)]},
		{"in bytes", TruncateBytes("ae"+text, 100), "ae" + text[:98]},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.got != test.want {
				t.Errorf("got %q, want %q", test.got, test.want)
			}
		})
	}
}
