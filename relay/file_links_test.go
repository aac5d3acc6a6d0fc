package relay

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// servingWorld is a linked world in which files reach people on Wazo.
func servingWorld(t *testing.T) *world {
	w := newWorld(t)
	w.media = MediaConfig{URL: "https://relay.example.org/media", Life: time.Hour, MaxSize: 1000}
	w.start()
	w.link()
	return w
}

// sendFile lets a person send a picture.
func (w *world) sendFile(content map[string]any) id.EventID {
	content["msgtype"] = "m.image"
	return w.matrix.add(roomID, adminUser, event.EventMessage, content)
}

var fileLink = regexp.MustCompile(`^📷 picture: \[cat\.jpg\]\(https://relay\.example\.org/media/([\w-]{22,})/cat\.jpg\)`)

// awaitFile waits for a file on Wazo and returns what is stored of it.
func (w *world) awaitFile() *db.Media {
	w.Helper()
	require.Eventually(w, func() bool { return len(w.relayed()) > 0 }, waitFor, tick)
	match := fileLink.FindStringSubmatch(w.relayed()[0])
	require.NotNil(w, match, w.relayed()[0])
	media, err := w.db.Media.ByKey(w.ctx, match[1], jsontime.UM(time.Now()))
	require.NoError(w, err)
	return media
}

func (w *world) countMedia() (n int) {
	w.Helper()
	require.NoError(w, w.db.QueryRow(w.ctx, "SELECT COUNT(*) FROM media").Scan(&n))
	return n
}

func cat() map[string]any {
	return map[string]any{"body": "cat.jpg", "url": "mxc://a.example/cat", "info": map[string]any{"mimetype": "image/jpeg", "size": 999}}
}

func TestFileIsALinkOnWazo(t *testing.T) {
	t.Parallel()
	w := servingWorld(t)
	eventID := w.sendFile(cat())
	media := w.awaitFile()
	require.NotNil(t, media)
	require.WithinDuration(t, time.Now().Add(time.Hour), media.ExpiresAt.Time, time.Minute)
	require.Equal(t, &db.Media{
		Key: w.db.Media.Key(roomID, eventID), Room: roomID, EventID: eventID, MXC: "mxc://a.example/cat", Name: "cat.jpg", MimeType: "image/jpeg",
		CreatedAt: media.CreatedAt, ExpiresAt: media.ExpiresAt,
	}, media)

	t.Run("until the message is redacted", func(t *testing.T) {
		w.matrix.redact(adminUser, eventID, true)
		require.Eventually(t, func() bool { return w.countMedia() == 0 }, waitFor, tick)
	})
}

func TestFileWithoutLink(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		content map[string]any
		off     bool
		want    string
	}{
		{"links are off", cat(), true, "📷 picture: cat.jpg (999 bytes)"},
		{"it is too large", map[string]any{"body": "cat.jpg", "url": "mxc://a.example/cat", "info": map[string]any{"size": 1001}}, false, "📷 picture: cat.jpg (1.0 kB)"},
		{"its address is none", map[string]any{"body": "cat.jpg", "url": "mxc://a.example/../cat"}, false, "📷 picture: cat.jpg"},
		{"it has no address", map[string]any{"body": "cat.jpg"}, false, "📷 picture: cat.jpg"},
		{"its keys are broken", map[string]any{"body": "cat.jpg", "file": map[string]any{"url": "mxc://a.example/cat", "v": "v2"}}, false, "📷 picture: cat.jpg"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if !test.off {
				w.media = MediaConfig{URL: "https://relay.example.org/media", Life: time.Hour, MaxSize: 1000}
			}
			w.start()
			w.link()
			w.sendFile(test.content)
			w.awaitRelayed(test.want)
			require.Zero(t, w.countMedia())
		})
	}
}

func TestFileIsPostedAgainWithTheSameLink(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*wazotest.Faults) *wazotest.Fault{
		"stored and the answer lost": func(f *wazotest.Faults) *wazotest.Fault { return f.CutPost(wazotest.Times(1)) },
		"not stored, for all one knows": func(f *wazotest.Faults) *wazotest.Fault {
			return f.RefusePost(wazotest.JSONError(500), wazotest.Times(1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := servingWorld(t)
			fired := fault(w.wazo.Faults())
			w.sendFile(cat())
			require.NotNil(t, w.awaitFile())
			w.awaitEmpty()
			require.Positive(t, fired.Fired())
			require.Len(t, w.relayed(), 1)
			require.Equal(t, 1, w.countMedia())
		})
	}
}

