package cases

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// clock is the time in a line that ends with one.
var clock = regexp.MustCompile(`\d\d:\d\d$`)

// requireOnWazo waits for the last of some texts, and requires that exactly they were relayed. TIME stands for any
// time.
func (p *portal) requireOnWazo(t *testing.T, want ...string) {
	t.Helper()
	p.waitOnWazo(t, strings.TrimSuffix(want[len(want)-1], "TIME"))
	var lines []string
	for _, text := range p.onWazo() {
		if strings.Contains(text, "removed a message") {
			text = clock.ReplaceAllString(text, "TIME")
		}
		lines = append(lines, text)
	}
	require.Equal(t, strings.Join(want, "\n---\n"), strings.Join(lines, "\n---\n"))
}

// Two people change, take back and react to what is on Wazo, and to what cannot go there at the moment.
func TestWhatPeopleDoWithTheirMessages(t *testing.T) {
	withEachClient(t, testWhatPeopleDoWithTheirMessages)
}

func testWhatPeopleDoWithTheirMessages(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	inEachKind(t, func(t *testing.T, encrypted bool) {
		guest := s.person(t, fmt.Sprintf("guest-%t", encrypted), harness.Encrypted)
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted, Invite: []id.UserID{guest.UserID()}})
		s.join(t, guest, p.Matrix)
		who, by := guest.UserID().Localpart(), p.Robin.UserID().Localpart()

		root := p.message(t, p.Robin, "the arrows are ready", nil)
		first := p.message(t, p.Robin, "one", inThread(root, root))
		p.message(t, p.Robin, "two", inThread(root, first))
		p.waitOnWazo(t, "two")
		p.edit(t, p.Robin, root, "the arrows are ready") // it changes nothing
		p.react(t, p.Robin, root, "👍")
		p.react(t, guest, root, "👍")
		p.waitOnWazo(t, "👍 "+by+", "+who)
		fleeting := p.react(t, p.Robin, root, "🎉")
		p.redact(t, fleeting)
		three := p.message(t, p.Robin, "three", nil)
		want := []string{
			"the arrows are ready", "one\n\n> 🧵 " + by + ": the arrows are ready", "two\n\n> " + by + ": one",
			"👍 " + by + ", " + who + ` to "the arrows are ready"`, "three",
		}
		p.requireOnWazo(t, want...)

		// While Wazo is away, all of this waits.
		down := p.Wazo().Faults().ChatdDown()
		for _, text := range []string{"the arrows are missing", "the arrows are here"} {
			p.edit(t, p.Robin, root, text)
		}
		p.edit(t, p.Robin, three, "four")
		p.edit(t, p.Robin, three, "five")
		waits := p.message(t, p.Robin, "typo", nil)
		p.edit(t, p.Robin, waits, "no typo")
		gone := p.message(t, p.Robin, "nobody reads this", nil)
		p.react(t, guest, gone, "👎")
		p.redact(t, gone)
		p.message(t, p.Robin, "to what waits", answerTo(waits))
		p.react(t, guest, waits, "🎯")
		p.redact(t, root)
		p.message(t, p.Robin, "end", nil)
		s.ask(t, p.Robin, p.Matrix, "!wazo status") // the answer follows all that was said before
		down.Off()
		p.requireOnWazo(t, append(want, "✏️ five", "no typo", "to what waits\n\n> "+by+": no typo", `🎯 to "no typo"`, "🗑️ removed a message of TIME", "end")...)
	})
}

// What administrators switch off, and text for people whose apps show no Markdown.
func TestSettingsOfWhatPeopleOnWazoAreTold(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{Env: map[string]string{
		"RELAY_EDITS": "off", "RELAY_REDACTIONS": "off", "RELAY_REACTIONS": "off", "WAZO_MARKDOWN": "off",
	}})
	inEachKind(t, func(t *testing.T, encrypted bool) {
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
		sent := p.message(t, p.Robin, "said", nil)
		p.waitOnWazo(t, "said")
		p.edit(t, p.Robin, sent, "changed")
		p.react(t, p.Robin, sent, "👍")
		p.redact(t, sent)
		p.sendEvent(t, p.Robin, event.EventMessage, map[string]any{
			"msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html",
			"formatted_body": `<b>2*3</b> is <a href="https://example.org/">here</a>`,
		})
		p.requireOnWazo(t, "said", "2*3 is here (https://example.org/)")
		p.post("**as it** is :smile:")
		content := p.waitOnMatrix(t, "as it").Content.AsMessage()
		require.Contains(t, content.Body, "**as it** is :smile:")
		require.NotContains(t, content.FormattedBody, "<strong>as it")
	})
}

// A live location is a state event, which is never encrypted.
func TestLiveLocation(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{})
	inEachKind(t, func(t *testing.T, encrypted bool) {
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
		beacon := event.Type{Type: "org.matrix.msc3672.beacon_info", Class: event.StateEventType}
		for _, live := range []bool{true, false} {
			require.NoError(t, p.Robin.SetState(p.ctx, p.Matrix, beacon, p.Robin.UserID().String(), map[string]any{
				"description": "to the oak", "live": live, "timeout": 900_000,
				"org.matrix.msc3488.asset": map[string]any{"type": "m.self"}, "org.matrix.msc3488.ts": 1,
			}))
		}
		p.requireOnWazo(t, "📍 shares their live location for 15 minutes: to the oak", "📍 no longer shares their live location")
	})
}
