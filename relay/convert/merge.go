package convert

import (
	"html"
	"regexp"
	"strings"

	"maunium.net/go/mautrix/event"
)

// Said is a Wazo message as [Merge] shows it.
type Said struct {
	ID      string // of the Wazo user
	Name    string // of the Wazo user
	Content string // Markdown; Split must leave it in one part
}

// Merge makes one event of the first messages of a list, as many as fit, and returns
// how many these are. It is at least one. Messages of one person become paragraphs
// under that person's per-message profile, see [AddProfile]. Messages of several
// people become paragraphs that begin with the names in bold, and the event has no
// profile. The caller adds at most perMessage bytes to the event for each message. The
// event mentions those whom the messages mention.
func Merge(messages []Said, perMessage int, people ...Person) (*event.MessageEventContent, int) {
	return Typed{}.Merge(messages, perMessage, people...)
}

// Merge is like the function [Merge] for text that is read in this way.
func (t Typed) Merge(messages []Said, perMessage int, people ...Person) (*event.MessageEventContent, int) {
	renderer := t.renderer()
	var merged *event.MessageEventContent
	shown := make([]shownMessage, 0, len(messages))
	for i, message := range messages {
		content, _ := renderer.message(message.Content, People(people).Without(message.ID))
		shown = append(shown, shownMessage{message, content})
		next := t.mergeAll(shown)
		if i > 0 && EventSize(next)+len(shown)*perMessage > MaxEventBytes {
			return merged, i
		}
		merged = next
	}
	return merged, len(messages)
}

// shownMessage is a message with the content of an event that shows it alone.
type shownMessage struct {
	Said
	content *event.MessageEventContent
}

// mergeAll makes one event of all messages, whatever its size.
func (t Typed) mergeAll(messages []shownMessage) *event.MessageEventContent {
	first := messages[0]
	if len(messages) == 1 {
		content := *first.content
		AddProfile(&content, first.ID, first.Name)
		return &content
	}
	onePerson := true
	for _, message := range messages {
		onePerson = onePerson && message.ID == first.ID && message.Name == first.Name
	}
	var bodies []string
	mentioned := &event.Mentions{}
	var formatted strings.Builder
	for _, message := range messages {
		body, inner := message.content.Body, message.html()
		if onePerson {
			formatted.WriteString(paragraph("", inner))
		} else {
			name := t.profileName(message.ID, message.Name)
			body = t.Texts.By(name) + body
			label := strings.TrimSpace(t.Texts.By(html.EscapeString(name)))
			formatted.WriteString(paragraph("<strong>"+label+"</strong>", inner))
		}
		bodies = append(bodies, body)
		for _, user := range message.content.Mentions.UserIDs {
			mentioned.Add(user)
		}
	}
	merged := &event.MessageEventContent{
		MsgType: event.MsgText, Body: strings.Join(bodies, "\n\n"), Mentions: mentioned,
		Format: event.FormatHTML, FormattedBody: formatted.String(),
	}
	if onePerson {
		setProfile(merged, first.ID, first.Name)
	}
	return merged
}

// html returns the message as HTML, which may be blocks or the inside of a paragraph.
func (m shownMessage) html() string {
	if m.content.FormattedBody != "" {
		return m.content.FormattedBody
	}
	return event.TextToHTML(m.content.Body)
}

// startsWithBlock matches HTML that this package renders and that may not stand in a
// paragraph.
var startsWithBlock = regexp.MustCompile(`^<(p|ul|ol|h[1-6]|hr|pre|blockquote|table)[ >/]`)

// paragraph puts what a message begins with and its HTML into blocks.
func paragraph(opening, inner string) string {
	switch {
	case !startsWithBlock.MatchString(inner) && opening == "":
		return "<p>" + inner + "</p>"
	case !startsWithBlock.MatchString(inner):
		return "<p>" + opening + " " + inner + "</p>"
	case opening == "":
		return inner
	default:
		return "<p>" + opening + "</p>" + inner
	}
}
