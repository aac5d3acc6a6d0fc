package bot

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/bot/media"
	"wazo-matrix-relay/relay"
)

// pngOf is a picture of a size, in pixels.
func pngOf(t *testing.T, width, height int) []byte {
	t.Helper()
	var data bytes.Buffer
	require.NoError(t, png.Encode(&data, image.NewGray(image.Rect(0, 0, width, height))))
	return data.Bytes()
}

func dataURL(data []byte) string {
	return "data:text/html;base64," + base64.StdEncoding.EncodeToString(data) // the type is a lie
}

func TestPictureIsUploaded(t *testing.T) {
	t.Parallel()
	t.Run("as it is for a plain room", func(t *testing.T) {
		f := loggedIn(t)
		data := pngOf(t, 3, 2)
		picture, err := f.bot.UploadPicture(t.Context(), roomID, dataURL(data))
		require.NoError(t, err)
		require.Nil(t, picture.File)
		require.Equal(t, data, f.hs.files.Get(string(picture.URL)))
	})

	t.Run("encrypted for an encrypted room", func(t *testing.T) {
		f := loggedIn(t)
		f.hs.setState(roomID, "m.room.encryption", megolm)
		data := pngOf(t, 3, 2)
		picture, err := f.bot.UploadPicture(t.Context(), roomID, dataURL(data))
		require.NoError(t, err)
		require.Empty(t, picture.URL)
		stored := bytes.Clone(f.hs.files.Get(string(picture.File.URL)))
		require.NotEqual(t, data, stored)
		var file event.EncryptedFileInfo // as others get it
		require.NoError(t, json.Unmarshal(toJSON(picture.File), &file))
		require.NoError(t, file.DecryptInPlace(stored))
		require.Equal(t, data, stored)
	})

	t.Run("not if it is unknown whether the room is encrypted", func(t *testing.T) {
		f := loggedIn(t)
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/state/m.room.encryption") {
				refuse(w, 500, "M_UNKNOWN")
				return true
			}
			return false
		})
		_, err := f.bot.UploadPicture(t.Context(), roomID, dataURL(pngOf(t, 3, 2)))
		var matrixErr *relay.MatrixError
		require.ErrorAs(t, err, &matrixErr)
		require.Zero(t, f.hs.files.Len())
	})

	for status, pass := range map[int]bool{413: false, 500: true, 429: true} {
		t.Run("not if the homeserver says "+http.StatusText(status), func(t *testing.T) {
			f := loggedIn(t)
			f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, "/upload") {
					refuse(w, status, "M_UNKNOWN")
					return true
				}
				return false
			})
			_, err := f.bot.UploadPicture(t.Context(), roomID, dataURL(pngOf(t, 3, 2)))
			var matrixErr *relay.MatrixError
			require.ErrorAs(t, err, &matrixErr)
			require.Equal(t, status, matrixErr.Status)
			require.Equal(t, pass, relay.MayPass(err))
		})
	}

	t.Run("not if it is none", func(t *testing.T) {
		f := loggedIn(t)
		_, err := f.bot.UploadPicture(t.Context(), roomID, dataURL([]byte("hello")))
		require.ErrorIs(t, err, media.ErrNoPicture)
		require.Zero(t, f.hs.files.Len())
	})
}

// A picture was uploaded as it is, then the room became encrypted.
func TestPlainPictureNeverGoesIntoAnEncryptedRoom(t *testing.T) {
	t.Parallel()
	f := loggedIn(t)
	picture, err := f.bot.UploadPicture(t.Context(), roomID, dataURL(pngOf(t, 3, 2)))
	require.NoError(t, err)
	out := outgoing("")
	out.Content = &event.MessageEventContent{MsgType: event.MsgImage, Body: "a cat", URL: picture.URL, Info: picture.Info}
	out.EncryptedFallback = &event.MessageEventContent{MsgType: event.MsgText, Body: secretText}
	_, err = f.bot.Send(t.Context(), roomID, out, "before")
	require.NoError(t, err)
	require.Equal(t, "a cat", f.hs.sentTo(roomID)[0].body(), "in a plain room the picture itself is sent")

	f.hs.setState(roomID, "m.room.encryption", megolm)
	f.receive(timeline(roomID, `"events":[{"type":"m.room.encryption","state_key":"","event_id":"$e","sender":"@robin:a.example","content":{"algorithm":"m.megolm.v1.aes-sha2"}}]`))
	_, err = f.bot.Send(t.Context(), roomID, out, "after")
	require.NoError(t, err)
	sent := f.hs.sentTo(roomID)[1]
	require.Equal(t, "m.room.encrypted", sent.Type)
	clear := f.decryptSent(sent)
	require.Equal(t, secretText, clear["body"])
	require.NotContains(t, string(toJSON(clear)), picture.URL)
}

// decryptSent returns the content of an event that the bot sent encrypted.
func (f *fixture) decryptSent(sent fakeSent) map[string]any {
	f.Helper()
	evt, err := parseEvent(toJSON(map[string]any{
		"type": sent.Type, "event_id": "$" + sent.TxnID, "sender": botUser, "origin_server_ts": 1, "content": sent.Content,
	}), sent.Room)
	require.NoError(f, err)
	decrypted, err := f.bot.decryption.decrypt(f.Context(), evt)
	require.NoError(f, err)
	return decrypted.Content.Raw
}
