package convert

import (
	"fmt"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
)

const alice, bob = "11111111-2222", "33333333-4444"

func TestMerge(t *testing.T) {
	tests := []struct {
		name     string
		messages []Said
		body     string
		html     string
		profile  string
	}{
		{
			"one message is shown as it always is",
			[]Said{{alice, "Alice", "*one*"}},
			"Alice: *one*", `<strong data-mx-profile-fallback>Alice: </strong><em>one</em>`, "Alice",
		},
		{
			"messages of one person are paragraphs under the person's profile",
			[]Said{{alice, "Alice", "one\nline & more"}, {alice, "Alice", "**two**"}, {alice, "Alice", "- a\n- b"}},
			"Alice: one\nline & more\n\n**two**\n\n- a\n- b",
			"<strong data-mx-profile-fallback>Alice: </strong><p>one<br/>line &amp; more</p><p><strong>two</strong></p><ul>\n<li>a</li>\n<li>b</li>\n</ul>",
			"Alice",
		},
		{
			"messages of several people begin with their names",
			[]Said{{alice, "Alice", "one"}, {bob, "<Bob>", "- a"}, {alice, "Alice", "*two*"}},
			"Alice: one\n\n<Bob>: - a\n\nAlice: *two*",
			"<p><strong>Alice:</strong> one</p><p><strong>&lt;Bob&gt;:</strong></p><ul>\n<li>a</li>\n</ul><p><strong>Alice:</strong> <em>two</em></p>",
			"",
		},
		{
			"people without a name are told apart",
			[]Said{{alice, "", "one"}, {bob, "\u202e", "two"}},
			"Wazo user 11111111: one\n\nWazo user 33333333: two",
			"<p><strong>Wazo user 11111111:</strong> one</p><p><strong>Wazo user 33333333:</strong> two</p>",
			"",
		},
		{
			"an open block does not reach into the next message",
			[]Said{{alice, "Alice", "```\ncode"}, {alice, "Alice", "*text*"}},
			"Alice: ```\ncode\n\n*text*",
			"<strong data-mx-profile-fallback>Alice: </strong><pre><code>code</code></pre><p><em>text</em></p>",
			"Alice",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, n := Merge(test.messages, 50)
			profile := ""
			if c.BeeperPerMessageProfile != nil {
				profile = c.BeeperPerMessageProfile.Displayname
			}
			html := strings.ReplaceAll(strings.TrimSpace(strings.ReplaceAll(c.FormattedBody, "\n<p>", "<p>")), "code\n</code>", "code</code>")
			if n != len(test.messages) || c.Body != test.body || html != test.html || profile != test.profile || c.MsgType != event.MsgText || c.Mentions == nil {
				t.Errorf("%d messages became\n%q\n%q\n%q", n, c.Body, html, profile)
			}
		})
	}
}

func TestMergedEventIsNotTooLarge(t *testing.T) {
	const perMessage = 50
	for _, piece := range []string{"word ", "<&>", "*a* ", family} {
		for _, people := range []int{1, 2} {
			var messages []Said
			for i := range 300 {
				id := fmt.Sprint("user-", i%people)
				messages = append(messages, Said{id, "Name of " + id, strings.Repeat(piece, 1+i*7%200)})
			}
			c, n := Merge(messages, perMessage)
			if size := EventSize(c) + n*perMessage; size > MaxEventBytes || n < 2 || n == len(messages) {
				t.Errorf("%q: %d messages of %d people take %d bytes", piece, n, people, size)
			} else if more := (Typed{}).mergeAll(append(shownAll(messages[:n]), shownAll(messages[n:n+1])...)); EventSize(more)+(n+1)*perMessage <= MaxEventBytes {
				t.Errorf("%q: one more message of %d people would have fitted", piece, people)
			}
		}
	}
}

func shownAll(messages []Said) (shown []shownMessage) {
	for _, message := range messages {
		shown = append(shown, shownMessage{message, ToMatrix(message.Content)})
	}
	return shown
}
