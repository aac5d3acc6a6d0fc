package bot

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

// An event of the bot that the homeserver stores after its message was sent again is taken back, also if that fails at
// first. One that may not be taken back is no reason to try for ever.
func TestDuplicateIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		answers []int // how the homeserver answers, the last one again and again
		tries   int
	}{
		{"at once", []int{http.StatusOK}, 1},
		{"when the homeserver is back", []int{http.StatusBadGateway, http.StatusOK}, 2},
		{"unless that is forbidden", []int{http.StatusForbidden}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.first()
			f.link()
			f.wazo.Post(f.project.UUID, f.alice, "hello", "")
			var again string
			f.hs.await("the message", func() bool {
				for _, sent := range f.hs.sent {
					if strings.Contains(sent.body(), "hello") {
						again = string(toJSON(map[string]any{"type": sent.Type, "event_id": "$late", "sender": botUser, "origin_server_ts": 1, "content": sent.Content}))
					}
				}
				return again != ""
			})
			var mu sync.Mutex
			var asked []string
			f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, "/redact/") {
					return false
				}
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, strings.SplitAfter(r.URL.Path, "/redact/")[1])
				if status := test.answers[min(len(asked), len(test.answers))-1]; status != http.StatusOK {
					refuse(w, status, map[int]string{http.StatusForbidden: "M_FORBIDDEN"}[status])
				} else {
					f.hs.answer(w, map[string]any{"event_id": "$redaction"})
				}
				return true
			})
			f.hs.pushTimeline(roomID, again)
			f.hs.allSeen()
			f.inboxIsEmpty()
			mu.Lock()
			defer mu.Unlock()
			require.Len(t, asked, test.tries)
			for _, path := range asked {
				require.Equal(t, asked[0], path, "the same transaction")
				require.True(t, strings.HasPrefix(path, "$late/"), path)
			}
			await.Until(t, "the message to be recorded", func() bool {
				rows, err := f.db.Queue.Busy(t.Context())
				return err == nil && len(rows) == 0
			})
		})
	}
}
