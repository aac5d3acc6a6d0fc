package chaos

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// What the plugin shows of what Robin and Sam did on Matrix. In a line on Wazo, "^n" at the end marks it as a reply to
// the n-th line, from 0 on. A native is "emoji n": a reaction to the n-th line.
func TestWhatThePluginShowsOfMatrix(t *testing.T) {
	for _, test := range []struct {
		name                  string
		matrix, wazo, natives string // separated by "|"
		isAlone               bool
		want                  Difference
		marked, unequal       int
		misquoted             int
	}{
		{name: "a reply", matrix: "robin says hello|sam answers $1 yes", wazo: "robin: hello|sam: yes^0", marked: 1},
		{name: "a reply to something else", matrix: "robin says hello|robin says world|sam answers $1 yes", wazo: "robin: hello|robin: world|sam: yes^1", misquoted: 1},
		{name: "a reply while the plugin was away", matrix: "robin says hello|sam answers $1 yes", wazo: "robin: hello|sam: yes\n\n> robin: hello"},
		{name: "what answers nothing is a reply", matrix: "robin says hello|sam says world", wazo: "robin: hello|sam: world^0", misquoted: 1},
		{name: "a correction", matrix: "robin says one|robin edits $1 two", wazo: "robin: one|robin: ✏️ two v2^0", marked: 1},
		{name: "a correction of something else", matrix: "robin says one|sam says zero|robin edits $1 two", wazo: "robin: one|sam: zero|robin: ✏️ two v3^1", misquoted: 1},

		{name: "a reaction by somebody's own account", matrix: "robin says one|sam reacts $1", wazo: "robin: one", natives: "👍2 0"},
		{name: "a reaction with a line that says who", matrix: "robin says one|robin reacts $1", wazo: "robin: one|robin: 👍2^0", natives: "👍2 0", marked: 1},
		{name: "a reaction that only its line shows", matrix: "robin says one|robin reacts $1", wazo: "robin: one|robin: 👍2^0", marked: 1, unequal: 1},
		{name: "a reaction while the plugin was away", matrix: "robin says one|robin reacts $1", wazo: `robin: one|robin: 👍2 to "one"`},
		{name: "a reaction is lost", matrix: "robin says one|sam reacts $1", wazo: "robin: one", want: Difference{Lost: 1}},
		{name: "a reaction for something else", matrix: "robin says one|robin says two|sam reacts $1", wazo: "robin: one|robin: two", natives: "👍3 1", want: Difference{Lost: 1}, unequal: 1},
		{name: "a reaction that nobody makes", matrix: "robin says one", wazo: "robin: one", natives: "👍7 0", unequal: 1},
		{name: "a reaction by two accounts", matrix: "robin says one|sam reacts $1", wazo: "robin: one", natives: "👍2 0|👍2 0", unequal: 1},
		{name: "a reaction that was removed", matrix: "robin says one|sam reacts $1|sam redacts $2", wazo: "robin: one"},
		{name: "a reaction that was removed and is still there", matrix: "robin says one|sam reacts $1|sam redacts $2", wazo: "robin: one", natives: "👍2 0", unequal: 1},
		{name: "a removal with a line", matrix: "robin says one|robin reacts $1|robin redacts $2", wazo: "robin: one|robin: 👍2^0|robin: removed 👍2^0", marked: 2},
		{name: "a removal whose line is missing", matrix: "robin says one|robin reacts $1|robin redacts $2", wazo: "robin: one|robin: 👍2^0", marked: 1, want: Difference{Lost: 1}},
		{name: "a removal by the only person", matrix: "robin says one|robin reacts $1|robin redacts $2", wazo: "robin: one|robin: 👍2^0", marked: 1, isAlone: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			split := func(words string) []string {
				return strings.FieldsFunc(words, func(r rune) bool { return r == '|' })
			}
			x := scene{matrix: split(test.matrix)}.expected()
			x.hasPlugin, x.isAlone = true, test.isAlone
			for _, words := range split(test.natives) {
				emoji, number, _ := strings.Cut(words, " ")
				x.natives = append(x.natives, wazotest.Reaction{Emoji: emoji, MessageUUID: number})
			}
			var lines []line
			for n, words := range split(test.wazo) {
				words, parent, _ := strings.Cut(words, "^")
				who, text, _ := strings.Cut(words, ": ")
				lines = append(lines, line{who: who, text: text, at: noon.Add(time.Duration(n) * time.Minute), uuid: fmt.Sprint(n), parent: parent})
			}
			got := compare(x.withLines(lines))
			got.Examples = nil
			require.Equal(t, test.want, got)
			require.Equal(t, test.marked, x.marked)
			require.Equal(t, test.unequal, x.unequal)
			require.Equal(t, test.misquoted, x.relations.Misquoted)
		})
	}
}

