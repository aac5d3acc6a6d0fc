package convert

import (
	"maunium.net/go/mautrix/event"
)

// ToMatrix renders a Wazo message's content, Markdown
// (docs/wazo.md, "Markdown in messages"), as m.text.
//
// The body is the content as it came, without NUL and invalid UTF-8. There is a
// formatted body only if the Markdown formats something and the event stays
// below [MaxEventBytes] with the largest profile; longer content should pass
// through [Split] first. HTML in the content is shown as text, links and images
// whose target is not http, https, mailto, matrix or tel are only their text,
// and other images are links. m.mentions is always set and empty: a Wazo message
// never pings anybody, whatever it contains.
func ToMatrix(content string) *event.MessageEventContent {
	c, _ := newHTMLRenderer().message(content)
	return c
}

// message is [ToMatrix], and reports whether formatting was given up because of
// its size.
func (r *htmlRenderer) message(content string) (c *event.MessageEventContent, stripped bool) {
	c = &event.MessageEventContent{
		MsgType:  event.MsgText,
		Body:     cleanText(content),
		Mentions: &event.Mentions{},
	}
	if len(c.Body) > MaxEventBytes {
		return c, true
	}
	rendered, formatted := r.render(c.Body)
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
