package convert

import (
	"strings"
	"testing"
	"unicode/utf8"

	"maunium.net/go/mautrix/id"
)

func TestAliases(t *testing.T) {
	alice := Sender{Name: "Alice", UserID: "@al:example.org"}
	long := func(n int) string { return strings.Repeat("é", n) }
	tests := []struct {
		name   string
		format string
		sender Sender
		want   string
	}{
		{"the default says Matrix", "", alice, "Alice (Matrix)"},
		{"all fields", "{{.Name}} {{.UserID}} {{.Localpart}} {{.Server}}", alice, "Alice @al:example.org al example.org"},
		{"sender without name is named by the id", "", Sender{UserID: "@al:example.org"}, "al (Matrix)"},
		{"sender with an invisible name too", "", Sender{Name: "\u200b", UserID: "@al:example.org"}, "al (Matrix)"},
		{
			"others have the same name", "",
			Sender{Name: "Alice", UserID: "@al:example.org", Shared: true}, "Alice (@al:example.org) (Matrix)",
		},
		{"others have no name either", "", Sender{UserID: "@al:example.org", Shared: true}, "al (@al:example.org) (Matrix)"},
		{
			"the format tells them apart already", "{{.Name}} {{.UserID}}",
			Sender{Name: "Alice", UserID: "@al:example.org", Shared: true}, "Alice @al:example.org",
		},
		{
			"the format leaves the name out", "{{.Localpart}} (Matrix)",
			Sender{Name: "Alice", UserID: "@al:example.org", Shared: true}, "al (Matrix) (@al:example.org)",
		},
		{
			"the format cuts the name", "{{printf `%.4s` .Name}}",
			Sender{Name: "Alice", UserID: "@al:example.org", Shared: true}, "Alic (@al:example.org)",
		},
		{
			"a long name that others have is cut before the id", "",
			Sender{Name: long(300), UserID: "@al:example.org", Shared: true}, long(228) + "… (@al:example.org) (Matrix)",
		},
		{"names are cleaned", "", Sender{Name: "A\n\u202el\x00", UserID: alice.UserID}, "A l (Matrix)"},
		{"at the limit nothing is cut", "", Sender{Name: long(247)}, long(247) + " (Matrix)"},
		{"one past it the name is cut and the suffix stays", "", Sender{Name: long(248)}, long(246) + "… (Matrix)"},
		{"emoji count as code points", "", Sender{Name: strings.Repeat("🙂", 248)}, strings.Repeat("🙂", 246) + "… (Matrix)"},
		{"a name used twice is cut twice", "{{.Name}}/{{.Name}}", Sender{Name: long(200)}, long(126) + "…/" + long(126) + "…"},
		{
			"an id that is too long is cut when the name is gone", "{{.Localpart}} (Matrix)",
			Sender{Name: "A", UserID: id.UserID("@" + long(300) + ":x")}, long(246) + "… (Matrix)",
		},
		{"an alias of which nothing is left is the name", "{{if .Name}}{{if eq .Name `Alice`}}Al{{end}}{{end}}", Sender{Name: "Bob"}, "Bob"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, err := ParseAliasFormat(test.format)
			if err != nil {
				t.Fatal(err)
			}
			got := f.Alias(test.sender)
			if got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if n := utf8.RuneCountInString(got); n > MaxAliasRunes {
				t.Errorf("%d code points", n)
			}
		})
	}
}

func TestBadFormatsAreExplained(t *testing.T) {
	alias := func(tmpl string) error { _, err := ParseAliasFormat(tmpl); return err }
	content := func(tmpl string) error { _, err := ParseContentFormat(tmpl); return err }
	tests := []struct {
		name  string
		parse func(string) error
		tmpl  string
		want  []string
	}{
		{"unknown field of an alias", alias, "{{.Nam}}", []string{`"{{.Nam}}"`, ".Name .UserID .Localpart .Server", "field Nam"}},
		{"unknown field behind a condition", alias, "{{if not .Name}}{{.Nam}}{{else}}x{{end}}", []string{".Localpart", "Nam"}},
		{"broken alias", alias, "{{.Name", []string{"cannot be read", "{{.Name}}"}},
		{"empty alias", alias, "{{if eq .Name `x`}}x{{end}}", []string{"empty alias"}},
		{"unknown field of a content", content, "{{.Body}}", []string{".Content .Name .UserID", "Body"}},
		{"unknown function", content, "{{Content}}", []string{"{{.Content}}", "Content"}},
		{"content left out", content, "hello {{.Name}}", []string{"must contain {{.Content}}"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.parse(test.tmpl)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "convert.") {
				t.Errorf("%q names a type of the program", err)
			}
		})
	}
}

func TestContentFormats(t *testing.T) {
	data := ContentData{Content: "**hi** <b>", Name: "*Ann*", UserID: "@a_b:c_d"}
	for tmpl, want := range map[string]string{
		"":                            "**hi** <b>",
		"**{{.Name}}**: {{.Content}}": `**\*Ann\***: **hi** <b>`,
		"{{.UserID}}\n{{.Content}}":   "@a_b:c_d\n**hi** <b>",
	} {
		f, err := ParseContentFormat(tmpl)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Render(data); got != want {
			t.Errorf("%q: got %q, want %q", tmpl, got, want)
		}
	}
}

func TestContentFormatWithoutMarkdown(t *testing.T) {
	format, err := ParseContentFormat("{{.Name}} ({{.UserID}}): {{.Content}}")
	if err != nil {
		t.Fatal(err)
	}
	data := ContentData{Content: "a_b", Name: "*Ann*", UserID: "@_ann_:a.example"}
	if got, want := format.RenderPlain(data), "*Ann* (@_ann_:a.example): a_b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
