package bot

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

const secretText = "the launch is on Friday"

func outgoing(text string) relay.Outgoing {
	return relay.Outgoing{
		Type: event.EventMessage, Content: &event.MessageEventContent{MsgType: event.MsgText, Body: text},
		Tag: relay.Tag{Kind: relay.TagMessage, UUID: "8b3d8f20-0000-4000-8000-000000000001"},
	}
}

// loggedIn returns a fixture whose bot is logged in and does not run: nothing but the test makes it send.
func loggedIn(t *testing.T) *fixture {
	f := newFixture(t)
	f.haveDevice()
	f.open()
	require.NoError(t, f.bot.Login(t.Context()))
	return f
}

func (f *fixture) send(room id.RoomID, text, txnID string) error {
	_, err := f.bot.Send(f.Context(), room, outgoing(text), txnID)
	return err
}

var megolm = map[string]any{"algorithm": "m.megolm.v1.aes-sha2"}

// requireEncrypted checks that exactly one event was sent, as ciphertext that does not contain the text.
func (f *fixture) requireEncrypted() {
	f.Helper()
	sent := f.hs.sentTo(roomID)
	require.Len(f, sent, 1)
	require.Equal(f, "m.room.encrypted", sent[0].Type)
	require.Contains(f, sent[0].Content, "ciphertext")
	require.Contains(f, sent[0].Content, relay.TagKey, "our own key stands beside the ciphertext")
	require.NotContains(f, string(toJSON(sent[0].Content)), secretText)
}

func TestPlaintextNeverGoesIntoAnEncryptedRoom(t *testing.T) {
	t.Parallel()
	t.Run("a plain room gets plain text", func(t *testing.T) {
		f := loggedIn(t)
		require.NoError(t, f.send(roomID, secretText, "t"))
		require.Equal(t, secretText, f.hs.sentTo(roomID)[0].body())
		require.Equal(t, "m.room.message", f.hs.sentTo(roomID)[0].Type)
	})

	t.Run("only the homeserver knows that the room is encrypted", func(t *testing.T) {
		f := loggedIn(t)
		f.hs.setState(roomID, "m.room.encryption", megolm)
		require.NoError(t, f.send(roomID, secretText, "t"))
		f.requireEncrypted()
	})

	t.Run("an encryption event that makes no sense is still one", func(t *testing.T) {
		f := loggedIn(t)
		f.hs.setState(roomID, "m.room.encryption", map[string]any{})
		_ = f.send(roomID, secretText, "t") // it may be refused
		for _, sent := range f.hs.sentTo(roomID) {
			require.NotContains(t, string(toJSON(sent.Content)), secretText)
		}
	})

	for _, failure := range []struct {
		name   string
		path   string
		answer func(w http.ResponseWriter)
	}{
		{"the state cannot be read", "/state/m.room.encryption", func(w http.ResponseWriter) { refuse(w, 500, "M_UNKNOWN") }},
		{"the state may not be read", "/state/m.room.encryption", func(w http.ResponseWriter) { refuse(w, 403, "M_FORBIDDEN") }},
		{"a proxy says 404", "/state/m.room.encryption", func(w http.ResponseWriter) { w.WriteHeader(404) }},
		{"the state is not JSON", "/state/m.room.encryption", func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) }},
		{"the connection breaks", "/state/m.room.encryption", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }},
		{"the members cannot be read", "/members", func(w http.ResponseWriter) { refuse(w, 500, "M_UNKNOWN") }},
		{"nobody can be asked for devices", "/keys/query", func(w http.ResponseWriter) { refuse(w, 502, "M_UNKNOWN") }},
		{"the answer about devices breaks off", "/keys/query", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }},
		{"the room's key cannot be handed out", "/sendToDevice/", func(w http.ResponseWriter) { refuse(w, 500, "M_UNKNOWN") }},
	} {
		t.Run("nothing is sent if "+failure.name, func(t *testing.T) {
			f := loggedIn(t)
			f.hs.setState(roomID, "m.room.encryption", megolm)
			f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, failure.path) {
					return false
				}
				failure.answer(w)
				return true
			})
			err := f.send(roomID, secretText, "t")
			var matrixErr *relay.MatrixError
			require.ErrorAs(t, err, &matrixErr)
			require.True(t, matrixErr.NotSent, "the core must know that nothing was sent")
			require.Empty(t, f.hs.sentTo(roomID))
			// Nor has the bot learned from the failure that the room is plain.
			f.hs.onRequest(nil)
			require.NoError(t, f.send(roomID, secretText, "t"))
			f.requireEncrypted()
		})
	}

	t.Run("nothing is sent if the event cannot be encrypted", func(t *testing.T) {
		f := loggedIn(t)
		f.hs.setState(roomID, "m.room.encryption", megolm)
		repair := f.refuseWrites("INSERT", "crypto_megolm_outbound_session", "true")
		err := f.send(roomID, secretText, "t")
		var matrixErr *relay.MatrixError
		require.ErrorAs(t, err, &matrixErr)
		require.True(t, matrixErr.NotSent)
		require.Empty(t, f.hs.sentTo(roomID))
		repair()
		require.NoError(t, f.send(roomID, secretText, "t"))
		f.requireEncrypted()
	})

	t.Run("a room may have become encrypted since the last event, /sync has not said so yet", func(t *testing.T) {
		f := loggedIn(t)
		require.NoError(t, f.send(roomID, "before", "1"))
		f.hs.setState(roomID, "m.room.encryption", megolm)
		require.NoError(t, f.send(roomID, secretText, "2"))
		sent := f.hs.sentTo(roomID)
		require.Len(t, sent, 2)
		require.Equal(t, "m.room.encrypted", sent[1].Type)
	})

	t.Run("that a room is encrypted is asked once", func(t *testing.T) {
		f := loggedIn(t)
		f.hs.setState(roomID, "m.room.encryption", megolm)
		for _, txnID := range []string{"1", "2", "3"} {
			require.NoError(t, f.send(roomID, "hello", txnID))
		}
		asked := 0
		for _, request := range f.hs.requests {
			if strings.Contains(request, "m.room.encryption") {
				asked++
			}
		}
		require.Equal(t, 1, asked)
	})
}

