package chaos

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.Local)

// scene is what Robin and Sam did on Matrix, and what is on Wazo, both told in words.
//
// On Matrix, each is "who verb text", and the events are $1, $2, … The verbs are says,
// answers $n, threads $n, edits $n, reacts $n and redacts $n. A "!" in front means that the
// event is shaken. The text of an edit and of a reaction is made from its number. On
// Wazo, each is "who: text", a minute apart from noon on; "late" in front is a late line.
type scene struct{ matrix, wazo []string }

func (s scene) compare() (Difference, Relations) {
	x := s.expected()
	var lines []line
	for n, words := range s.wazo {
		words, isLate := strings.CutPrefix(words, "late ")
		who, text, _ := strings.Cut(words, ": ")
		lines = append(lines, line{who: who, text: text, late: isLate, at: noon.Add(time.Duration(n) * time.Minute)})
	}
	diff := compare(x.withLines(lines))
	diff.Examples = nil
	return diff, x.relations
}

// expected is what there has to be on Wazo.
func (s scene) expected() *expectation {
	x := &expectation{
		key:  func(who, text string) string { return who + ": " + text },
		said: func(event id.EventID) []string { return map[id.EventID][]string{"$wazo": {"hello from Wazo"}}[event] },
	}
	for n, words := range s.matrix {
		words, isShaken := strings.CutPrefix(words, "!")
		fields := strings.SplitN(words, " ", 3)
		h := happened{deed: deed{who: fields[0], mark: fmt.Sprint(n + 1), kind: says}, event: id.EventID(fmt.Sprintf("$%d", n+1)), at: noon, isShaken: isShaken}
		if fields[1] == "says" {
			h.text = fields[2]
		} else {
			target, text, _ := strings.Cut(fields[2], " ")
			h.target, h.text = id.EventID(target), text
			h.kind = map[string]act{"answers": answers, "threads": threads, "edits": edits, "reacts": reacts, "redacts": redacts}[fields[1]]
		}
		switch h.kind {
		case edits:
			h.text += " " + revision + h.mark
		case reacts:
			h.text = thumb + h.mark
		case redacts:
			for i := range x.done {
				x.done[i].isGone = x.done[i].isGone || x.done[i].event == h.target
			}
		}
		x.done = append(x.done, h)
	}
	return x
}

