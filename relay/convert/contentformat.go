package convert

import (
	"fmt"
	"strings"
	"text/template"
)

// DefaultContentFormat is the template that an empty CONTENT_FORMAT stands for.
const DefaultContentFormat = "{{.Content}}"

const contentFields = ".Content .Name .UserID"

// ContentFormat is a parsed CONTENT_FORMAT.
type ContentFormat struct {
	template *template.Template
}

// ContentData holds the fields of a CONTENT_FORMAT. Name and UserID are plain text:
// [ContentFormat.Render] escapes what would be Markdown in them.
type ContentData struct {
	Content string // Markdown, as from ToWazo
	Name    string // the sender's display name
	UserID  string // the sender's Matrix id
}

// ParseContentFormat parses the text/template that makes the content of messages to
// Wazo. Its fields are .Content, .Name and .UserID; "" means [DefaultContentFormat].
// The error tells the administrator what is wrong with the template. A template
// with an unknown field, or without the content, is an error, too.
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

// RenderPlain is like Render for people who read the text without any renderer for
// Markdown: nothing is escaped.
func (f *ContentFormat) RenderPlain(data ContentData) string {
	return f.render(data, newPlainPhraser())
}

// Render returns the content to post. It may be larger than data.Content, so its
// size must be checked again by [CheckSize].
func (f *ContentFormat) Render(data ContentData) string { return f.render(data, newPhraser()) }

func (f *ContentFormat) render(data ContentData, p *phraser) string {
	out, err := execute(f.template, ContentData{
		Content: data.Content,
		Name:    p.literal("", cleanAll(data.Name)),
		UserID:  p.literal("", cleanAll(data.UserID)),
	})
	if err != nil {
		// The template has been tried, so it fails for this sender only. The
		// message matters more than its frame.
		return data.Content
	}
	return cleanText(out)
}