func TestRoomThatBecomesEncrypted(t *testing.T) {
	t.Parallel()
	encryption := `{"type":"m.room.encryption","state_key":"","event_id":"$e","sender":"@robin:a.example","content":{"algorithm":"m.megolm.v1.aes-sha2"}}`
	for name, answer := range map[string]string{
		"in the timeline":                      timeline(roomID, `"events":[`+encryption+`]`),
		"in the state before a limited answer": `"rooms":{"join":{"` + roomID.String() + `":{"state":{"events":[` + encryption + `]},"timeline":{"limited":true,"prev_batch":"p","events":[]}}}}`,
	} {
		t.Run("a sync event says so "+name, func(t *testing.T) {
			f := loggedIn(t)
			require.NoError(t, f.send(roomID, "before", "1"))
			f.hs.setState(roomID, "m.room.encryption", megolm)
			f.receive(answer)
			require.NoError(t, f.send(roomID, secretText, "2"))
			sent := f.hs.sentTo(roomID)
			require.Len(t, sent, 2)
			require.Equal(t, "m.room.encrypted", sent[1].Type)
			require.NotContains(t, string(toJSON(sent[1].Content)), secretText)
		})
	}

	t.Run("what was seen once is never unlearned", func(t *testing.T) {
		f := loggedIn(t)
		f.receive(timeline(roomID, `"events":[`+encryption+`]`))
		// The homeserver does not know of it, or not any more.
		_ = f.send(roomID, secretText, "1") // it may be refused
		for _, sent := range f.hs.sentTo(roomID) {
			require.Equal(t, "m.room.encrypted", sent.Type)
			require.NotContains(t, string(toJSON(sent.Content)), secretText)
		}
	})

	t.Run("also with a content that cannot be parsed", func(t *testing.T) {
		f := loggedIn(t)
		require.NoError(t, f.send(roomID, "before", "1"))
		f.receive(timeline(roomID, `"events":[{"type":"m.room.encryption","state_key":"","event_id":"$e","sender":"@robin:a.example","content":{"algorithm":7}}]`))
		f.hs.setState(roomID, "m.room.encryption", megolm)
		_ = f.send(roomID, secretText, "2") // it may be refused
		for _, sent := range f.hs.sentTo(roomID) {
			require.NotContains(t, string(toJSON(sent.Content)), secretText)
		}
	})
}

// receive gives the bot an answer of /sync as the sync loop does, without the core.
func (f *fixture) receive(members string) relay.Sync {
	f.Helper()
	var answer syncAnswer
	require.NoError(f, json.Unmarshal([]byte(`{"next_batch":"s1",`+members+`}`), &answer))
	received, err := f.bot.receiver.receive(f.Context(), &answer, "s0")
	require.NoError(f, err)
	return received
}