func TestWhatBecomesOfRelations(t *testing.T) {
	const removed = "🗑️ removed a message of "
	for _, test := range []struct {
		name         string
		matrix, wazo string // separated by "|"
		want         Difference
		misquoted    int
		unquoted     int
	}{
		{name: "a reply", matrix: "robin says hello|sam answers $1 yes", wazo: "robin: hello|sam: yes\n\n> robin: hello"},
		{name: "a reply to Wazo", matrix: "sam answers $wazo yes", wazo: "sam: yes\n\n> Anna Doe: hello from Wazo"},
		{name: "a reply to what begins in this way", matrix: "robin says " + strings.Repeat("hello ", 10) + "|sam answers $1 yes", wazo: "robin: " + strings.Repeat("hello ", 10) + "|sam: yes\n\n> robin: hello hello hello hello hello hello…"},
		{name: "a thread", matrix: "robin says hello|sam threads $1 yes", wazo: "robin: hello|sam: yes\n\n> 🧵 robin: hello"},
		{name: "a reply is lost", matrix: "robin says hello|sam answers $1 yes", wazo: "robin: hello", want: Difference{Lost: 1}},
		{name: "a reply is doubled, once without its quote", matrix: "robin says hello|sam answers $1 yes", wazo: "robin: hello|sam: yes\n\n> robin: hello|sam: yes\n\n> ↩️ robin", want: Difference{Doubled: 1}, unquoted: 1},
		{name: "a reply comes before what it answers", matrix: "robin says hello|sam answers $1 yes", wazo: "sam: yes\n\n> robin: hello|robin: hello", want: Difference{Reordered: 1}},
		{name: "a reply quotes something else", matrix: "robin says hello|robin says world|sam answers $1 yes", wazo: "robin: hello|robin: world|sam: yes\n\n> robin: world", misquoted: 1},
		{name: "what answers nothing has a quote", matrix: "robin says hello", wazo: "robin: hello\n\n> robin: hello", want: Difference{Lost: 1, Doubled: 1}},

		{name: "an edit of what was delivered", matrix: "robin says one two|robin edits $1 one two", wazo: "robin: one two|robin: ✏️ two v2 instead of two"},
		{name: "an edit that is shown as a whole", matrix: "robin says one two|robin edits $1 three", wazo: "robin: one two|robin: ✏️ three v2"},
		{name: "an edit of what waited", matrix: "robin says one|robin edits $1 two", wazo: "robin: two v2"},
		{name: "an edit is lost", matrix: "robin says one|robin edits $1 two", wazo: "robin: one", want: Difference{Lost: 1}},
		{name: "an edit is doubled", matrix: "robin says one|robin edits $1 two", wazo: "robin: one|robin: ✏️ two v2|robin: ✏️ two v2", want: Difference{Doubled: 1}},
		{name: "an edit is shown by the message and by a correction", matrix: "robin says one|robin edits $1 two", wazo: "robin: two v2|robin: ✏️ two v2", want: Difference{Doubled: 1}},
		{name: "a message is shown before and after its edit", matrix: "robin says one|robin edits $1 two", wazo: "robin: one|robin: two v2", want: Difference{Doubled: 1, Lost: 1}},
		{name: "a correction comes before its message", matrix: "robin says one|robin edits $1 two", wazo: "robin: ✏️ two v2|robin: one", want: Difference{Reordered: 1}},
		{name: "a correction comes after what was said later", matrix: "robin says one|robin edits $1 two|robin says three", wazo: "robin: one|robin: three|robin: ✏️ two v2", want: Difference{Reordered: 1}},
		{name: "a wrong correction", matrix: "robin says one two|robin edits $1 one two", wazo: "robin: one two|robin: ✏️ one v2 instead of one", misquoted: 1},
		{name: "the last of two edits", matrix: "robin says one|robin edits $1 two|robin edits $1 three", wazo: "robin: one|robin: ✏️ three v3"},
		{name: "both edits", matrix: "robin says one|robin edits $1 two|robin edits $1 three", wazo: "robin: one|robin: ✏️ two v2|robin: ✏️ three v3"},
		{name: "only the first edit", matrix: "robin says one|robin edits $1 two|robin edits $1 three", wazo: "robin: one|robin: ✏️ two v2", want: Difference{Lost: 1}},
		{name: "the edits in another order", matrix: "robin says one|robin edits $1 two|robin edits $1 three", wazo: "robin: one|robin: ✏️ three v3|robin: ✏️ two v2", want: Difference{Reordered: 1}},
		{name: "the first edit while it waited, the second later", matrix: "robin says one|robin edits $1 two|robin edits $1 three", wazo: "robin: two v2|robin: ✏️ three v3"},
		{name: "the first edit once more", matrix: "robin says one|robin edits $1 two|robin edits $1 three", wazo: "robin: two v2|robin: ✏️ two v2|robin: ✏️ three v3", want: Difference{Doubled: 1}},
		{name: "a message with edits is lost", matrix: "robin says one|robin edits $1 two", want: Difference{Lost: 1}},
		{name: "a message that comes late is changed by its edit", matrix: "robin says one|sam says two|robin edits $1 three", wazo: "sam: two|late robin: three v3"},

		{name: "a redaction of what waited", matrix: "robin says one|robin redacts $1"},
		{name: "a redaction of what was delivered", matrix: "robin says one|robin redacts $1", wazo: "robin: one|robin: " + removed + "12:00"},
		{name: "a redaction of what never arrived is shown", matrix: "robin says one|robin redacts $1", wazo: "robin: " + removed + "12:00", want: Difference{Doubled: 1}},
		{name: "a redaction is lost", matrix: "robin says one|robin redacts $1", wazo: "robin: one", want: Difference{Lost: 1}},
		{name: "a redaction is doubled", matrix: "robin says one|robin redacts $1", wazo: "robin: one|robin: " + removed + "12:00|robin: " + removed + "12:00", want: Difference{Doubled: 1}},
		{name: "a redaction comes before its message", matrix: "robin says one|robin redacts $1", wazo: "robin: " + removed + "12:01|robin: one", want: Difference{Reordered: 1}},
		{name: "a redaction of a message of another time", matrix: "sam says zero|robin says one|robin redacts $2", wazo: "sam: zero|robin: one|robin: " + removed + "12:00", want: Difference{Lost: 1, Doubled: 1}},
		{name: "a message comes again after its redaction", matrix: "robin says one|robin redacts $1", wazo: "robin: one|robin: " + removed + "12:00|robin: one", want: Difference{Doubled: 1}},
		{name: "the edits of what was redacted may be withdrawn", matrix: "robin says one|robin edits $1 two|robin redacts $1", wazo: "robin: one|robin: " + removed + "12:00"},
		{name: "an edit of what never arrived is shown", matrix: "robin says one|robin edits $1 two|robin redacts $1", wazo: "robin: ✏️ two v2", want: Difference{Doubled: 1}},
		{name: "but they may be shown", matrix: "robin says one|robin edits $1 two|robin redacts $1", wazo: "robin: one|robin: ✏️ two v2|robin: " + removed + "12:00"},

		{name: "a reaction", matrix: "robin says one|sam reacts $1", wazo: `robin: one|sam: 👍2 to "one"`},
		{name: "a reaction to Wazo", matrix: "sam reacts $wazo", wazo: `sam: 👍1 to "hello from Wazo"`},
		{name: "a reaction to something unknown", matrix: "robin says one|sam reacts $1", wazo: "robin: one|sam: 👍2 to an earlier message", unquoted: 1},
		{name: "a reaction to something else", matrix: "robin says one|sam reacts $1", wazo: `robin: one|sam: 👍2 to "two"`, misquoted: 1},
		{name: "a reaction is lost", matrix: "robin says one|sam reacts $1", wazo: "robin: one", want: Difference{Lost: 1}},
		{name: "a reaction is doubled", matrix: "robin says one|sam reacts $1", wazo: `robin: one|sam: 👍2 to "one"|sam: 👍2 to "one"`, want: Difference{Doubled: 1}},
		{name: "two reactions in one line", matrix: "robin says one|sam reacts $1|sam reacts $1", wazo: `robin: one|sam: 👍2 👍3 to "one"`},
		{name: "two reactions in one line, one of them again", matrix: "robin says one|sam reacts $1|sam reacts $1", wazo: `robin: one|sam: 👍2 👍3 to "one"|sam: 👍3 to "one"`, want: Difference{Doubled: 1}},
		{name: "reactions of two people in one line", matrix: "robin says one|robin reacts $1|sam reacts $1", wazo: `robin: one|robin: 👍2 robin · 👍3 sam to "one"`},
		{name: "a reaction that was removed while it waited", matrix: "robin says one|sam reacts $1|sam redacts $2", wazo: "robin: one"},
		{name: "a reaction that was removed later", matrix: "robin says one|sam reacts $1|sam redacts $2", wazo: `robin: one|sam: 👍2 to "one"|sam: removed 👍2 from "one"`},
		{name: "a removal is lost", matrix: "robin says one|sam reacts $1|sam redacts $2", wazo: `robin: one|sam: 👍2 to "one"`, want: Difference{Lost: 1}},
		{name: "a removal of what was never shown", matrix: "robin says one|sam reacts $1|sam redacts $2", wazo: `robin: one|sam: removed 👍2 from "one"`, want: Difference{Doubled: 1}},
		{name: "a removal comes first", matrix: "robin says one|sam reacts $1|sam redacts $2", wazo: `robin: one|sam: removed 👍2 from "one"|sam: 👍2 to "one"`, want: Difference{Reordered: 1}},
		{name: "a reaction to what was redacted may be withdrawn", matrix: "robin says one|sam reacts $1|robin redacts $1", wazo: "robin: one|robin: " + removed + "12:00"},
		{name: "a reaction that nobody made", matrix: "robin says one", wazo: `robin: one|sam: 👍7 to "one"`, want: Difference{Doubled: 1}},

		{name: "what is shaken may come twice", matrix: "robin says one|!robin edits $1 two|!sam reacts $1|!robin redacts $1", wazo: `robin: one|robin: ✏️ two v2|robin: two v2|robin: ✏️ two v2|sam: 👍3 to "one"|sam: 👍3 to "one"|robin: ` + removed + "12:00|robin: " + removed + "12:00", want: Difference{Excused: 3}},
		{name: "a correction that was posted before may stand beside the message with its text", matrix: "robin says one|!robin edits $1 two", wazo: "robin: two v2|robin: ✏️ two v2"},
		{name: "what is shaken may be missing", matrix: "robin says one|!robin edits $1 two|!sam reacts $1", wazo: "robin: one"},
		{name: "but no message may", matrix: "!robin says one|!sam answers $1 yes|!robin edits $1 two", wazo: "robin: one", want: Difference{Lost: 1}},
		{name: "nor may it come twice", matrix: "!robin says one|!sam answers $1 yes", wazo: "robin: one|sam: yes\n\n> robin: one|robin: one", want: Difference{Doubled: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			split := func(words string) []string {
				return strings.FieldsFunc(words, func(r rune) bool { return r == '|' })
			}
			got, relations := scene{matrix: split(test.matrix), wazo: split(test.wazo)}.compare()
			require.Equal(t, test.want, got)
			require.Equal(t, test.misquoted, relations.Misquoted)
			require.Equal(t, test.unquoted, relations.Unquoted)
		})
	}
}
