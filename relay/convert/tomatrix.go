package convert

import "maunium.net/go/mautrix/event"

// ToMatrix renders a Wazo message's content, which is Markdown
// (docs/wazo.md, "Markdown in messages"), as m.text.
//
// The body is the content without NUL and invalid UTF-8. The message has a formatted
// body only if the Markdown formats something and the event has at most
// [MaxEventBytes] with the largest profile; pass longer content through [Split]
// first. HTML in the content is shown as text. Of links and images whose target is
// not http, https, mailto, matrix or tel only the text is left; other images become
// links. m.mentions is always set and empty: a Wazo message never pings anybody,
// whatever it contains.
func ToMatrix(content string) *event.MessageEventContent {
	c, _ := newHTMLRenderer().message(content)
	return c
}

// message is like [ToMatrix]. It also reports whether the formatting was left out
// because of its size.
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
