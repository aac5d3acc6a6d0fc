package convert

import (
	"fmt"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Poll returns a message that shows the question and the answers of a poll, whose
// content is given (MSC3381, in its stable form and in that of today's clients). An edit
// of a poll becomes an edit. Poll returns nil if content is that of no poll, or of one
// without a question.
func Poll(content map[string]any) *event.MessageEventContent {
	relation, _ := content["m.relates_to"].(map[string]any)
	replaced, _ := relation["event_id"].(string)
	if edited, ok := content["m.new_content"].(map[string]any); ok && relation["rel_type"] == string(event.RelReplace) {
		text := pollText(edited)
		if text == "" {
			return nil
		}
		message := plainText("* " + text)
		message.NewContent = plainText(text)
		message.RelatesTo = (&event.RelatesTo{}).SetReplace(id.EventID(replaced))
		return message
	}
	if text := pollText(content); text != "" {
		return plainText(text)
	}
	return nil
}

func plainText(text string) *event.MessageEventContent {
	return &event.MessageEventContent{MsgType: event.MsgText, Body: text}
}

// pollText writes a poll as its question with a numbered line for each answer.
func pollText(content map[string]any) string {
	const mostAnswers = 20 // the specification lets clients ignore more
	var poll map[string]any
	for _, key := range []string{"m.poll", "m.poll.start", "org.matrix.msc3381.poll.start", "org.matrix.msc3381.v2.poll"} {
		if found, ok := content[key].(map[string]any); ok {
			poll = found
			break
		}
	}
	question := extensibleText(poll["question"])
	if question == "" {
		return ""
	}
	var out strings.Builder
	out.WriteString("📊 poll: " + question)
	answers, _ := poll["answers"].([]any)
	for i, answer := range answers[:min(len(answers), mostAnswers)] {
		fmt.Fprintf(&out, "\n%d. %s", i+1, extensibleText(answer))
	}
	return out.String()
}

// extensibleText returns the plain text of extensible content (MSC1767), in one line.
func extensibleText(value any) string {
	content, ok := value.(map[string]any)
	if !ok {
		return ""
	}
	for _, key := range []string{"m.text", "m.message", "org.matrix.msc1767.text", "org.matrix.msc1767.message", "body"} {
		if text := oneLineText(plainRepresentation(content[key])); text != "" {
			return text
		}
	}
	return ""
}

// plainRepresentation returns the text of a string, or of the first of several
// representations that is plain text.
func plainRepresentation(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case []any:
		for _, item := range value {
			representation, _ := item.(map[string]any)
			mimeType, _ := representation["mimetype"].(string)
			body, _ := representation["body"].(string)
			if body != "" && (mimeType == "" || strings.HasPrefix(mimeType, "text/plain")) {
				return body
			}
		}
	}
	return ""
}

func oneLineText(text string) string {
	return strings.Join(strings.Fields(cleanText(text)), " ")
}
