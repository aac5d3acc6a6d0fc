package convert

import (
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay/words"
)

// Typed says how the text of Wazo messages is read. The zero value reads Markdown.
type Typed struct {
	// AsIs says that nothing in the text is formatting: all of it is shown as it was typed,
	// shortcodes included.
	AsIs bool
	// Texts say what stands beside the text, and for names that are not known.
	Texts words.Texts
}

func (t Typed) renderer() *htmlRenderer {
	if t.AsIs {
		return &htmlRenderer{markdown: literalMarkdown(), asIs: true}
	}
	return newHTMLRenderer()
}

// ToMatrix is [Typed.ToMatrix] of text that is read as Markdown.
func ToMatrix(content string, people ...Person) *event.MessageEventContent {
	return Typed{}.ToMatrix(content, people...)
}

// ToMatrix renders a Wazo message's content as m.text. The content is what people typed,
// so only Markdown that can hardly be meant otherwise is formatting
// (docs/wazo.md, "Markdown in messages").
//
// The body is the content without NUL and invalid UTF-8, with emoji for the ":shortcodes:"
// outside of code. The message has a formatted
// body only if the Markdown formats something and the event has at most
// [MaxEventBytes] with the largest profile; pass longer content through [Split]
// first. All characters that are not part of formatting are shown, those of HTML, of
// entities and of links whose target is not http, https, mailto, matrix or tel included.
// Images become links. m.mentions is always set. It has the people whose names stand
// behind an "@"; a Wazo message never pings anybody else, whatever it contains.
func (t Typed) ToMatrix(content string, people ...Person) *event.MessageEventContent {
	c, _ := t.renderer().message(content, people)
	return c
}

// message is like [ToMatrix]. It also reports whether the formatting was left out
// because of its size.
func (r *htmlRenderer) message(content string, people People) (c *event.MessageEventContent, stripped bool) {
	c = &event.MessageEventContent{
		MsgType:  event.MsgText,
		Body:     r.typed(content),
		Mentions: &event.Mentions{},
	}
	if len(c.Body) > MaxEventBytes {
		return c, true
	}
	rendered, formatted := r.render(c.Body, newMentions(people, c.Mentions))
	if !formatted {
		return c, false
	}
	c.Format, c.FormattedBody = event.FormatHTML, rendered
	if EventSize(withLargestProfile(c)) > MaxEventBytes {
		c.Format, c.FormattedBody = "", ""
		return c, true
	}
	return c, false
}

// typed returns the text that people see of what was typed.
func (r *htmlRenderer) typed(content string) string {
	if r.asIs {
		return cleanText(content)
	}
	return withEmoji(cleanText(content))
}

// IsEmpty reports whether a person would see nothing of a message's content.
func IsEmpty(content string) bool { return !readable(cleanText(content)) }
