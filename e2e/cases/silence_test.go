package cases

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// guide is the section "It is silent: what now?" of the documentation: the paths
// by their symptoms.
type guide map[string]string

func readGuide(t *testing.T) guide {
	t.Helper()
	text, err := os.ReadFile("../../docs/troubleshooting.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## It is silent: what now?\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n### Alerts\n")
	paths := guide{}
	parts := strings.Split(section, "\n**")
	for _, part := range parts[1:] {
		symptom, path, _ := strings.Cut(part, "**\n")
		paths[symptom] = path
	}
	return paths
}

// digits are the numbers in a quote, which vary.
var digits = regexp.MustCompile(`\d+`)

// says requires that a path quotes something that the program has just said. The
// numbers need not be the same.
func (g guide) says(t *testing.T, symptom, quote string) {
	t.Helper()
	path, found := g[symptom]
	require.True(t, found, "the page has the symptom %q", symptom)
	require.Contains(t, digits.ReplaceAllString(path, "#"), digits.ReplaceAllString(quote, "#"))
}

// The symptoms of the page.
const (
	nothingArrives   = "Nothing arrives in any room, in either direction."
	nothingFromWazo  = "Messages from Wazo do not arrive on Matrix, the other direction works."
	nothingToWazo    = "Messages from Matrix do not arrive on Wazo, the other direction works."
	oneRoomIsSilent  = "One room is silent, the others work."
	commandsIgnored  = "The bot does not obey commands anywhere, but messages pass."
	everythingIsSlow = "It is slow."
)

// walk is a relay for walking the paths of the guide.
type walk struct {
	*fixture
	between *proxy
	guide   guide
}

// status asks for the status in a room, until the answer has a line, which the
// guide must quote for a symptom.
func (w *walk) status(t *testing.T, p *portal, symptom, line string) {
	t.Helper()
	w.guide.says(t, symptom, line)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		answer, err := w.Ask(w.ctx, w.Robin, p.Matrix, "!wazo status")
		require.NoError(c, err)
		require.Contains(c, answer, line)
	}, patience, pollEvery)
}

// statusOnWazo is status in the chat on Wazo.
func (w *walk) statusOnWazo(t *testing.T, p *portal, symptom, line string) {
	t.Helper()
	w.guide.says(t, symptom, line)
	p.post("!wazo status")
	_, err := w.Wazo.WaitMessage(w.ctx, p.Portal.Wazo, func(message wazotest.Message) bool {
		return w.FromRelay(message) && strings.HasPrefix(message.Content, "This chat is linked with") && strings.Contains(message.Content, line)
	})
	require.NoError(t, err)
}

// say has Robin say something in a room.
func (w *walk) say(t *testing.T, room id.RoomID, text string) id.EventID {
	t.Helper()
	sent, err := w.Robin.Send(w.ctx, room, text)
	require.NoError(t, err)
	return sent
}

// TestPathsOutOfSilence walks the paths of the page "It is silent: what now?": what
// it tells the reader to look at says what it quotes. What /readyz says of each part
// that is stopped is in TestWhatIsStoppedIsSeenWithinAMinute, and messages without a
// key are in TestKeyThatIsAskedForAgain.
func TestPathsOutOfSilence(t *testing.T) {
	t.Parallel()
	s, between := openBehindProxyWith(t, homeserver, withMautrix(), map[string]string{"PROBE_MINUTES": "0.1", "LOG_LEVEL": "debug"})
	w := &walk{s, between, readGuide(t)}
	t.Run("nothing arrives", w.nothingArrives)
	t.Run("nothing comes from Wazo", w.nothingFromWazo)
	t.Run("nothing goes to Wazo", w.nothingToWazo)
	t.Run("one room is silent", w.oneRoomIsSilent)
	t.Run("commands are not obeyed", w.commandsIgnored)
	t.Run("it is slow", w.everythingIsSlow)
}

