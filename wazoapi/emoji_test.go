package wazoapi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckEmoji(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, emoji string
		ok          bool
	}{
		{"a thumb", "👍", true},
		{"a kiss with two skin tones has ten code points", "👩🏽‍❤️‍💋‍👨🏻", true},
		{"the flag of England", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", true},
		{"a keycap with what has a meaning in URLs", "#️⃣", true},
		{"ten characters of text", "xxxxxxxxxx", true},
		{"three dots", "...", true},
		{"eleven characters", "xxxxxxxxxxx", false},
		{"eleven thumbs", strings.Repeat("👍", 11), false},
		{"nothing", "", false},
		{"a dot is this folder", ".", false},
		{"two dots are the folder above", "..", false},
		{"a slash", "/", false},
		{"a slash inside", "a/b", false},
		{"NUL", "a\x00b", false},
		{"half of an emoji", "👍"[:2], false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckEmoji(tt.emoji)
			if tt.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrInvalidEmoji)
		})
	}
}

func TestNormalEmoji(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, a, b string
		same       bool
	}{
		{"a heart without and with U+FE0F", "\u2764", "\u2764\uFE0F", true},
		{"a heart as text", "\u2764\uFE0E", "\u2764\uFE0F", true},
		{"a keycap", "1\u20E3", "1\uFE0F\u20E3", true},
		{"inside a sequence", "👩\u200D\u2764\u200D👨", "👩\u200D\u2764\uFE0F\u200D👨", true},
		{"a skin tone", "👍", "👍🏽", false},
		{"another emoji", "👍", "👎", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.same, NormalEmoji(tt.a) == NormalEmoji(tt.b))
			assert.Equal(t, NormalEmoji(tt.a), NormalEmoji(NormalEmoji(tt.a)))
		})
	}
}
