package convert

import (
	"encoding/json"
	"strings"
	"testing"

	"wazo-matrix-relay/relay/words"
)

func TestPollsAreReadable(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{
			"of today's clients", `{"org.matrix.msc1767.text": "Lunch?\n1. Pizza\n2. Soup", "org.matrix.msc3381.poll.start": {"kind": "org.matrix.msc3381.poll.disclosed",
				"max_selections": 1, "question": {"org.matrix.msc1767.text": "Lunch?", "body": "Lunch?", "msgtype": "m.text"},
				"answers": [{"id": "1", "org.matrix.msc1767.text": "Pizza"}, {"id": "2", "org.matrix.msc1767.text": "Soup"}]}}`,
			"📊 poll: Lunch?\n1. Pizza\n2. Soup",
		},
		{
			"of the specification", `{"m.text": [{"body": "x"}], "m.poll": {"kind": "m.disclosed", "max_selections": 1,
				"question": {"m.text": [{"mimetype": "text/html", "body": "<b>Lunch?</b>"}, {"body": "Lunch?"}]},
				"answers": [{"m.id": "1", "m.text": [{"body": "Pizza", "mimetype": "text/plain"}]}, {"m.id": "2", "m.text": [{"body": "Soup"}]}]}}`,
			"📊 poll: Lunch?\n1. Pizza\n2. Soup",
		},
		{
			"with several representations", `{"org.matrix.msc3381.poll.start": {"question": {"org.matrix.msc1767.message": [{"body": "Lunch\n or\u0000 not?"}]}, "answers": []}}`,
			"📊 poll: Lunch or not?",
		},
		{
			"an edit", `{"m.new_content": {"org.matrix.msc3381.poll.start": {"question": {"org.matrix.msc1767.text": "Dinner?"}, "answers": [{"org.matrix.msc1767.text": "Yes"}]}},
				"m.relates_to": {"rel_type": "m.replace", "event_id": "$e"}, "org.matrix.msc3381.poll.start": {"question": {"org.matrix.msc1767.text": "x"}}}`,
			"✏️ 📊 poll: Dinner?\n1. Yes",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var content map[string]any
			if err := json.Unmarshal([]byte(test.content), &content); err != nil {
				t.Fatal(err)
			}
			if got := toWazo(t, pollMessage(content, words.Texts{}), WazoOptions{}); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	for _, content := range []string{
		`{}`, `{"body": "a"}`, `{"m.poll": "a"}`, `{"m.poll": {}}`, `{"m.poll": {"question": {"m.text": []}}}`, `{"m.poll": {"question": {"m.text": [{"body": 1}, 2]}}}`,
		`{"org.matrix.msc3381.poll.response": {"answers": ["1"]}}`, `{"m.new_content": {}, "m.relates_to": {"rel_type": "m.replace", "event_id": "$e"}}`,
	} {
		var parsed map[string]any
		if err := json.Unmarshal([]byte(content), &parsed); err != nil {
			t.Fatal(err)
		}
		if got := pollMessage(parsed, words.Texts{}); got != nil {
			t.Errorf("%s is a poll: %q", content, got.Body)
		}
	}
}

func TestPollWithThousandsOfAnswersStaysShort(t *testing.T) {
	answer := map[string]any{"m.text": "a"}
	answers := make([]any, 5000)
	for i := range answers {
		answers[i] = answer
	}
	got := pollMessage(map[string]any{"m.poll": map[string]any{"question": answer, "answers": answers}}, words.Texts{})
	if lines := strings.Count(got.Body, "\n"); lines != 20 {
		t.Errorf("%d answers", lines)
	}
}
