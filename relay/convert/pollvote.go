package convert

import (
	"slices"
	"strings"
)

// maxPollText is how much of a question or an answer is repeated with a vote, in
// characters.
const maxPollText = 80

// pollStart describes the event that begins a poll, or edits it.
func pollStart(s subject) Description {
	if s.isGone() {
		return Description{}
	}
	if poll := pollMessage(s.content(), s.texts); poll != nil {
		return Description{Kind: KindSaid, Content: poll}
	}
	return textOf1767(s, s.evt.Type.Type)
}

// askedPoll is a poll that others refer to.
type askedPoll struct {
	question string
	answers  []pollAnswer
	isOpen   bool // whether votes are shown before the poll ends
}

type pollAnswer struct{ id, text string }

// pollOf reads the poll that an event belongs to. It is empty if that is not known.
func pollOf(s subject) (poll askedPoll) {
	if s.about == nil {
		return poll
	}
	content := s.about.Content.Raw
	if edited := objectIn(content, "m.new_content"); edited != nil {
		content = edited
	}
	start := pollIn(content)
	poll.question = beginning(extensibleText(start["question"]), maxPollText)
	switch kind := stringIn(start, "kind"); kind {
	case "m.disclosed", "m.poll.disclosed", "org.matrix.msc3381.poll.disclosed", "org.matrix.msc3381.v2.disclosed":
		poll.isOpen = true // MSC3381: all others are not
	}
	answers := listIn(start, "answers")
	for _, answer := range answers[:min(len(answers), mostAnswers)] {
		fields, _ := answer.(map[string]any)
		poll.answers = append(poll.answers, pollAnswer{stringIn(fields, "m.id", "id", "org.matrix.msc3381.v2.id"), beginning(extensibleText(answer), maxPollText)})
	}
	return poll
}

// pollResponse describes a vote. What somebody voted for is shown only if clients show it,
// too, before the poll ends.
func pollResponse(s subject) Description {
	if s.isGone() {
		return Description{}
	}
	poll := pollOf(s)
	selected := listIn(s.content(), "m.selections", "org.matrix.msc3381.v2.selections")
	if selected == nil {
		selected = listIn(objectIn(s.content(), "m.poll.response", "org.matrix.msc3381.poll.response"), "answers")
	}
	var answers []string
	for _, answer := range poll.answers {
		if poll.isOpen && answer.text != "" && slices.Contains(selected, any(answer.id)) {
			answers = append(answers, answer.text)
		}
	}
	d := said(s.texts.Voted(answers, poll.question))
	if len(selected) == 0 {
		d = said(s.texts.VoteRemoved(poll.question))
	}
	d.About = s.relation()
	return d
}

// pollEnd describes the end of a poll, with the results that the client knows, or with the
// text of the event.
func pollEnd(s subject) Description {
	if s.isGone() {
		return Description{}
	}
	poll := pollOf(s)
	counts := objectIn(s.content(), "m.poll.results", "org.matrix.msc3381.v2.poll.results")
	var results []string
	for _, answer := range poll.answers {
		if votes := numberIn(counts, answer.id); votes > 0 && answer.text != "" {
			results = append(results, s.texts.Votes(answer.text, wholeNumber(votes)))
		}
	}
	// Some clients write a text that says no more than that the poll has ended.
	if text := extensibleText(s.content()); len(results) == 0 && strings.Contains(text, ":") {
		results = append(results, beginning(text, 4*maxPollText))
	}
	d := said(s.texts.PollEnded(poll.question, results))
	d.About = s.relation()
	return d
}
