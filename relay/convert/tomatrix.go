package convert

import (
	"maunium.net/go/mautrix/event"
)

// ToMatrix renders a Wazo message's content as m.text. The content is what people typed,
// so only Markdown that can hardly be meant otherwise is formatting
// (docs/wazo.md, "Markdown in messages").
//
// The body is the content without NUL and invalid UTF-8. The message has a formatted
// body only if the Markdown formats something and the event has at most
// [MaxEventBytes] with the largest profile; pass longer content through [Split]
// first. All characters that are not part of formatting are shown, those of HTML, of
// entities and of links whose target is not http, https, mailto, matrix or tel included.
// Images become links. m.mentions is always set. It has the people whose names stand
// behind an "@"; a Wazo message never pings anybody else, whatever it contains.
func ToMatrix(content string, people ...Person) *event.MessageEventContent {
	c, _ := newHTMLRenderer().message(content, people)
	return c
}

// message is like [ToMatrix]. It also reports whether the formatting was left out
// because of its size.
func (r *htmlRenderer) message(content string, people People) (c *event.MessageEventContent, stripped bool) {
	c = &event.MessageEventContent{
		MsgType:  event.MsgText,
		Body:     cleanText(content),
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

// IsEmpty reports whether a person would see nothing of a message's content.
func IsEmpty(content string) bool { return !readable(cleanText(content)) }
