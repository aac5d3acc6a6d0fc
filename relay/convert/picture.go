package convert

import (
	"cmp"
	"net/url"
	"path"
	"strings"

	"go.mau.fi/util/exstrings"

	"wazo-matrix-relay/relay/words"
)

// Picture is a picture that a Wazo message shows: ![description](source).
type Picture struct {
	Source      string // an address with the scheme https, http or data
	Description string // plain text of one line, may be empty
	start, end  int    // where the Markdown of the picture stands in the content
}

// IsInline reports whether the message contains the picture itself, as a data:
// address.
func (p Picture) IsInline() bool {
	return exstrings.HasPrefixFold(p.Source, "data:")
}

// FileName returns a name for the picture's file that ends in extension, such as
// ".png".
func (p Picture) FileName(texts words.Texts, extension string) string {
	name := ""
	if parsed, err := url.Parse(p.Source); err == nil && !p.IsInline() {
		name = strings.TrimSuffix(path.Base(parsed.Path), path.Ext(parsed.Path))
	}
	if !readable(name) || strings.Trim(name, "/.") == "" {
		name = texts.Say(words.UnnamedPicture)
	}
	return FileName(name + extension)
}

// Line returns the Markdown that stands for a picture that can't be shown: a link to
// it, or only its description if the message contains the picture itself.
func (p Picture) Line(texts words.Texts) string {
	name := cmp.Or(p.Description, texts.Say(words.UnnamedPicture))
	if p.IsInline() {
		return newTypedPhraser().literal("📷 ", texts.CannotBeShown(name))
	}
	return newTypedPhraser().link("📷 ", name, p.Source)
}

// WithoutPictures returns content without those of its pictures that are shown by
// events of their own; their descriptions stay in their places. It returns "" if
// nothing readable is left. Of the other pictures it replaces only those that the
// message itself contains, because nobody can read a data: address.
func WithoutPictures(texts words.Texts, content string, pictures []Picture, shown func(i int) bool) string {
	var rest, all strings.Builder
	end := 0
	for i, p := range pictures {
		before := content[end:p.start]
		end = p.end
		all.WriteString(before)
		rest.WriteString(before)
		switch {
		case shown(i):
			all.WriteString(strings.TrimSpace(newTypedPhraser().literal("📷 ", p.Description)))
		case p.IsInline():
			all.WriteString(p.Line(texts))
			rest.WriteString(p.Line(texts))
		default:
			all.WriteString(content[p.start:p.end])
			rest.WriteString(content[p.start:p.end])
		}
	}
	if len(pictures) > 0 && !readable(rest.String()+content[end:]) {
		return ""
	}
	return all.String() + content[end:]
}
