package bot

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

// The fixture logs at debug level; only trace shows contents.
func TestWhatPeopleSayDoesNotReachTheLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	f.wazo.Post(f.project.UUID, f.alice, "said on Wazo", "")
	f.hs.awaitSent(roomID, "said on Wazo")
	f.hs.say(roomID, adminUser, "said on Matrix")
	f.awaitOnWazo("said on Matrix")
	f.stop()
	logged := f.logged.String()
	require.NotEmpty(t, logged)
	for _, text := range []string{"said on Wazo", "said on Matrix", botPassword, f.bot.client.AccessToken} {
		require.NotContains(t, logged, text)
	}
}

func TestWhatIsEndedOnPurposeIsNoWarning(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	f.hs.allSeen()
	require.NoError(t, f.bot.Resync(t.Context()))
	f.hs.allSeen()
	f.stop()
	for line := range strings.Lines(f.logged.String()) {
		require.NotRegexp(t, `"level":"(warn|error)"`, line)
	}
}

// The log says why a room is silent: it has one line for each change.
func TestEachChangeOfARoomIsOneLine(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	awaitLine := func(text string) {
		t.Helper()
		await.Until(t, text, func() bool { return strings.Contains(f.logged.String(), text) })
	}
	f.wazo.RemoveMember(f.project.UUID, f.account)
	f.hs.say(roomID, adminUser, "into the void")
	awaitLine(`"reason":"no_room"`)
	f.wazo.AddMember(f.project.UUID, f.account)
	awaitLine("A room that was paused goes on")
	f.awaitOnWazo("into the void")
	require.NoError(t, f.core.Unlink(t.Context(), roomID))
	f.stop()
	var changes []string
	for line := range strings.Lines(f.logged.String()) {
		for _, change := range []string{"Linked a room", "Paused a room", "A room that was paused goes on", "Ended the link of a room"} {
			if strings.Contains(line, change) {
				require.Contains(t, line, `"level":"info"`)
				require.Contains(t, line, `"room_id":"`+roomID.String()+`"`)
				changes = append(changes, change)
			}
		}
	}
	// The two directions may pause, and go on, one after the other. The link may end while one is still paused.
	require.Equal(t, []string{"Linked a room", "Paused a room"}, changes[:2])
	require.Contains(t, changes, "A room that was paused goes on")
	require.Equal(t, "Ended the link of a room", changes[len(changes)-1])
	require.LessOrEqual(t, len(changes), 6)
}

// Nothing is left of the ciphertext of a redacted message, so that it cannot be decrypted.
func TestRedactedCiphertextIsNoWarning(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	redacted := string(f.hs.newEventID())
	f.hs.pushTimeline(roomID,
		`{"type":"m.room.encrypted","event_id":"`+redacted+`","sender":"@robin:a.example","content":{},"unsigned":{"redacted_because":{"type":"m.room.redaction","event_id":"$why","sender":"@robin:a.example","content":{}}}}`,
		`{"type":"m.room.encrypted","event_id":"`+string(f.hs.newEventID())+`","sender":"@robin:a.example","content":{}}`)
	f.hs.say(roomID, adminUser, "said after it")
	f.awaitOnWazo("said after it")
	f.stop()
	for line := range strings.Lines(f.logged.String()) {
		require.NotRegexp(t, `"level":"(warn|error)"`, line)
	}
}

func TestAFailureIsOneLineWithoutQuery(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		answer func(w http.ResponseWriter)
	}{
		{"no answer", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }},
		{"the page of a proxy", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>\r\n<title>filter=</title>\r\n</html>")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.first()
			f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
				fails := strings.HasSuffix(r.URL.Path, "/sync") && !strings.Contains(f.logged.String(), "Failed to sync")
				if fails {
					test.answer(w)
				}
				return fails
			})
			f.hs.push(`"rooms":{}`) // ends the running poll
			f.hs.allSeen()
			await.Until(t, "the end of the outage", func() bool { return strings.Contains(f.logged.String(), "Works again") })
			f.stop()
			var failures []string
			for line := range strings.Lines(f.logged.String()) {
				if strings.Contains(line, `"level":"warn"`) || strings.Contains(line, `"level":"error"`) {
					failures = append(failures, line)
				}
			}
			require.Len(t, failures, 1)
			require.Contains(t, failures[0], "Failed to sync")
			require.NotContains(t, failures[0], "filter=")
		})
	}
}
