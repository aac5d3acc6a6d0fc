package convert

import (
	"strings"
	"testing"

	"wazo-matrix-relay/relay/words"
)

func TestNamesAreCleaned(t *testing.T) {
	long := strings.Repeat("a", MaxProfileBytes-len(family))
	tests := []struct {
		name  string
		in    string
		limit int
		want  string
	}{
		{"an ordinary name stays", "Zoë O'Neill-Šimić", 255, "Zoë O'Neill-Šimić"},
		{"spaces are folded", "  a \t b\u00a0\u3000c ", 255, "a b c"},
		{"line breaks become blanks", "a\r\nb\u2028c", 255, "a b c"},
		{"control characters go", "a\x00\x07b\x7f\u0085", 255, "ab"},
		{"bidi characters go", "a\u202eb\u2066c\u200fd\u061ce", 255, "abcde"},
		{"zero-width space, byte order mark and soft hyphen go", "a\u200bb\ufeffc\u00add", 255, "abcd"},
		{"invalid UTF-8 goes", "a\xff\xed\xa0\x80b", 255, "ab"},
		{"the joiner inside an emoji stays", "👩‍💻", 255, "👩‍💻"},
		{"the non-joiner inside a word stays", "می‌خواهم", 255, "می‌خواهم"},
		{"dangling joiners go", "\u200da\u200d", 255, "a"},
		{"only zero-width characters are nothing", "\u200b\u200d\u2060\ufe0f", 255, ""},
		{"only blank letters are nothing", "\u3164\u115f\u2800", 255, ""},
		{"only an accent is nothing", "\u0301", 255, ""},
		{"at the limit nothing is cut", "abcd", 4, "abcd"},
		{"one past the limit is cut", "abcde", 4, "abcd"},
		{"a character of two bytes is not cut in half", "abcé", 4, "abc"},
		{"no blank is left at the cut", "abc d", 4, "abc"},
		{"limit zero leaves nothing", "a", 0, ""},
		{"a family at the limit of profiles stays", long + family, MaxProfileBytes, long + family},
		{"a family one past it goes as a whole", "a" + long + family, MaxProfileBytes, "a" + long},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := CleanName(test.in, test.limit); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestShortUUID(t *testing.T) {
	for in, want := range map[string]string{
		"3F2A91C4-1111-2222-3333-444444444444": "Wazo user 3f2a91c4",
		"ab":                                   "Wazo user ab",
		"":                                     "Wazo user",
		"\n\u202e*":                            "Wazo user",
	} {
		if got := ShortUUID(words.Texts{}, in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
