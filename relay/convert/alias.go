package convert

import (
	"cmp"
	"fmt"
	"strings"
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
	// Shared says that others in the room have the same name. The user id then tells
	// them apart (client-server API, "Calculating the display name for a user").
	Shared bool
}

// DisplayName returns what the sender is called: the display name, or else the local
// part of the user id; if others are called the same, with the user id.
func (s Sender) DisplayName() string {
	return cmp.Or(cleanAll(s.Name), cleanAll(s.UserID.Localpart()), "?") + s.suffix()
}

// suffix is what stands behind the name to tell the sender from others.
func (s Sender) suffix() string {
	if !s.Shared {
		return ""
	}
	return " (" + cleanAll(s.UserID.String()) + ")"
}

// AliasFormat is a parsed ALIAS_FORMAT.
type AliasFormat struct {
	template *template.Template
}

// aliasData holds the fields of an ALIAS_FORMAT.
type aliasData struct {
	Name, UserID, Localpart, Server string

	// suffix must be in the alias: whatever the format is, and however much of the
	// name is cut.
	suffix string
}

// ParseAliasFormat parses the text/template that names Matrix senders on Wazo. Its
// fields are .Name, .UserID, .Localpart and .Server; "" means [DefaultAliasFormat].
// The error tells the administrator what is wrong with the template. A template
// with an unknown field, or one that makes an empty alias, is an error, too.
func ParseAliasFormat(tmpl string) (*AliasFormat, error) {
	if tmpl == "" {
		tmpl = DefaultAliasFormat
	}
	alice := aliasData{Name: "Alice", UserID: "@alice:a.example", Localpart: "alice", Server: "a.example"}
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
// that the text of the format around it stays. The alias of a sender whose name is
// shared contains the user id.
func (f *AliasFormat) Alias(sender Sender) string {
	data := aliasData{
		Name:      cleanAll(sender.Name),
		UserID:    cleanAll(sender.UserID.String()),
		Localpart: cleanAll(sender.UserID.Localpart()),
		Server:    cleanAll(sender.UserID.Homeserver()),
	}
	data.Name = cmp.Or(data.Name, data.Localpart, "?")
	if !strings.Contains(f.render(data), data.UserID) {
		data.suffix = sender.suffix()
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
	suffix := data.suffix
	data.Name += suffix
	alias, err := execute(f.template, data)
	if err != nil {
		alias = data.Name
	}
	alias = cleanAll(alias)
	if !strings.Contains(alias, suffix) {
		alias = cleanAll(alias + suffix) // the format leaves the name out, or cuts it
	}
	return alias
}

// cleanAll is [CleanName] without a limit.
func cleanAll(name string) string { return CleanName(name, len(name)) }
