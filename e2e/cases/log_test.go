package cases

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

// logLine is what tests read of a line of the relay's log.
type logLine struct {
	Level       string `json:"level"`
	Message     string `json:"message"`
	MessageID   string `json:"message_id"`
	DeliveredAs string `json:"delivered_as"`
	Direction   string `json:"direction"`
}

// logLines are the lines of the relay's log that are JSON.
func (s *fixture) logLines(t *testing.T) (lines []logLine) {
	t.Helper()
	log, err := os.ReadFile(s.Relay.LogFile())
	require.NoError(t, err)
	for line := range bytes.Lines(log) {
		var parsed logLine
		if json.Unmarshal(line, &parsed) == nil {
			lines = append(lines, parsed)
		}
	}
	require.NotEmpty(t, lines)
	return lines
}

// What people say is in no line above trace, whatever becomes of it.
func TestNothingThatPeopleSayIsInTheLogAtDebug(t *testing.T) {
	t.Parallel()
	const marker = "quetzalcoatl"
	s := open(t, withMautrix(), stage.Config{Env: map[string]string{"LOG_LEVEL": "debug", "PROBE_MINUTES": "0.1"}})
	inEachKind(t, func(t *testing.T, encrypted bool) {
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted, Name: marker + " room"})
		p.post(marker + " from Wazo")
		theirs := p.waitOnMatrix(t, marker+" from Wazo").ID
		sent, err := p.Robin.Send(p.ctx, p.Matrix, marker+" from Matrix")
		require.NoError(t, err)
		p.waitOnWazo(t, marker+" from Matrix")
		for _, content := range []map[string]any{
			{"msgtype": "m.text", "body": marker + " answers", "m.relates_to": map[string]any{"m.in_reply_to": map[string]any{"event_id": theirs}}},
			{"msgtype": "m.text", "body": "* " + marker + " edited", "m.new_content": map[string]any{"msgtype": "m.text", "body": marker + " edited"},
				"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": sent}},
		} {
			_, err = p.Robin.SendContent(p.ctx, p.Matrix, event.EventMessage, content)
			require.NoError(t, err)
		}
		p.waitOnWazo(t, marker+" edited")

		// What fails is logged, and not what is in it.
		for _, fault := range []*wazotest.Fault{
			p.Wazo().Faults().RefusePost(wazotest.HTMLError(502), wazotest.Times(1).InRoom(p.Portal.Wazo)),
			p.Wazo().Faults().RefusePost(wazotest.JSONError(400), wazotest.Times(1).InRoom(p.Portal.Wazo)),
		} {
			_, err = p.Robin.Send(p.ctx, p.Matrix, marker+" fails")
			require.NoError(t, err)
			require.NoError(t, fault.Wait(p.ctx, 1))
		}
		_, err = p.Robin.Send(p.ctx, p.Matrix, "!wazo "+marker)
		require.NoError(t, err)
		p.requireTalk(t)
	})
	s.requireNoTextInLog(t, marker, s.Cast.Relay.Password, s.Relay.Getenv("MATRIX_PASSWORD"), s.Relay.Getenv("SECRET_KEY"))
}

func TestOneIDFollowsAMessageThroughBothSides(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{Env: map[string]string{"LOG_LEVEL": "debug"}})
	p := s.link(t, harness.RoomOptions{})
	sent, err := p.Robin.Send(p.ctx, p.Matrix, "from Matrix")
	require.NoError(t, err)
	onWazo := p.waitOnWazo(t, "from Matrix")
	posted := p.post("from Wazo")
	onMatrix := p.waitOnMatrix(t, "from Wazo")
	s.awaitMetrics(t, "both to be recorded", func(m harness.Metrics) bool {
		return m[`wazo_matrix_relay_messages_total{direction="to_wazo",outcome="delivered"}`] == 1 && m[`wazo_matrix_relay_messages_total{direction="to_matrix",outcome="delivered"}`] == 1
	})
	for _, path := range []struct{ id, as, direction string }{
		{sent.String(), onWazo.UUID, "to_wazo"},
		{posted.UUID, onMatrix.ID.String(), "to_matrix"},
	} {
		var seen []string
		for _, line := range s.logLines(t) {
			if line.MessageID == path.id {
				require.Equal(t, "debug", line.Level, "info has no line for each message")
				seen = append(seen, line.Message)
				if line.DeliveredAs != "" {
					require.Equal(t, path.as, line.DeliveredAs)
					require.Equal(t, path.direction, line.Direction)
				}
			}
		}
		require.Equal(t, []string{"Accepted a message", "Finished a message"}, seen)
	}
}

func TestInfoHasNoLineForEachMessage(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{Env: map[string]string{"PROBE_MINUTES": "0.02"}})
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	p.requireTalk(t)
	before := len(s.logLines(t))
	for range 10 {
		sent, err := p.Robin.Send(p.ctx, p.Matrix, p.someWords())
		require.NoError(t, err)
		p.requireTalk(t)
		_, err = p.Robin.SendContent(p.ctx, p.Matrix, event.EventReaction, map[string]any{
			"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": sent, "key": "👍"},
		})
		require.NoError(t, err)
		_, err = p.Robin.SendContent(p.ctx, p.Matrix, event.EventMessage, map[string]any{
			"msgtype": "m.text", "body": "* changed", "m.new_content": map[string]any{"msgtype": "m.text", "body": "changed to " + p.someWords()},
			"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": sent},
		})
		require.NoError(t, err)
		_, err = p.Robin.Matrix().RedactEvent(p.ctx, p.Matrix, sent)
		require.NoError(t, err)
		p.requireTalk(t)
	}
	require.LessOrEqual(t, len(s.logLines(t))-before, 2, "%v", s.logLines(t)[before:])
}
