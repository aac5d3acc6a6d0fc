package convert

import (
	"fmt"
	"text/template"
	"unicode/utf8"

	"maunium.net/go/mautrix/id"
)

// MaxAliasRunes is the length of the longest alias that chatd takes, in code points
// (docs/wazo.md, "Messages").
const MaxAliasRunes = 256

// DefaultAliasFormat is the template that an empty ALIAS_FORMAT stands for. It says
// that the sender is on Matrix, so that nobody there can pass for a colleague.
const DefaultAliasFormat = "{{.Name}} (Matrix)"

const aliasFields = ".Name .UserID .Localpart .Server"

// Sender is a person on Matrix.
type Sender struct {
	Name   string // the display name, may be empty
	UserID id.UserID
}

// AliasFormat is a parsed ALIAS_FORMAT.
type AliasFormat struct {
	template *template.Template
}

// aliasData holds the fields of an ALIAS_FORMAT.
type aliasData struct {
	Name, UserID, Localpart, Server string
}

// ParseAliasFormat parses the text/template that names Matrix senders on Wazo. Its
// fields are .Name, .UserID, .Localpart and .Server; "" means [DefaultAliasFormat].
// The error tells the administrator what is wrong with the template. A template
// with an unknown field, or one that makes an empty alias, is an error, too.
func ParseAliasFormat(tmpl string) (*AliasFormat, error) {
	if tmpl == "" {
		tmpl = DefaultAliasFormat
	}
	alice := aliasData{"Alice", "@alice:a.example", "alice", "a.example"}
	t, err := parseTemplate(tmpl, aliasFields, alice, aliasData{})
	if err != nil {
		return nil, err
	}
	f := &AliasFormat{t}
	if f.render(alice) == "" {
		return nil, fmt.Errorf("template %q gives an empty alias; the fields are %s", tmpl, aliasFields)
	}
	return f, nil
}

// Alias returns the alias for sender. It has at least one and at most
// [MaxAliasRunes] code points. If the alias would be longer, the name is cut, so
// that the text of the format around it stays.
func (f *AliasFormat) Alias(sender Sender) string {
	data := aliasData{
		Name:      cleanAll(sender.Name),
		UserID:    cleanAll(sender.UserID.String()),
		Localpart: cleanAll(sender.UserID.Localpart()),
		Server:    cleanAll(sender.UserID.Homeserver()),
	}
	if data.Name == "" {
		data.Name = data.Localpart
	}
	if data.Name == "" {
		data.Name = "?"
	}
	for _, field := range []*string{&data.Name, &data.Localpart, &data.UserID, &data.Server} {
		f.shorten(&data, field)
	}
	alias := TruncateRunes(f.render(data), MaxAliasRunes)
	if alias == "" {
		return TruncateRunes(data.Name, MaxAliasRunes)
	}
	return alias
}

// shorten cuts one field of data until the alias fits, or nothing of the field is
// left.
func (f *AliasFormat) shorten(data *aliasData, field *string) {
	const ellipsis = "…"
	full := *field
	// The field may be used more than once or through a function, so how much
	// must go can't be calculated.
	for keep := min(utf8.RuneCountInString(full), MaxAliasRunes); keep > 0; keep-- {
		if utf8.RuneCountInString(f.render(*data)) <= MaxAliasRunes {
			return
		}
		*field = TruncateRunes(full, keep-1) + ellipsis
	}
}

// render executes the template. Should it fail for this sender after all, the
// name alone is the alias.
func (f *AliasFormat) render(data aliasData) string {
	alias, err := execute(f.template, data)
	if err != nil {
		alias = data.Name
	}
	return cleanAll(alias)
}

// cleanAll is [CleanName] without a limit.
func cleanAll(name string) string { return CleanName(name, len(name)) }
