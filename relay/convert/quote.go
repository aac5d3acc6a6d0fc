package convert

import (
	"html"

	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay/words"
)

// WithQuote returns a text of Wazo, as an event shows it, with a quote before it: that is how
// a reply is shown if no event shows what it replies to. The quote is a line of its own in
// body and formatted body, and pings nobody. WithQuote returns false if nothing of the quote
// is known, if the event is no text, or if it would be larger than [MaxEventBytes]. It leaves
// c alone.
func WithQuote(texts words.Texts, c *event.MessageEventContent, q Quote) (*event.MessageEventContent, bool) {
	line := q.line(texts)
	if line == "" || c.MsgType != event.MsgText && c.MsgType != event.MsgNotice {
		return nil, false
	}
	quoted := *c
	profile := c.BeeperPerMessageProfile
	if profile != nil {
		copied := *profile
		quoted.BeeperPerMessageProfile = &copied
		quoted.RemovePerMessageProfileFallback()
	}
	quoted.EnsureHasHTML()
	quoted.FormattedBody = "<blockquote>" + html.EscapeString(line) + "</blockquote>" + quoted.FormattedBody
	quoted.Body = "> " + line + "\n\n" + quoted.Body
	if profile != nil && profile.HasFallback {
		quoted.AddPerMessageProfileFallback()
	}
	return &quoted, EventSize(&quoted) <= MaxEventBytes
}