// shownScene is a place on Wazo with two messages, which the events $1 and $2 of the bot show.
type shownScene struct {
	*nativeJudge
	anna, boris    wazotest.User
	first, another wazotest.Message
}

func newShownScene() *shownScene {
	wazo := wazotest.New(wazotest.WithPlugin())
	tenant := wazo.AddTenant("acme")
	user := func(first, last string) wazotest.User {
		return wazo.AddUser(wazotest.User{Username: first, Password: "secret", Firstname: first, Lastname: last, Tenant: tenant})
	}
	x := &shownScene{anna: user("Anna", "Doe"), boris: user("Boris", "Roe")}
	relay := user("Re", "Lay")
	room := wazo.CreateRoom("here", x.anna, x.boris, relay)
	x.first, x.another = wazo.Post(room.UUID, x.anna, "one", ""), wazo.Post(room.UUID, x.boris, "two", "")
	s := &fixture{
		Stage: &stage.Stage{Wazo: wazo, Cast: stage.Cast{Relay: relay}}, cfg: Config{Plugin: true},
		authors: &authors{written: map[string]bool{x.first.UUID: true, x.another.UUID: true}},
	}
	p := &place{name: "here", authors: []wazotest.User{x.anna, x.boris}, Portal: stage.Portal{Wazo: room.UUID}}
	x.nativeJudge = &nativeJudge{fixture: s, place: p, related: newRelated(), expected: &expectation{}}
	return x
}

// bot notes an event of the bot.
func (x *shownScene) bot(event *event.Event) { x.note(event, true) }

// shows notes that an event of the bot shows messages on Wazo.
func (x *shownScene) shows(name id.EventID, body string, relation map[string]any, uuids ...string) {
	also := []any{}
	for _, uuid := range uuids[1:] {
		also = append(also, uuid)
	}
	x.bot(&event.Event{ID: name, Type: event.EventMessage, Content: event.Content{
		Parsed: &event.MessageEventContent{MsgType: event.MsgText, Body: body},
		Raw:    map[string]any{"io.wazo.relay": map[string]any{"uuid": uuids[0], "also": also}, relatesTo: relation},
	}})
}

func answering(event string) map[string]any {
	return map[string]any{"m.in_reply_to": map[string]any{"event_id": event}}
}

