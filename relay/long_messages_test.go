package relay

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
)

// longText is a text that takes eight events, or three and a file.
var longText = strings.Repeat(strings.Repeat("word ", 200)+"\n\n", 120)

// postLong has a very long text posted on Wazo, and returns the events that show it.
func (f *fixture) postLong() []shownEvent {
	f.Helper()
	f.wazo.Post(f.room.UUID, f.alice, longText, "")
	f.wazo.Post(f.room.UUID, f.alice, "end", "")
	await.Until(f, "the message behind it", func() bool {
		shown := f.matrix.shown()
		return len(shown) > 0 && shown[len(shown)-1] == "Alice Martin: end"
	})
	shown := f.awaitEvents(len(f.matrix.shown()))
	return shown[:len(shown)-1]
}

// uploaded returns the text files that were uploaded.
func (f *fakeMatrix) uploadedTexts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.texts
}

// text is the text of events as it was typed.
func textOf(shown []shownEvent) string {
	var text strings.Builder
	for _, content := range shown {
		text.WriteString(strings.TrimPrefix(content.Body, "Alice Martin: "))
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

func TestRestOfALongMessageIsAFile(t *testing.T) {
	t.Parallel()
	for name, encrypted := range map[string]bool{"plain room": false, "encrypted room": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.matrix.encrypted = encrypted
			f.start()
			f.link()
			shown := f.postLong()
			require.Len(t, shown, convert.MostParts+1)
			file := shown[convert.MostParts]
			require.Equal(t, string(words.RestOfMessage), file.FileName)
			require.Equal(t, encrypted, file.File != nil)
			require.Equal(t, encrypted, file.URL == "", "a file of an encrypted room is encrypted, and has no other address")
			require.Len(t, f.matrix.uploadedTexts(), 1)
			all := textOf(shown[:convert.MostParts]) + " " + strings.TrimSpace(f.matrix.uploadedTexts()[0])
			require.Equal(t, strings.Join(strings.Fields(longText), " "), strings.Join(strings.Fields(all), " "), "the file continues the text")
		})
	}
}

func TestLongMessageIsShownAsAWholeIfNoFileIsTaken(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"it is larger than the limit": &MatrixError{Status: 413, Code: "M_TOO_LARGE", Err: errors.New("too large")},
		"the bot may not upload":      &MatrixError{Status: 403, Code: "M_FORBIDDEN", Err: errors.New("no")},
		"there is no media service":   &MatrixError{Status: 404, Code: "M_UNRECOGNIZED", Err: errors.New("unrecognized")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.matrix.textError = err
			f.start()
			f.link()
			shown := f.postLong()
			require.Len(t, shown, 8)
			require.Equal(t, strings.Join(strings.Fields(longText), " "), textOf(shown))
			require.Empty(t, f.matrix.allNotices(), "nobody has to do anything")
		})
	}
}

// All of the text would be very many events.
func TestLongMessageWaitsForAHomeserverThatFails(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"it cannot be reached":      &MatrixError{NotSent: true, Err: errors.New("connection refused")},
		"the media service is down": &MatrixError{Status: 502, Err: errors.New("bad gateway")},
		"too many uploads":          &MatrixError{Status: 429, Code: "M_LIMIT_EXCEEDED", Err: errors.New("slow down")},
		"the answer is lost":        errLost,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.link()
			f.matrix.setTextError(err)
			f.wazo.Post(f.room.UUID, f.bob, "before", "")
			f.wazo.Post(f.room.UUID, f.alice, longText, "")
			f.awaitShown("Bob Stone: before")
			await.Until(t, "a try", func() bool {
				portal, err := f.core.Portal(f.ctx, roomID)
				return err == nil && portal.LastError != ""
			})
			f.matrix.setTextError(nil)
			shown := f.awaitEvents(convert.MostParts + 2)
			require.Equal(t, string(words.RestOfMessage), shown[convert.MostParts+1].FileName)
		})
	}
}

func TestRestOfALongMessageIsUploadedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	failures := 0
	f.matrix.mu.Lock()
	f.matrix.beforeSend = func(body string) error { // the file is not sent at first, and after that nobody knows
		if body != "Alice Martin: " || failures == 2 { // the file has no other text
			return nil
		}
		failures++
		return &MatrixError{NotSent: failures == 1, Err: errors.New("connection refused")}
	}
	f.matrix.mu.Unlock()
	require.Len(t, f.postLong(), convert.MostParts+1)
	require.Len(t, f.matrix.uploadedTexts(), 1)
	require.Equal(t, 2, failures)
}

// The rest was uploaded as it is, then the room became encrypted: nothing may lead to the file.
func TestRestOfALongMessageInARoomThatBecomesEncrypted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.matrix.mu.Lock()
	f.matrix.afterSend = func(string) error {
		f.matrix.mu.Lock()
		defer f.matrix.mu.Unlock()
		f.matrix.encrypted = true
		return nil
	}
	f.matrix.mu.Unlock()
	shown := f.postLong()
	require.Len(t, shown, convert.MostParts+1)
	last := shown[convert.MostParts]
	require.Empty(t, last.URL)
	require.Nil(t, last.File)
	require.Contains(t, last.Body, "word word")
	require.True(t, strings.HasSuffix(last.Body, string(words.RestIsMissing)), "people know that there is more")
	require.LessOrEqual(t, convert.EventSize(&last.MessageEventContent), convert.MaxEventBytes)
}

// setTextError says why no text file is taken, nil if they are.
func (f *fakeMatrix) setTextError(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.textError = err
}
