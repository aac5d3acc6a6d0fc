package cases

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

// update writes what the relay makes of the tables into them. Read the
// difference: it is what the tests will expect.
var update = flag.Bool("update", false, "write the tables in testdata anew")

// robinsName is the display name under which Robin speaks on Wazo.
const robinsName = "Robin Hood"

// toMatrixCase is what a Wazo message looks like on Matrix, without what is the
// same for all of them.
type toMatrixCase struct {
	Name      string `json:"name"`
	Content   string `json:"content"`
	Body      string `json:"body"`
	Formatted string `json:"formatted_body"`
}

// toWazoCase is what a Matrix event looks like on Wazo.
type toWazoCase struct {
	Name    string          `json:"name"`
	Type    string          `json:"type,omitempty"` // m.room.message if left out
	Send    json.RawMessage `json:"send"`
	Content string          `json:"content"` // empty: nothing
}

func TestWhatWazoMessagesLookLikeOnMatrix(t *testing.T) {
	withEachClient(t, testWhatWazoMessagesLookLikeOnMatrix)
}

func testWhatWazoMessagesLookLikeOnMatrix(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	inEachKind(t, func(t *testing.T, encrypted bool) {
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
		withTable(t, "wazo_to_matrix.json", func(t *testing.T, test *toMatrixCase) {
			seen := len(p.onScreen())
			p.post(test.Content)
			shown, err := p.Robin.WaitMany(p.ctx, p.Matrix, seen+1, p.FromWazo())
			require.NoError(t, err)
			raw := shown[seen].Content.Raw
			require.Equal(t, map[string]any{
				"id": p.author.UUID, "displayname": "Alice Martin", "has_fallback": true,
			}, raw["com.beeper.per_message_profile"])
			require.Equal(t, map[string]any{}, raw["m.mentions"], "a Wazo message pings nobody")
			require.Equal(t, "m.text", raw["msgtype"])
			require.Equal(t, "org.matrix.custom.html", raw["format"])
			if *update {
				test.Body, _ = raw["body"].(string)
				test.Formatted, _ = raw["formatted_body"].(string)
			}
			require.Equal(t, test.Body, raw["body"])
			require.Equal(t, test.Formatted, raw["formatted_body"])
		})
	})
}

// onScreen is what Robin has seen of Wazo.
func (p *portal) onScreen() (seen []harness.Entry) {
	for _, entry := range p.Robin.Timeline(p.Matrix) {
		if p.FromWazo()(entry.Event) {
			seen = append(seen, entry)
		}
	}
	return seen
}

func TestWhatMatrixMessagesLookLikeOnWazo(t *testing.T) {
	withEachClient(t, testWhatMatrixMessagesLookLikeOnWazo)
}

func testWhatMatrixMessagesLookLikeOnWazo(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	require.NoError(t, s.Robin.Matrix().SetDisplayName(s.ctx, robinsName))
	inEachKind(t, func(t *testing.T, encrypted bool) {
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
		withTable(t, "matrix_to_wazo.json", func(t *testing.T, test *toWazoCase) {
			kind := event.EventMessage
			if test.Type != "" {
				kind = event.NewEventType(test.Type)
			}
			relayed := len(p.onWazo())
			_, err := p.Robin.SendContent(p.ctx, p.Matrix, kind, test.Send)
			require.NoError(t, err)
			if test.Content == "" {
				return // the next case finds out that nothing was posted
			}
			message := p.waitNth(t, relayed+1)
			if *update {
				test.Content = message.Content
			}
			require.Equal(t, test.Content, message.Content)
			require.Equal(t, robinsName+" (Matrix)", *message.Alias)
		})
	})
}

// withTable runs a test for each case of a table in testdata.
func withTable[Case any](t *testing.T, name string, test func(*testing.T, *Case)) {
	t.Helper()
	path := filepath.Join("testdata", name)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var table []*Case
	require.NoError(t, json.Unmarshal(data, &table))
	require.NotEmpty(t, table)
	for _, one := range table {
		t.Run(nameOf(t, one), func(t *testing.T) { test(t, one) })
	}
	if *update && !t.Failed() {
		require.NoError(t, os.WriteFile(path, encodeTable(t, table), 0o644))
	}
}

func nameOf(t *testing.T, one any) string {
	t.Helper()
	switch one := one.(type) {
	case *toMatrixCase:
		return one.Name
	case *toWazoCase:
		return one.Name
	}
	t.Fatalf("no name in %T", one)
	return ""
}

// encodeTable writes a table as people like to read it, with HTML as it is.
func encodeTable(t *testing.T, table any) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(table))
	return out.Bytes()
}
