package convert

import (
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

// maxQuote is how much of the message that is replied to is quoted, in characters as people
// see them. Phones show 100 characters of a notification, which must not be the quote.
const maxQuote = 40

// Quote is a message to which another one replies, as it is shown where replies don't exist.
type Quote struct {
	Author string // plain text; "" if it is not known
	// Text is the beginning of the message, as from [Preview] or [WazoPreview]; "" if it
	// is not known.
	Text string
	// Thread says that the reply is the first of a thread that is shown on Wazo, so that it
	// is marked.
	Thread bool
}

const (
	threadMark = "🧵"
	replyMark  = "↩️"
)

// reply puts the quote of the message that is replied to below a text.
func (w wazoWriter) reply(text string) string {
	if w.opts.RepliesTo == nil {
		return text
	}
	line := w.opts.RepliesTo.line(w.opts.Texts)
	if line == "" {
		return text
	}
	if !w.opts.Plain {
		text += fenceAtEnd(text).closing() // else the quote would be part of the code
	}
	return text + "\n\n> " + w.phraser.literal("", line)
}

// WithoutQuote returns a text for Wazo without the quote at its end, if there is one. The same message may be written
// with another quote later, when somebody has another name, or what it replies to was edited or removed.
func WithoutQuote(text string) string {
	const quote = "\n\n> "
	at := strings.LastIndex(text, quote)
	if at < 0 || strings.Contains(text[at+len(quote):], "\n") {
		return text
	}
	return text[:at]
}

// line returns the quote in one line of plain text, or "" if nothing is known of it.
func (q *Quote) line(texts words.Texts) string {
	author, text := CleanName(q.Author, MaxProfileBytes), beginning(oneLineText(q.Text), maxQuote)
	switch {
	case author != "" && text != "":
		text = texts.By(author) + text
	case text == "":
		text = author
	}
	switch {
	case q.Thread && text == "":
		return threadMark
	case q.Thread:
		return threadMark + " " + text
	case text == "":
		return ""
	case author == "" || text == author:
		return replyMark + " " + text
	default:
		return text
	}
}

// Preview returns the beginning of a Matrix message in one line of plain text of at most
// 40 characters, as it is quoted. Of a file it returns the line that announces it, and of
// an emote what somebody does, since the author stands beside it. It returns "" if there is
// nothing to read, or if c is nil.
func Preview(c *event.MessageEventContent, opts WazoOptions) string {
	if c == nil {
		return ""
	}
	opts.Plain, opts.RepliesTo, opts.Before, opts.SenderName = true, nil, nil, ""
	current, _ := newestContent(c)
	text, err := ToWazo(current, opts)
	if err != nil {
		return ""
	}
	return beginning(withoutQuotes(text), maxQuote)
}

// WazoPreview returns the beginning of a Wazo message in the form of [Preview].
func WazoPreview(texts words.Texts, content string) string {
	shown := ToMatrix(content)
	if shown.FormattedBody != "" {
		return Preview(shown, WazoOptions{Texts: texts})
	}
	return beginning(withoutQuotes(shown.Body), maxQuote)
}

// withoutQuotes returns a text without its lines that quote others, if anything else is
// left of it: it says more about a message than what the message replies to.
func withoutQuotes(text string) string {
	var own []string
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, "> ") {
			own = append(own, line)
		}
	}
	if rest := strings.Join(own, "\n"); readable(rest) {
		return rest
	}
	return text
}

// RepliedTo returns the message that an event's content replies to, and the first one of the
// thread that it is in. Both may be empty. In a thread, the message that is replied to is the
// last one that the sender's client knew, unless the sender has replied to another one.
func RepliedTo(c *event.MessageEventContent) (target, thread id.EventID) {
	thread, target = c.RelatesTo.GetThreadParent(), c.RelatesTo.GetReplyTo()
	if target == "" {
		target = thread
	}
	return target, thread
}

// quotesSender reports whether a body begins with the copy of the message that is replied
// to, in one of the forms that clients wrote before version 1.13 of the specification.
func quotesSender(body string) bool {
	return strings.HasPrefix(body, "> <@") || strings.HasPrefix(body, "> * <@")
}
