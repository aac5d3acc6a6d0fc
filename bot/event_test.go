package bot

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEventsWhoseContentTheHomeserverReplaced(t *testing.T) {
	t.Parallel()
	const message = `{"type":"m.room.message","event_id":"$a","sender":"@robin:a.example","origin_server_ts":1,"content":{"msgtype":"m.text","body":"hello"}`
	const edit = `"event_id":"$b","origin_server_ts":2,"sender":"@robin:a.example"`
	for name, test := range map[string]struct {
		event    string
		replaced bool
	}{
		"not edited":                         {message + `}`, false},
		"other relations":                    {message + `,"unsigned":{"m.relations":{"m.thread":{"count":1}}}}`, false},
		"edited, as servers do now":          {message + `,"unsigned":{"m.relations":{"m.replace":{` + edit + `,"type":"m.room.message","content":{"m.new_content":{}}}}}}`, false},
		"edited, as they did before MSC3925": {message + `,"unsigned":{"m.relations":{"m.replace":{` + edit + `}}}}`, true},
		"encrypted and edited": {`{"type":"m.room.encrypted","event_id":"$a","sender":"@robin:a.example","origin_server_ts":1,"content":{"algorithm":"m.megolm.v1.aes-sha2","session_id":"S","ciphertext":"x"},` +
			`"unsigned":{"m.relations":{"m.replace":{` + edit + `}}}}`, false},
		"nonsense": {message + `,"unsigned":{"m.relations":{"m.replace":[7]}}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := loggedIn(t)
			f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
				found := strings.HasSuffix(r.URL.Path, "/event/$a")
				if found {
					_, _ = w.Write([]byte(test.event))
				}
				return found
			})
			evt, err := f.bot.Event(t.Context(), roomID, "$a")
			require.NoError(t, err)
			require.Equal(t, test.replaced, evt.Replaced)
		})
	}
}
