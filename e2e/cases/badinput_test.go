package cases

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

// What becomes of an odd event: it is relayed, its sender is told why not, or
// there is nothing in it to be relayed. In any case, what comes next arrives.
var oddEvents = []struct {
	name    string
	kind    string // m.room.message if empty
	content string
	relayed string // what arrives on Wazo
	refused string // what the sender is told instead
	// unsendable says that Synapse does not take it, unless it is encrypted.
	unsendable bool
}{
	{name: "unknown msgtype", content: `{"msgtype": "org.example.poll", "body": "Tea or coffee?"}`, relayed: "Tea or coffee?"},
	{name: "unknown event type with a body", kind: "org.example.poll", content: `{"body": "Tea or milk?"}`, relayed: "Tea or milk?"},
	{name: "unknown event type without a body", kind: "org.example.telemetry", content: `{"reading": 7}`, relayed: "(org.example.telemetry)"},
	{name: "msgtype is missing", content: `{"body": "no type"}`, relayed: "no type", unsendable: true},
	{name: "msgtype is a number", content: `{"msgtype": 7, "body": "numeric type"}`, relayed: "numeric type", unsendable: true},
	{name: "body is a number", content: `{"msgtype": "m.text", "body": 42}`, refused: "could not understand the content", unsendable: true},
	{name: "body is a list", content: `{"msgtype": "m.text", "body": ["a"]}`, refused: "could not understand the content", unsendable: true},
	{name: "body is missing", content: `{"msgtype": "m.text"}`, unsendable: true},
	{name: "body is null", content: `{"msgtype": "m.text", "body": null}`, unsendable: true},
	{name: "body is empty", content: `{"msgtype": "m.text", "body": ""}`},
	{name: "body is white space", content: `{"msgtype": "m.text", "body": " \n\t "}`},
	{name: "content is empty", content: `{}`, unsendable: true},
	{name: "formatted_body is a number", content: `{"msgtype": "m.text", "body": "odd format", "format": "org.matrix.custom.html", "formatted_body": 42}`, relayed: "odd format"},
	{name: "relation is a string", content: `{"msgtype": "m.text", "body": "odd relation", "m.relates_to": "x"}`, relayed: "odd relation"},
	{name: "mentions are a list", content: `{"msgtype": "m.text", "body": "odd mentions", "m.mentions": [1]}`, relayed: "odd mentions", unsendable: true},
	{name: "info is a string", content: `{"msgtype": "m.image", "body": "odd.jpg", "info": "big"}`, relayed: "odd.jpg"},
	{name: "NUL in the body", content: `{"msgtype": "m.text", "body": "nul\u0000nul"}`, relayed: "nulnul"},
	{name: "lone surrogate in the body", content: `{"msgtype": "m.text", "body": "lone \ud800 surrogate"}`, relayed: "lone \ufffd surrogate", unsendable: true},
	{name: "HTML nested deeply", content: fmt.Sprintf(`{"msgtype": "m.text", "body": "deep", "format": "org.matrix.custom.html", "formatted_body": "%s"}`, strings.Repeat("<b>", 2000)), relayed: "deep"},
	{name: "HTML that grows beyond what Wazo takes", content: growingHTML(), relayed: "grows"},
}

// growingHTML is small as a Matrix event and, as each line of code within quotes
// begins with the marks of all of them, larger than chatd's limit as Markdown.
func growingHTML() string {
	html := strings.Repeat("<blockquote>", 90) + "<pre><code>" + strings.Repeat(`a\n`, 10_000)
	return fmt.Sprintf(`{"msgtype": "m.text", "body": "grows", "format": "org.matrix.custom.html", "formatted_body": "%s"}`, html)
}

func TestOddMatrixEvents(t *testing.T) { withEachClient(t, testOddMatrixEvents) }