func TestWhatBecomesOfTheRepliesOfWazo(t *testing.T) {
	for _, test := range []struct {
		name   string
		marked bool
		show   func(x *shownScene)
		want   Plugin
	}{
		{"a reply", true, func(x *shownScene) { x.shows("$2", "two", answering("$1"), x.another.UUID) }, Plugin{Answering: 1}},
		{"a reply that is none on Matrix", true, func(x *shownScene) { x.shows("$2", "two", nil, x.another.UUID) }, Plugin{Unequal: 1}},
		{"a reply to something else", true, func(x *shownScene) { x.shows("$2", "two", answering("$7"), x.another.UUID) }, Plugin{Unequal: 1}},
		{"a quote", true, func(x *shownScene) { x.shows("$2", "> Anna Doe: one\n\ntwo", nil, x.another.UUID) }, Plugin{Quoting: 1}},
		{"a quote that came later", true, func(x *shownScene) {
			x.shows("$2", "two", nil, x.another.UUID)
			x.bot(&event.Event{ID: "$3", Type: event.EventMessage, Content: event.Content{
				Parsed: &event.MessageEventContent{NewContent: &event.MessageEventContent{Body: "> Anna Doe: one\n\ntwo"}},
				Raw:    map[string]any{relatesTo: map[string]any{"rel_type": "m.replace", "event_id": "$2"}},
			}})
		}, Plugin{Quoting: 1}},
		{"together with others", true, func(x *shownScene) { x.shows("$2", "two\n\nthree", nil, x.another.UUID, "three") }, Plugin{Together: 1}},
		{"no reply", false, func(x *shownScene) { x.shows("$2", "two", nil, x.another.UUID) }, Plugin{}},
		{"no reply that is one on Matrix", false, func(x *shownScene) { x.shows("$2", "two", answering("$1"), x.another.UUID) }, Plugin{Unequal: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newShownScene()
			x.shows("$1", "one", nil, x.first.UUID)
			if test.marked {
				x.Wazo.MarkReply(x.place.Wazo, x.another.UUID, x.first.UUID, x.boris)
			}
			test.show(x)
			x.judgeReplies()
			require.Equal(t, test.want, x.found, x.problems)
		})
	}
}

func TestWhatBecomesOfTheReactionsOfWazo(t *testing.T) {
	for _, test := range []struct {
		name            string
		reacted, notice string // what the bot shows to the first message; separated by " "
		gone            bool
		want            Plugin
	}{
		{name: "all of it", reacted: "👍 ❤️", notice: "👍 Anna Doe · ❤️ Boris Roe, Anna Doe", want: Plugin{OnMatrix: 2, Noticed: 1}},
		{name: "a reaction is missing", reacted: "👍", notice: "👍 Anna Doe · ❤️ Boris Roe, Anna Doe", want: Plugin{OnMatrix: 1, Noticed: 1, Unequal: 1}},
		{name: "a reaction twice", reacted: "👍 👍 ❤️", notice: "👍 Anna Doe · ❤️ Boris Roe, Anna Doe", want: Plugin{OnMatrix: 3, Noticed: 1, Unequal: 1}},
		{name: "a reaction that nobody makes", reacted: "👍 ❤️ 🎉", notice: "👍 Anna Doe · ❤️ Boris Roe, Anna Doe", want: Plugin{OnMatrix: 3, Noticed: 1, Unequal: 1}},
		{name: "no notice", reacted: "👍 ❤️", want: Plugin{OnMatrix: 2, Unequal: 1}},
		{name: "a notice that is out of date", reacted: "👍 ❤️", notice: "👍 Anna Doe", want: Plugin{OnMatrix: 2, Noticed: 1, Unequal: 1}},
		{name: "the message was redacted", reacted: "👍", gone: true, want: Plugin{OnMatrix: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newShownScene()
			x.shows("$1", "one", nil, x.first.UUID)
			x.gone["$1"] = test.gone
			x.Wazo.React(x.place.Wazo, x.first.UUID, x.anna, "👍")
			x.Wazo.React(x.place.Wazo, x.first.UUID, x.boris, "❤")
			x.Wazo.React(x.place.Wazo, x.first.UUID, x.anna, "❤️")
			for _, emoji := range strings.Fields(test.reacted) {
				x.bot(&event.Event{Type: event.EventReaction, Content: event.Content{Raw: map[string]any{relatesTo: map[string]any{"event_id": "$1", "key": emoji}}}})
			}
			if test.notice != "" {
				x.bot(&event.Event{ID: "$notice", Type: event.EventMessage, Content: event.Content{
					Parsed: &event.MessageEventContent{MsgType: event.MsgNotice, Body: test.notice},
					Raw:    map[string]any{"io.wazo.relay": map[string]any{"kind": "reactions"}, relatesTo: answering("$1")},
				}})
			}
			x.judgeReactions()
			require.Equal(t, test.want, x.found, x.problems)
		})
	}
}