func (w *walk) nothingArrives(t *testing.T) {
	status, body, err := w.Relay.Admin(w.ctx, "/healthz")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	w.guide.says(t, nothingArrives, "`"+strings.TrimSpace(body)+"`")
	for _, side := range []string{"matrix", "wazo"} {
		w.awaitMetrics(t, "the self-probe of "+side, func(m harness.Metrics) bool { return m[`wazo_matrix_relay_probe_success{side="`+side+`"}`] == 1 })
	}
	w.guide.says(t, nothingArrives, "`probe_success`")

	w.guide.says(t, nothingArrives, "`messages_accepted_total`")
	const accepted = `wazo_matrix_relay_messages_accepted_total{direction="to_wazo"}`
	room := w.invite(t, w.Robin, harness.RoomOptions{})
	w.say(t, room, "is anybody there?")
	require.Contains(t, w.ask(t, w.Robin, room, "!wazo status"), "This room is not linked")
	metrics, err := w.Relay.Metrics(w.ctx)
	require.NoError(t, err)
	require.Zero(t, metrics[accepted], "the room is not linked")
	w.link(t, harness.RoomOptions{}).requireTalk(t)
	w.awaitMetrics(t, "the message to be accepted", func(m harness.Metrics) bool { return m[accepted] == 1 })
}

func (w *walk) nothingFromWazo(t *testing.T) {
	p := w.link(t, harness.RoomOptions{})
	p.requireTalk(t)
	closed := w.Wazo.Faults().WebsocketdDown()
	w.awaitReadyz(t, "not ready", func(r readiness) bool { return r.says("the connection for Wazo's events is closed") })
	w.guide.says(t, nothingFromWazo, "the connection for Wazo's events is closed")
	began := time.Now()
	p.post("nobody hears that")
	p.waitOnMatrix(t, "nobody hears that")
	require.Less(t, time.Since(began), 25*time.Second, "it is asked for every 15 seconds")
	closed.Off()
	w.awaitReadyz(t, "ready", func(r readiness) bool { return r.OK })

	w.Wazo.RemoveMember(p.Portal.Wazo, w.Cast.Relay)
	w.status(t, p, nothingFromWazo, "paused")
	require.Contains(t, w.ask(t, w.Robin, p.Matrix, "!wazo status"), "the relay's Wazo account is not a member of it")
	w.Wazo.AddMember(p.Portal.Wazo, w.Cast.Relay)
	w.awaitReadyz(t, "ready", func(r readiness) bool { return r.OK })

	// The bot can send nothing to the room, and so it cannot answer there.
	w.between.change(func() {
		w.between.instead = func(rw http.ResponseWriter, r *http.Request) bool {
			refused := isSend(r) && strings.Contains(r.URL.Path, p.Matrix.String())
			if refused {
				rw.WriteHeader(http.StatusBadGateway)
			}
			return refused
		}
	})
	for range 3 {
		p.post(w.someWords())
	}
	w.statusOnWazo(t, p, nothingFromWazo, "Waiting: 3 messages to Matrix")
	w.between.change(func() { w.between.instead = nil })
	p.requireTalk(t)

	w.between.change(func() { w.between.instead = limited(p.Matrix) })
	for range 3 {
		p.post(w.someWords())
	}
	w.status(t, p, everythingIsSlow, "limit")
	w.guide.says(t, nothingFromWazo, "`limit`")
	w.between.change(func() { w.between.instead = nil })
	p.requireTalk(t)
}

// limited refuses every second message to a room as a homeserver that limits the bot.
func limited(room id.RoomID) func(w http.ResponseWriter, r *http.Request) bool {
	sends := 0
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !isSend(r) || !strings.Contains(r.URL.Path, room.String()) {
			return false
		} else if sends++; sends%2 == 0 {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		_ = json.NewEncoder(w).Encode(map[string]any{"errcode": "M_LIMIT_EXCEEDED", "error": "slow down", "retry_after_ms": 200})
		return true
	}
}