func TestFileIsFoundAgainInARestoredDatabase(t *testing.T) {
	t.Parallel()
	w := servingWorld(t)
	w.halt()
	restore := w.snapshot()
	w.start()
	w.sendFile(cat())
	media := w.awaitFile()
	require.NotNil(t, media)
	w.awaitEmpty()
	w.halt()
	restore()
	w.start()
	require.Eventually(t, func() bool { return w.countMedia() == 1 }, waitFor, tick)
	w.awaitEmpty()
	require.Len(t, w.relayed(), 1, "it was not posted again")
	again := w.awaitFile()
	require.NotNil(t, again, "the link that was posted before works again")
	require.Equal(t, media.MXC, again.MXC)
}

// awaitMedia waits until so many files are stored.
func (w *world) awaitMedia(n int) {
	w.Helper()
	require.Eventually(w, func() bool { return w.countMedia() == n }, waitFor, tick)
}

func TestLinksOfEditsEndWithTheMessage(t *testing.T) {
	t.Parallel()
	w := servingWorld(t)
	original := w.sendFile(cat())
	edit := func() id.EventID {
		content, edited := cat(), cat()
		edited["msgtype"] = "m.image"
		content["m.new_content"] = edited
		content["m.relates_to"] = map[string]any{"rel_type": "m.replace", "event_id": original}
		return w.sendFile(content)
	}
	w.awaitMedia(1)
	w.awaitEmpty()
	first := edit()
	edit()
	w.awaitMedia(3)
	w.matrix.redact(adminUser, first, true)
	w.awaitMedia(2)
	w.matrix.redact(adminUser, original, true)
	w.awaitMedia(0)
}

func TestLinksEndWithoutAPortal(t *testing.T) {
	t.Parallel()
	t.Run("after the end of the link", func(t *testing.T) {
		t.Parallel()
		w := servingWorld(t)
		sent := w.sendFile(cat())
		w.awaitMedia(1)
		w.awaitEmpty()
		require.NoError(t, w.core.Unlink(w.ctx, roomID))
		w.matrix.redact(adminUser, sent, false)
		w.awaitMedia(0)
	})

	t.Run("in the room that was upgraded", func(t *testing.T) {
		t.Parallel()
		w := servingWorld(t)
		sent := w.sendFile(cat())
		w.awaitMedia(1)
		w.awaitEmpty()
		require.NoError(t, w.core.Move(w.ctx, roomID, "!new:a.example", ""))
		w.matrix.redact(adminUser, sent, true)
		w.awaitMedia(0)
	})

	t.Run("by a redaction that is found in a gap", func(t *testing.T) {
		t.Parallel()
		w := servingWorld(t)
		sent := w.sendFile(cat())
		w.awaitMedia(1)
		w.awaitEmpty()
		w.matrix.setPaused(true)
		w.matrix.mu.Lock()
		w.matrix.limit = 3
		w.matrix.mu.Unlock()
		w.matrix.redact(adminUser, sent, true)
		for _, text := range numbered("m", 5) {
			w.matrix.say(adminUser, text)
		}
		w.matrix.setPaused(false)
		w.awaitMedia(0)
	})
}

func TestWhatIsRedacted(t *testing.T) {
	evt := func(redacts id.EventID, content map[string]any) *event.Event {
		return &event.Event{Redacts: redacts, Content: event.Content{Raw: content}}
	}
	require.EqualValues(t, "$a", redacted(evt("$a", nil)))
	require.EqualValues(t, "$b", redacted(evt("", map[string]any{"redacts": "$b"})))
	require.EqualValues(t, "$a", redacted(evt("$a", map[string]any{"redacts": "$b"})), "in older rooms the content says nothing")
	require.Empty(t, redacted(evt("", map[string]any{"redacts": 7})))
}

func TestLinkOfARetriedMessageWorksLonger(t *testing.T) {
	t.Parallel()
	w := servingWorld(t)
	fault := w.wazo.Faults().RefusePost(wazotest.JSONError(400), wazotest.Times(1))
	sent := w.sendFile(cat())
	w.matrix.awaitNotice(txt.NotDelivered(txt.Why(words.WhyRefused)))
	require.Positive(t, fault.Fired())
	key := w.db.Media.Key(roomID, sent)
	require.NoError(t, w.db.Media.Extend(w.ctx, key, jsontime.UM(time.Now().Add(time.Minute))))
	_, err := w.core.Retry(w.ctx, roomID)
	require.NoError(t, err)
	media := w.awaitFile()
	require.NotNil(t, media)
	require.WithinDuration(t, time.Now().Add(time.Hour), media.ExpiresAt.Time, time.Minute)
}
