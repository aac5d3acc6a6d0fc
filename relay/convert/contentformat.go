package convert

import (
	"fmt"
	"strings"
	"text/template"
)

// DefaultContentFormat is what an empty CONTENT_FORMAT means.
const DefaultContentFormat = "{{.Content}}"

const contentFields = ".Content .Name .UserID"

// ContentFormat is a parsed CONTENT_FORMAT.
type ContentFormat struct {
	template *template.Template
}

// ContentData is what the template of a message sees. The names are plain text;
// those that could be Markdown are escaped when rendered.
type ContentData struct {
	Content string // Markdown, as from ToWazo
	Name    string // the sender's display name
	UserID  string // the sender's Matrix id
}

// ParseContentFormat parses the text/template for the content of messages to
// Wazo, with the fields .Content, .Name and .UserID; "" means
// [DefaultContentFormat]. The error is for the administrator: it says what is
// wrong with the template, also for unknown fields and if the content is
// missing.
func ParseContentFormat(tmpl string) (*ContentFormat, error) {
	if tmpl == "" {
		tmpl = DefaultContentFormat
	}
	sample := ContentData{"sample content", "Alice", "@alice:a.example"}
	t, err := parseTemplate(tmpl, contentFields, sample, ContentData{})
	if err != nil {
		return nil, err
	}
	if out, err := execute(t, sample); err != nil || !strings.Contains(out, sample.Content) {
		return nil, fmt.Errorf("template %q leaves the message out: it must contain {{.Content}}", tmpl)
	}
	return &ContentFormat{t}, nil
}

// Render returns the content to post. It may be larger than the content alone:
// see [CheckSize].
func (f *ContentFormat) Render(data ContentData) string {
	p := newPhraser()
	out, err := execute(f.template, ContentData{
		Content: data.Content,
		Name:    p.literal("", cleanAll(data.Name)),
		UserID:  p.literal("", cleanAll(data.UserID)),
	})
	if err != nil {
		// The template passed its trial, so this sender is special; the
		// message matters more than its frame.
		return data.Content
	}
	return cleanText(out)
}
