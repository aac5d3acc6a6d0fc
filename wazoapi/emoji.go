package wazoapi

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxEmoji is how long a reaction may be, in code points
// (docs/wazo.md, "Reactions").
const MaxEmoji = 10

// ErrInvalidEmoji is returned, before any request is made, for a text that cannot
// be a reaction, or could never be removed again. See [CheckEmoji].
var ErrInvalidEmoji = errors.New("not a reaction that Wazo can keep")

// CheckEmoji returns an error that wraps [ErrInvalidEmoji] unless emoji can be
// added to a message and removed again. It may be any text of up to [MaxEmoji]
// code points, not only an emoji, but not an empty one, ".", "..", or one with a
// "/", with NUL or with invalid UTF-8 (docs/wazo.md, "Reactions").
func CheckEmoji(emoji string) error {
	switch {
	case emoji == "" || emoji == "." || emoji == "..":
		return fmt.Errorf("%w: %q", ErrInvalidEmoji, emoji)
	case !utf8.ValidString(emoji) || strings.ContainsAny(emoji, "/\x00"):
		return fmt.Errorf("%w: it has a character that is not allowed", ErrInvalidEmoji)
	case utf8.RuneCountInString(emoji) > MaxEmoji:
		return fmt.Errorf("%w: it has more than %d characters", ErrInvalidEmoji, MaxEmoji)
	default:
		return nil
	}
}

// NormalEmoji returns emoji without the variation selectors U+FE0E and U+FE0F.
// They choose between a black-and-white and a coloured picture, and clients
// differ in whether they send them. Wazo takes ❤ with and without one for two
// reactions (docs/wazo.md, "Reactions"), people for one: two spellings are the same
// emoji if their normal forms are equal. Skin tones make another emoji. The normal
// form is for comparing only: send an emoji as it was spelled.
func NormalEmoji(emoji string) string {
	return strings.NewReplacer("\uFE0E", "", "\uFE0F", "").Replace(emoji)
}
