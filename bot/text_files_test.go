package bot

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay"
)

func TestTextFileIsUploaded(t *testing.T) {
	t.Parallel()
	const text = "the rest of a very long message"
	t.Run("as it is for a plain room", func(t *testing.T) {
		f := loggedIn(t)
		file, err := f.bot.UploadText(t.Context(), roomID, text)
		require.NoError(t, err)
		require.Nil(t, file.File)
		require.Equal(t, text, string(f.hs.files.Get(string(file.URL))))
	})

	t.Run("encrypted for an encrypted room", func(t *testing.T) {
		f := loggedIn(t)
		f.hs.setState(roomID, "m.room.encryption", megolm)
		file, err := f.bot.UploadText(t.Context(), roomID, text)
		require.NoError(t, err)
		require.Empty(t, file.URL)
		stored := bytes.Clone(f.hs.files.Get(string(file.File.URL)))
		require.NotContains(t, string(stored), "message")
		var keys event.EncryptedFileInfo // as others get it
		require.NoError(t, json.Unmarshal(toJSON(file.File), &keys))
		require.NoError(t, keys.DecryptInPlace(stored))
		require.Equal(t, text, string(stored))
	})

	for name, test := range map[string]struct {
		refused string
		waits   bool
	}{
		"not if it is unknown whether the room is encrypted": {"/state/m.room.encryption", true},
		"not if it is larger than the homeserver takes":      {"/upload", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := loggedIn(t)
			f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
				found := strings.HasSuffix(r.URL.Path, test.refused) || strings.Contains(r.URL.Path, test.refused+"/")
				if found {
					refuse(w, 413, "M_TOO_LARGE")
				}
				return found
			})
			_, err := f.bot.UploadText(t.Context(), roomID, text)
			var failure *relay.MatrixError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, 413, failure.Status)
			require.Equal(t, test.waits, failure.NotSent, "the message waits for it")
			require.Zero(t, f.hs.files.Len())
		})
	}
}
