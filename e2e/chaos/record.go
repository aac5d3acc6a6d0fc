package chaos

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
)

// recorded is one message as a server has it, for the person who looks for what
// became of it.
type recorded struct {
	At      time.Time `json:"at"`
	ID      string    `json:"id"`
	From    string    `json:"from"`
	Text    string    `json:"text,omitempty"`
	Tag     any       `json:"tag,omitempty"`     // the relay's own, see relay.Tag
	Session any       `json:"session,omitempty"` // of an event that cannot be decrypted
	Type    string    `json:"type,omitempty"`
	Alias   string    `json:"alias,omitempty"`
	About   any       `json:"about,omitempty"` // what the event relates to
	Redacts string    `json:"redacts,omitempty"`
	Gone    bool      `json:"gone,omitempty"` // the event was redacted
}

// record writes what both servers have of a place into files of the directory that
// the configuration names, a line per message.
func (s *fixture) record(p *place, history []*event.Event) error {
	if s.cfg.Record == "" {
		return nil
	}
	var onMatrix, onWazo []recorded
	for _, evt := range history {
		line := recorded{
			At: time.UnixMilli(evt.Timestamp).UTC(), ID: evt.ID.String(), From: evt.Sender.String(), Type: evt.Type.Type,
			Tag: evt.Content.Raw["io.wazo.relay"], Session: evt.Content.Raw["session_id"],
			About: evt.Content.Raw[relatesTo], Redacts: evt.Redacts.String(), Gone: evt.Unsigned.RedactedBecause != nil,
		}
		line.Text, _ = evt.Content.Raw["body"].(string)
		onMatrix = append(onMatrix, line)
	}
	for _, message := range s.Wazo.Messages(p.Wazo) {
		onWazo = append(onWazo, recordedOnWazo(message))
	}
	return errors.Join(
		writeLines(filepath.Join(s.cfg.Record, p.name+" matrix.jsonl"), onMatrix),
		writeLines(filepath.Join(s.cfg.Record, p.name+" wazo.jsonl"), onWazo),
	)
}

func recordedOnWazo(message wazotest.Message) recorded {
	line := recorded{At: message.CreatedAt.UTC(), ID: message.UUID, From: message.UserUUID, Text: message.Content}
	if message.Alias != nil {
		line.Alias = *message.Alias
	}
	return line
}

func writeLines(file string, lines []recorded) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	for _, line := range lines {
		if err = encoder.Encode(line); err != nil {
			break
		}
	}
	return errors.Join(err, out.Close())
}