func (w *walk) nothingToWazo(t *testing.T) {
	p := w.link(t, harness.RoomOptions{})
	p.requireTalk(t)
	w.guide.says(t, nothingToWazo, "`waiting for a key`")
	down := w.Wazo.Faults().ChatdDown()
	for range 3 {
		w.say(t, p.Matrix, w.someWords())
	}
	w.status(t, p, nothingToWazo, "queue: 3 to Wazo")
	w.status(t, p, nothingToWazo, "last error")
	down.Off()
	p.requireTalk(t)

	w.Wazo.Faults().RefusePost(wazotest.JSONError(400), wazotest.Times(1).InRoom(p.Portal.Wazo))
	w.say(t, p.Matrix, "refused")
	w.status(t, p, nothingToWazo, "parked")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		answer, err := w.Ask(w.ctx, w.Robin, p.Matrix, "!wazo status")
		require.NoError(c, err)
		require.Contains(c, answer, "parked: 1. ")
	}, patience, pollEvery)
}

func (w *walk) oneRoomIsSilent(t *testing.T) {
	p, other := w.link(t, harness.RoomOptions{}), w.link(t, harness.RoomOptions{})
	p.requireTalk(t)
	require.NoError(t, w.Robin.Kick(w.ctx, p.Matrix, w.BotID(), "out"))
	p.waitToldDirectly(t)
	w.guide.says(t, oneRoomIsSilent, "in their direct chat")
	w.guide.says(t, oneRoomIsSilent, "`!wazo status all`")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		answer, err := w.Ask(w.ctx, w.Robin, w.direct, "!wazo status all")
		require.NoError(c, err)
		require.Contains(c, answer, p.Matrix.String())
		require.Contains(c, answer, "paused, because I am no longer in the Matrix room")
	}, patience, pollEvery)
	other.requireTalk(t)

	require.NoError(t, w.Unlink(w.ctx, w.Robin, other.Portal))
	w.status(t, other, oneRoomIsSilent, "This room is not linked")
}

func (w *walk) commandsIgnored(t *testing.T) {
	p := w.link(t, harness.RoomOptions{})
	p.requireTalk(t)
	w.guide.says(t, commandsIgnored, "I was away when you wrote this") // see TestOldCommandIsNotObeyed
	stranger := w.person(t, "stranger", harness.Plain)
	require.NoError(t, w.Robin.Invite(w.ctx, p.Matrix, stranger.UserID()))
	w.join(t, stranger, p.Matrix)
	w.guide.says(t, commandsIgnored, "You may not use this bot")
	require.Contains(t, w.ask(t, stranger, p.Matrix, "!wazo status"), "You may not use this bot")
	_, err := stranger.Send(w.ctx, p.Matrix, "!wazo status")
	require.NoError(t, err)
	p.requireTalk(t)
	refusals, err := w.Robin.History(w.ctx, p.Matrix)
	require.NoError(t, err)
	said := 0
	for _, evt := range refusals {
		if harness.Notice("You may not use this bot")(evt) {
			said++
		}
	}
	require.Equal(t, 1, said, "once an hour")
}

func (w *walk) everythingIsSlow(t *testing.T) {
	_, text, err := w.Relay.Admin(w.ctx, "/metrics")
	require.NoError(t, err)
	for _, name := range []string{"api_request_duration_seconds", "database_commit_seconds"} {
		w.guide.says(t, everythingIsSlow, "`"+name+"`")
		require.Contains(t, text, "# TYPE wazo_matrix_relay_"+name+" histogram")
	}
	seen := map[string]int{}
	for _, line := range w.logLines(t) {
		if line.MessageID != "" {
			seen[line.Message]++
		}
	}
	for _, message := range []string{"Accepted a message", "Finished a message"} {
		w.guide.says(t, everythingIsSlow, "`"+message+"`")
		require.Positive(t, seen[message])
	}
	w.guide.says(t, everythingIsSlow, "`message_id`")
}
