package relay

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// servingFixture is a linked fixture in which files reach people on Wazo.
func servingFixture(t *testing.T) *fixture {
	f := newFixture(t)
	f.media = MediaConfig{URL: "https://relay.example.org/media", Life: time.Hour, MaxSize: 1000}
	f.start()
	f.link()
	return f
}

// sendFile lets a person send a picture.
func (f *fixture) sendFile(content map[string]any) id.EventID {
	content["msgtype"] = "m.image"
	return f.matrix.add(roomID, adminUser, event.EventMessage, content)
}

var fileLink = regexp.MustCompile(`^📷 picture: \[cat\.jpg\]\(https://relay\.example\.org/media/([\w-]{22,})/cat\.jpg\)`)

// awaitFile waits for a file on Wazo and returns what is stored of it.
func (f *fixture) awaitFile() *db.Media {
	f.Helper()
	await.Until(f, "a message on Wazo", func() bool { return len(f.relayed()) > 0 })
	match := fileLink.FindStringSubmatch(f.relayed()[0])
	require.NotNil(f, match, f.relayed()[0])
	media, err := f.db.Media.ByKey(f.ctx, match[1], jsontime.UM(time.Now()))
	require.NoError(f, err)
	return media
}

func (f *fixture) countMedia() (n int) {
	f.Helper()
	require.NoError(f, f.db.QueryRow(f.ctx, "SELECT COUNT(*) FROM media").Scan(&n))
	return n
}

func cat() map[string]any {
	return map[string]any{"body": "cat.jpg", "url": "mxc://a.example/cat", "info": map[string]any{"mimetype": "image/jpeg", "size": 999}}
}

func TestFileIsALinkOnWazo(t *testing.T) {
	t.Parallel()
	f := servingFixture(t)
	eventID := f.sendFile(cat())
	media := f.awaitFile()
	require.NotNil(t, media)
	require.WithinDuration(t, time.Now().Add(time.Hour), media.ExpiresAt.Time, time.Minute)
	require.Equal(t, &db.Media{
		Key: f.db.Media.Key(roomID, eventID), Room: roomID, EventID: eventID, MXC: "mxc://a.example/cat", Name: "cat.jpg", MimeType: "image/jpeg",
		CreatedAt: media.CreatedAt, ExpiresAt: media.ExpiresAt,
	}, media)

	t.Run("until the message is redacted", func(t *testing.T) {
		f.matrix.redact(adminUser, eventID, true)
		f.awaitMedia(0)
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
			f := newFixture(t)
			if !test.off {
				f.media = MediaConfig{URL: "https://relay.example.org/media", Life: time.Hour, MaxSize: 1000}
			}
			f.start()
			f.link()
			f.sendFile(test.content)
			f.awaitRelayed(test.want)
			require.Zero(t, f.countMedia())
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
			f := servingFixture(t)
			fired := fault(f.wazo.Faults())
			f.sendFile(cat())
			require.NotNil(t, f.awaitFile())
			f.awaitEmpty()
			require.Positive(t, fired.Fired())
			require.Len(t, f.relayed(), 1)
			require.Equal(t, 1, f.countMedia())
		})
	}
}

func TestFileIsFoundAgainInARestoredDatabase(t *testing.T) {
	t.Parallel()
	f := servingFixture(t)
	f.halt()
	restore := f.snapshot()
	f.start()
	f.sendFile(cat())
	media := f.awaitFile()
	require.NotNil(t, media)
	f.awaitEmpty()
	f.halt()
	restore()
	f.start()
	f.awaitMedia(1)
	f.awaitEmpty()
	require.Len(t, f.relayed(), 1, "it was not posted again")
	again := f.awaitFile()
	require.NotNil(t, again, "the link that was posted before works again")
	require.Equal(t, media.MXC, again.MXC)
}

// awaitMedia waits until so many files are stored.
func (f *fixture) awaitMedia(n int) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%d files in the database", n), func() bool { return f.countMedia() == n })
}

func TestLinksOfEditsEndWithTheMessage(t *testing.T) {
	t.Parallel()
	f := servingFixture(t)
	original := f.sendFile(cat())
	edit := func(file string) id.EventID {
		content, edited := cat(), cat()
		edited["msgtype"], edited["url"] = "m.image", "mxc://a.example/"+file
		content["m.new_content"] = edited
		content["m.relates_to"] = map[string]any{"rel_type": "m.replace", "event_id": original}
		return f.sendFile(content)
	}
	f.awaitMedia(1)
	f.awaitEmpty()
	first := edit("dog")
	f.awaitMedia(2)
	edit("bird")
	f.awaitMedia(3)
	f.matrix.redact(adminUser, first, true)
	f.awaitMedia(2)
	f.matrix.redact(adminUser, original, true)
	f.awaitMedia(0)
}

func TestLinksEndWithoutAPortal(t *testing.T) {
	t.Parallel()
	t.Run("after the end of the link", func(t *testing.T) {
		t.Parallel()
		f := servingFixture(t)
		sent := f.sendFile(cat())
		f.awaitMedia(1)
		f.awaitEmpty()
		require.NoError(t, f.core.Unlink(f.ctx, roomID))
		f.matrix.redact(adminUser, sent, false)
		f.awaitMedia(0)
	})

	t.Run("in the room that was upgraded", func(t *testing.T) {
		t.Parallel()
		f := servingFixture(t)
		sent := f.sendFile(cat())
		f.awaitMedia(1)
		f.awaitEmpty()
		require.NoError(t, f.core.Move(f.ctx, roomID, "!new:a.example", ""))
		f.matrix.redact(adminUser, sent, true)
		f.awaitMedia(0)
	})

	t.Run("by a redaction that is found in a gap", func(t *testing.T) {
		t.Parallel()
		f := servingFixture(t)
		sent := f.sendFile(cat())
		f.awaitMedia(1)
		f.awaitEmpty()
		f.matrix.setPaused(true)
		f.matrix.mu.Lock()
		f.matrix.limit = 3
		f.matrix.mu.Unlock()
		f.matrix.redact(adminUser, sent, true)
		for _, text := range numbered("m", 5) {
			f.matrix.say(adminUser, text)
		}
		f.matrix.setPaused(false)
		f.awaitMedia(0)
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
	f := servingFixture(t)
	fault := f.wazo.Faults().RefusePost(wazotest.JSONError(400), wazotest.Times(1))
	sent := f.sendFile(cat())
	f.matrix.awaitNotice(txt.NotDelivered(txt.Why(words.WhyWazoRefused)))
	require.Positive(t, fault.Fired())
	key := f.db.Media.Key(roomID, sent)
	require.NoError(t, f.db.Media.Extend(f.ctx, key, jsontime.UM(time.Now().Add(time.Minute))))
	_, err := f.core.Retry(f.ctx, roomID)
	require.NoError(t, err)
	media := f.awaitFile()
	require.NotNil(t, media)
	require.WithinDuration(t, time.Now().Add(time.Hour), media.ExpiresAt.Time, time.Minute)
}
