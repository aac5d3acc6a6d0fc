package convert

import (
	"html"
	"strings"

	"maunium.net/go/mautrix/event"
)

// Past is a Wazo message as [History] shows it.
type Past struct {
	Said
	At string // when it was written, for people
}

// History makes one event of the first messages of a list, as many as fit, and returns
// how many these are. It is at least one. It shows what was said earlier: each message
// begins with the name of its author and its time. The event is a notice and mentions
// nobody, so that it notifies nobody. The caller adds at most perMessage bytes to the
// event for each message.
func History(messages []Past, perMessage int) (*event.MessageEventContent, int) {
	return Typed{}.History(messages, perMessage)
}

// History is like the function [History] for text that is read in this way.
func (t Typed) History(messages []Past, perMessage int) (*event.MessageEventContent, int) {
	renderer := t.renderer()
	var shown *event.MessageEventContent
	var bodies []string
	var formatted strings.Builder
	for i, message := range messages {
		content, _ := renderer.message(message.Content, nil)
		name := t.profileName(message.ID, message.Name)
		label := t.Texts.PastBy(name, message.At)
		bodies = append(bodies, label+" "+content.Body)
		formatted.WriteString(paragraph(t.Texts.PastBy("<strong>"+html.EscapeString(name)+"</strong>", html.EscapeString(message.At)), shownMessage{message.Said, content}.html()))
		next := &event.MessageEventContent{
			MsgType: event.MsgNotice, Body: strings.Join(bodies, "\n\n"), Mentions: &event.Mentions{},
			Format: event.FormatHTML, FormattedBody: formatted.String(),
		}
		tooLarge := EventSize(next)+(i+1)*perMessage > MaxEventBytes
		if tooLarge && i > 0 {
			return shown, i
		} else if tooLarge {
			next.Format, next.FormattedBody = "", ""
		}
		shown = next
		if tooLarge {
			return shown, 1
		}
	}
	return shown, len(messages)
}
