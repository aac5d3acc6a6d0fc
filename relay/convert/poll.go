package convert

import (
	"fmt"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

// pollMessage returns a message that shows the question and the answers of a poll, whose
// content is given (MSC3381, in its stable form and in that of today's clients). An edit
// of a poll becomes an edit. pollMessage returns nil if content is that of no poll, or of one
// without a question.
func pollMessage(content map[string]any, texts words.Texts) *event.MessageEventContent {
	relation, _ := content["m.relates_to"].(map[string]any)
	replaced, _ := relation["event_id"].(string)
	if edited, ok := content["m.new_content"].(map[string]any); ok && relation["rel_type"] == string(event.RelReplace) {
		text := pollText(edited, texts)
		if text == "" {
			return nil
		}
		message := plainText("* " + text)
		message.NewContent = plainText(text)
		message.RelatesTo = (&event.RelatesTo{}).SetReplace(id.EventID(replaced))
		return message
	}
	if text := pollText(content, texts); text != "" {
		return plainText(text)
	}
	return nil
}

func plainText(text string) *event.MessageEventContent {
	return &event.MessageEventContent{MsgType: event.MsgText, Body: text}
}

// pollIn returns the poll in the content of the event that begins it, or nil.
func pollIn(content map[string]any) map[string]any {
	return objectIn(content, "m.poll", "m.poll.start", "org.matrix.msc3381.poll.start", "org.matrix.msc3381.v2.poll")
}

// mostAnswers is how many answers of a poll are shown. The specification lets clients ignore
// more.
const mostAnswers = 20

// pollText writes a poll as its question with a numbered line for each answer.
func pollText(content map[string]any, texts words.Texts) string {
	poll := pollIn(content)
	question := extensibleText(poll["question"])
	if question == "" {
		return ""
	}
	var out strings.Builder
	out.WriteString(texts.Labelled(words.AnnouncedPoll) + question)
	answers, _ := poll["answers"].([]any)
	for i, answer := range answers[:min(len(answers), mostAnswers)] {
		fmt.Fprintf(&out, "\n%d. %s", i+1, extensibleText(answer))
	}
	return out.String()
}
