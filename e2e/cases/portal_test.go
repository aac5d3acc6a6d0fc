package cases

import (
	"slices"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

// portal is a Matrix room that Robin has linked with a Wazo room.
type portal struct {
	*fixture
	stage.Portal
	author wazotest.User // a member of the Wazo room
}

// link makes a portal of rooms of its own.
func (s *fixture) link(t *testing.T, options harness.RoomOptions) *portal {
	t.Helper()
	room, author := s.newWazoRoom("Support")
	linked, err := s.Link(s.ctx, s.Robin, options, room.UUID)
	require.NoError(t, err)
	return &portal{fixture: s, Portal: linked, author: author}
}

// post has the author write on Wazo.
func (p *portal) post(text string) wazotest.Message {
	return p.Wazo().Post(p.Portal.Wazo, p.author, text, "")
}

// Wazo is the simulated server; the portal's room is Portal.Wazo.
func (p *portal) Wazo() *wazotest.Server { return p.Stage.Wazo }

// waitOnMatrix waits until a Wazo message that contains text is seen by Robin.
func (p *portal) waitOnMatrix(t *testing.T, text string) harness.Entry {
	t.Helper()
	entry, err := p.Robin.WaitEvent(p.ctx, p.Matrix, harness.All(p.FromWazo(), harness.Says(text)))
	require.NoError(t, err)
	return entry
}

// waitOnWazo waits until the relay has posted a message that contains text.
func (p *portal) waitOnWazo(t *testing.T, text string) wazotest.Message {
	t.Helper()
	return p.waitRelayed(t, func(message wazotest.Message) bool { return strings.Contains(message.Content, text) })
}

func (p *portal) waitRelayed(t *testing.T, match func(wazotest.Message) bool) wazotest.Message {
	t.Helper()
	message, err := p.Wazo().WaitMessage(p.ctx, p.Portal.Wazo, func(message wazotest.Message) bool {
		return p.isRelayed(message) && match(message)
	})
	require.NoError(t, err, "on Wazo: %q", contents(p.Wazo().Messages(p.Portal.Wazo)))
	return message
}

// waitNth waits for the nth message that was relayed from Matrix.
func (p *portal) waitNth(t *testing.T, n int) wazotest.Message {
	t.Helper()
	relayed := 0
	message, err := p.Wazo().WaitMessage(p.ctx, p.Portal.Wazo, func(message wazotest.Message) bool {
		if p.isRelayed(message) {
			relayed++
		}
		return relayed == n
	})
	require.NoError(t, err)
	return message
}

// isRelayed says whether a message comes from Matrix. The relay's own words have
// no alias.
func (p *portal) isRelayed(message wazotest.Message) bool {
	return p.FromRelay(message) && message.Alias != nil
}

// requireTalk has both sides say something that must arrive. Queues keep their
// order: what was said before has arrived too, or never will.
func (p *portal) requireTalk(t *testing.T) {
	t.Helper()
	text := p.someWords()
	p.post("wazo: " + text)
	_, err := p.Robin.Send(p.ctx, p.Matrix, "matrix: "+text)
	require.NoError(t, err)
	p.waitOnMatrix(t, "wazo: "+text)
	p.waitOnWazo(t, "matrix: "+text)
}

// onMatrix are the texts of what was relayed from Wazo, in the order of the room
// as the homeserver has it.
func (p *portal) onMatrix(t *testing.T) []string {
	t.Helper()
	return p.history(t, p.FromWazo())
}

// saidOnMatrix are the texts of what people wrote on Matrix.
func (p *portal) saidOnMatrix(t *testing.T) []string {
	t.Helper()
	return p.history(t, func(evt *event.Event) bool {
		return evt.Type == event.EventMessage && evt.Sender != p.BotID()
	})
}

func (p *portal) history(t *testing.T, match harness.Match) []string {
	t.Helper()
	events, err := p.Robin.History(p.ctx, p.Matrix)
	require.NoError(t, err)
	var texts []string
	for _, evt := range events {
		require.NotEqual(t, event.EventEncrypted, evt.Type, "Robin can read %s", evt.ID)
		if match(evt) {
			texts = append(texts, plainText(evt))
		}
	}
	return texts
}

// plainText is what somebody said, without the name before it.
func plainText(evt *event.Event) string {
	content := *evt.Content.AsMessage()
	content.RemovePerMessageProfileFallback()
	return content.Body
}

// onWazo are the texts of what was relayed from Matrix, in chatd's order.
func (p *portal) onWazo() []string {
	return contents(slices.DeleteFunc(p.Wazo().Messages(p.Portal.Wazo), func(message wazotest.Message) bool {
		return !p.isRelayed(message)
	}))
}

// saidOnWazo are the texts of what people wrote on Wazo.
func (p *portal) saidOnWazo() []string {
	return contents(slices.DeleteFunc(p.Wazo().Messages(p.Portal.Wazo), p.FromRelay))
}

func contents(messages []wazotest.Message) []string {
	texts := make([]string, len(messages))
	for i, message := range messages {
		texts[i] = message.Content
	}
	return texts
}