func testOddMatrixEvents(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	inEachKind(t, func(t *testing.T, encrypted bool) {
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
		for _, test := range oddEvents {
			t.Run(test.name, func(t *testing.T) {
				if test.unsendable && !encrypted && s.Homeserver.Software() == harness.Synapse {
					t.Skip("Synapse refuses this event when it is sent, so that the relay never sees it.")
				}
				kind := event.EventMessage
				if test.kind != "" {
					kind = event.NewEventType(test.kind)
				}
				before := len(p.onWazo())
				sent, err := p.Robin.SendContent(p.ctx, p.Matrix, kind, json.RawMessage(test.content))
				require.NoError(t, err, "the homeserver takes it")
				p.requireTalk(t)
				arrived := p.onWazo()[before:]
				if test.relayed != "" {
					require.Len(t, arrived, 2, "it and what came next")
					require.Contains(t, arrived[0], test.relayed)
				} else {
					require.Len(t, arrived, 1, "only what came next")
				}
				if test.refused != "" {
					require.Contains(t, p.reply(t, p.Robin, p.Matrix, sent), test.refused)
				}
			})
		}
	})
}

func TestOddWazoMessages(t *testing.T) { withEachClient(t, testOddWazoMessages) }

func testOddWazoMessages(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	inEachKind(t, func(t *testing.T, encrypted bool) {
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
		for _, test := range []struct{ name, content, shown string }{
			{name: "control characters", content: "a\x01b\x7fc\r\nd", shown: "a"},
			{name: "right-to-left override", content: "abc\u202edef", shown: "abc"},
			{name: "nested quotes", content: strings.Repeat(">", 3000) + " deep", shown: "deep"},
			{name: "unclosed code fence", content: "```\nnever closed", shown: "never closed"},
			{name: "a long line without blanks", content: strings.Repeat("x", 30000), shown: "xxx"},
		} {
			t.Run(test.name, func(t *testing.T) {
				before := len(p.onScreen())
				p.post(test.content)
				p.requireTalk(t)
				arrived := p.onScreen()[before:]
				require.GreaterOrEqual(t, len(arrived), 2, "it and what came next")
				require.Contains(t, plainText(arrived[0].Event), test.shown)
			})
		}
		t.Run("no content", func(t *testing.T) {
			for _, nothing := range []string{"", " \n "} {
				p.post(nothing)
			}
			p.requireTalk(t)
		})
		t.Run("just under 1 MiB arrives in parts and a file with all of its text", func(t *testing.T) {
			before := len(p.onScreen())
			content := numberedWords(1<<20 - 1<<10)
			p.post(content)
			p.requireTalk(t)
			shown := p.onScreen()[before:]
			require.Len(t, shown, 5, "three parts, a file, and what came next")
			// Not require.Equal, whose list of differences would be larger than the message.
			require.True(t, slices.Equal(strings.Fields(content), p.wordsOfLong(t, shown[:4])), "all words, in their order")
		})
	})
}

// numberedWords is a text of nearly that many bytes in which each word is
// different, so that none can be missing or move unnoticed.
func numberedWords(size int) string {
	var text strings.Builder
	for n := 0; text.Len() < size-20; n++ {
		separator := " "
		if n%100 == 99 {
			separator = "\n\n"
		}
		fmt.Fprintf(&text, "word%d%s", n, separator)
	}
	return text.String()
}

func TestWazoRoomWithAHundredUsers(t *testing.T) { inEachSetting(t, testWazoRoomWithAHundredUsers) }

func testWazoRoomWithAHundredUsers(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	const mostUsers = 100 // docs/wazo.md, "Rooms"
	members := []wazotest.User{s.Cast.Relay}
	for n := 1; n < mostUsers; n++ {
		members = append(members, s.Hire("Member", fmt.Sprintf("No%d", n)))
	}
	for _, name := range []string{"", "All hands"} {
		wazoRoom := s.Wazo.CreateDuplicateRoom(name, members...)
		require.Len(t, wazoRoom.Members, mostUsers)
		linked, err := s.Link(s.ctx, s.Robin, harness.RoomOptions{Encrypted: encrypted}, wazoRoom.UUID)
		require.NoError(t, err)
		p := &portal{fixture: s, Portal: linked}
		for _, author := range []wazotest.User{members[1], members[50], members[99]} {
			p.author = author
			text := p.someWords()
			p.post(text)
			shown := p.waitOnMatrix(t, text).Content.AsMessage().BeeperPerMessageProfile
			require.NotNil(t, shown)
			require.Equal(t, author.Firstname+" "+author.Lastname, shown.Displayname)
		}
		p.requireTalk(t)
	}
}
