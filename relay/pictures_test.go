package relay

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

const pixel = "data:image/png;base64,iVBORw0KGgo="

// hasPictures lets the homeserver take the pictures behind some addresses.
func (f *fakeMatrix) hasPictures(sources ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pictures = make(map[string]func() (*Picture, error))
	for i, source := range sources {
		f.pictures[source] = func() (*Picture, error) {
			picture := &Picture{Info: &event.FileInfo{MimeType: "image/png", Size: 7, Width: 3, Height: 2}, Extension: ".png"}
			uri := id.ContentURIString("mxc://a.example/" + string(rune('a'+i)))
			if f.isEncrypted() {
				picture.File = &event.EncryptedFileInfo{URL: uri}
			} else {
				picture.URL = uri
			}
			return picture, nil
		}
	}
}

// contents returns what of Wazo people is in the room.
func (f *fakeMatrix) contents() (contents []*event.MessageEventContent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, evt := range f.rooms[roomID] {
		if evt.Tag != nil && evt.Tag.Kind == TagMessage {
			content := &event.MessageEventContent{}
			if err := json.Unmarshal(evt.Content.VeryRaw, content); err != nil {
				f.t.Error(err)
			}
			contents = append(contents, content)
		}
	}
	return contents
}

func (f *fakeMatrix) countUploads() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.uploads)
}

func linkedFixture(t *testing.T) *fixture {
	f := newFixture(t)
	f.start()
	f.link()
	return f
}

func TestPicturesOfWazoAreShown(t *testing.T) {
	t.Parallel()
	for _, encrypted := range []bool{false, true} {
		f := linkedFixture(t)
		f.matrix.encrypted = encrypted
		f.matrix.hasPictures("https://b.example/cat.jpeg", pixel)
		f.wazo.Post(f.room.UUID, f.alice, "Look: ![a cat](https://b.example/cat.jpeg)\n\n![]("+pixel+")", "")
		f.awaitShown("Alice Martin: Look: 📷 a cat\n\n📷", "Alice Martin: a cat", "Alice Martin: ")
		contents := f.matrix.contents()
		require.Equal(t, event.MsgText, contents[0].MsgType)
		for i, name := range []string{"cat.png", "picture.png"} {
			c := contents[i+1]
			require.Equal(t, event.MsgImage, c.MsgType)
			require.Equal(t, name, c.FileName, "so that the body is a caption")
			require.Equal(t, contents[0].BeeperPerMessageProfile, c.BeeperPerMessageProfile)
			require.Equal(t, &event.Mentions{}, c.Mentions)
			require.Equal(t, 3, c.Info.Width)
			require.Equal(t, encrypted, c.URL == "")
			require.Equal(t, encrypted, c.File != nil)
		}
		f.awaitEmpty()
	}
}

func TestPictureAloneIsOneEvent(t *testing.T) {
	t.Parallel()
	f := linkedFixture(t)
	f.matrix.hasPictures(pixel)
	f.wazo.Post(f.room.UUID, f.alice, "![a cat]("+pixel+")", "")
	f.awaitShown("Alice Martin: a cat")
	require.Equal(t, event.MsgImage, f.matrix.contents()[0].MsgType)
	f.awaitEmpty()
	require.Len(t, f.matrix.shown(), 1)
}

func TestPicturesThatCannotBeShown(t *testing.T) {
	t.Parallel()
	f := linkedFixture(t)
	f.matrix.hasPictures("https://b/1", "https://b/2", "https://b/3", "https://b/4", "https://b/5")
	f.matrix.pictures["https://panic.example/x.png"] = func() (*Picture, error) { panic("a picture that breaks its reader") }
	for _, test := range []struct {
		name, content string
		want          []string
	}{
		{"stay links", "![a](https://gone.example/x.png)", []string{"![a](https://gone.example/x.png)"}},
		{"stay links if looking at them panics", "![a](https://panic.example/x.png)", []string{"![a](https://panic.example/x.png)"}},
		{"are named if they stood in the message", "![a](data:image/png;base64,!)", []string{"📷 a (cannot be shown)"}},
		{
			"are more than four", "![1](https://b/1) ![2](https://b/2) ![3](https://b/3) ![4](https://b/4) ![5](https://b/5)",
			[]string{"📷 1 📷 2 📷 3 📷 4 ![5](https://b/5)", "1", "2", "3", "4"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := f.matrix.shown()
			f.wazo.Post(f.room.UUID, f.alice, test.content, "")
			f.awaitShown(append(before, prefixed("Alice Martin: ", test.want)...)...)
			f.awaitEmpty()
		})
	}
	require.Empty(t, f.matrix.allNotices(), "nobody is bothered with it")
}

func TestPictureIsUploadedOnceForARetry(t *testing.T) {
	t.Parallel()
	f := linkedFixture(t)
	f.matrix.hasPictures(pixel)
	var once sync.Once
	f.matrix.mu.Lock()
	f.matrix.forgetsTransactions = true
	f.matrix.beforeSend = func(string) (err error) {
		once.Do(func() { err = errLost })
		return err
	}
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.alice, "![a cat]("+pixel+")", "")
	f.awaitShown("Alice Martin: a cat")
	f.awaitEmpty()
	require.Len(t, f.matrix.shown(), 1)
	require.Equal(t, 1, f.matrix.countUploads())
}

func TestPictureWaitsALittleForTheHomeserver(t *testing.T) {
	t.Parallel()
	f := linkedFixture(t)
	f.matrix.hasPictures(pixel)
	good := f.matrix.pictures[pixel]
	tries := 0
	f.matrix.mu.Lock()
	f.matrix.pictures[pixel] = func() (*Picture, error) {
		if tries++; tries < 2 {
			return nil, &MatrixError{Status: 502, Err: errors.New("away")}
		}
		return good()
	}
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.alice, "![a cat]("+pixel+")", "")
	f.awaitShown("Alice Martin: a cat")
	require.Equal(t, 2, f.matrix.countUploads())
}

func TestPictureWaitsAsLongAsTheHomeserverIsAway(t *testing.T) {
	t.Parallel()
	f := linkedFixture(t)
	portal := &db.Portal{ID: 7, MatrixRoom: roomID}
	row := withPayload(&db.Row{ID: 1, PortalID: 7}, `{"uuid":"u","user_uuid":"a","room":{"uuid":"r"},"created_at":"2026-11-20T10:00:00+00:00","content":"![a cat](`+pixel+`)"}`)
	// try converts the message after a minute in which the homeserver refused pictures, and answered /sync or not.
	try := func(failure error, answers bool) ([]*matrixPart, error) {
		f.matrix.mu.Lock()
		f.matrix.pictures = map[string]func() (*Picture, error){pixel: func() (*Picture, error) { return nil, failure }}
		f.matrix.mu.Unlock()
		now := time.Now()
		f.core.uploads.forget(portal.ID)
		f.core.uploads.failed(f.core.uploads.of(row), now.Add(-pictureWait), now.Add(-pictureWait), false)
		f.core.lastSync.store(now.Add(-time.Hour))
		if answers {
			f.core.lastSync.store(now)
		}
		return newMatrixDelivery(f.core, portal, row).convert(f.ctx)
	}
	away := &MatrixError{Status: 502, Err: errors.New("away")}

	_, err := try(away, false)
	require.ErrorIs(t, err, away, "the text could not be sent either")
	notSent := &MatrixError{NotSent: true, Err: errors.New("refused")}
	_, err = try(notSent, true)
	require.ErrorIs(t, err, notSent)
	parts, err := try(away, true)
	require.NoError(t, err, "the homeserver works but takes no pictures")
	require.Len(t, parts, 1)
	require.Contains(t, parts[0].Content.Body, "a cat (cannot be shown)")
}

func TestUploadIsHopeless(t *testing.T) {
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	limit := func(seconds int) *MatrixError {
		return &MatrixError{Status: 429, RetryAfter: time.Duration(seconds) * time.Second}
	}
	away := &MatrixError{Status: 502}
	type failure struct {
		now, synced int
		err         *MatrixError
		hopeless    bool
	}
	for _, test := range []struct {
		name     string
		failures []failure
	}{
		{"never without an answer of /sync", []failure{{0, -1, away, false}, {100, -1, away, false}, {1000, -1, away, false}}},
		{"after a minute with answers of /sync", []failure{{0, -1, away, false}, {10, 5, away, false}, {69, 60, away, false}, {71, 70, away, true}}},
		{"not at once when the homeserver is back", []failure{{0, -1, away, false}, {10, 5, away, false}, {300, 5, away, false}, {400, 399, away, false}, {460, 459, away, true}}},
		{"at once if it is asked to wait for long", []failure{{0, -1, limit(61), true}}},
		{"not if it is asked to wait a little", []failure{{0, -1, limit(60), false}, {30, -1, limit(30), false}, {40, -1, limit(30), true}}},
		{"when a minute of limits is over", []failure{{0, -1, limit(1), false}, {59, -1, limit(1), false}, {60, -1, limit(0), true}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			uploads := newUploads()
			up := uploads.of(&db.Row{ID: 1, PortalID: 1})
			for _, f := range test.failures {
				uploads.failed(up, at(f.now), at(f.synced), isLimit(f.err))
				require.Equal(t, f.hopeless, uploads.isHopeless(up, f.err), "at %d s", f.now)
			}
		})
	}
}

func TestPictureDoesNotWaitForALongLimit(t *testing.T) {
	t.Parallel()
	f := linkedFixture(t)
	f.matrix.mu.Lock()
	f.matrix.pictures = map[string]func() (*Picture, error){pixel: func() (*Picture, error) {
		return nil, &MatrixError{Status: 429, RetryAfter: time.Hour, Err: errors.New("slow down")}
	}}
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.alice, "![a cat]("+pixel+")", "")
	f.awaitShown("Alice Martin: 📷 a cat (cannot be shown)")
	require.Equal(t, 1, f.matrix.countUploads())
}

func TestPicturesThatAreUploadedAreNotAgain(t *testing.T) {
	t.Parallel()
	f := linkedFixture(t)
	f.matrix.hasPictures("https://b/1", "https://b/2")
	good := f.matrix.pictures["https://b/2"]
	tries := 0
	f.matrix.mu.Lock()
	f.matrix.pictures["https://b/2"] = func() (*Picture, error) {
		if tries++; tries < 2 {
			return nil, &MatrixError{Status: 502, Err: errors.New("away")}
		}
		return good()
	}
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.alice, "![1](https://b/1) ![2](https://b/2) ![3](https://gone/3)", "")
	f.awaitShown(prefixed("Alice Martin: ", []string{"📷 1 📷 2 ![3](https://gone/3)", "1", "2"})...)
	f.awaitEmpty()
	f.matrix.mu.Lock()
	uploads := slices.Sorted(slices.Values(f.matrix.uploads))
	f.matrix.mu.Unlock()
	require.Equal(t, []string{"https://b/1", "https://b/2", "https://b/2", "https://gone/3"}, uploads)
	f.core.uploads.mu.Lock()
	remembered := len(f.core.uploads.byPortal)
	f.core.uploads.mu.Unlock()
	require.Zero(t, remembered, "nothing is remembered of what is converted")
}

func withPayload(row *db.Row, payload string) *db.Row {
	row.Kind, row.Payload = db.KindMessage, payload
	return row
}

// The room becomes encrypted after a picture was uploaded for it as it is, before its event is sent.
func TestPictureUploadedBeforeTheRoomIsEncrypted(t *testing.T) {
	t.Parallel()
	f := linkedFixture(t)
	f.matrix.hasPictures("https://b.example/cat.jpeg")
	var once sync.Once
	f.matrix.mu.Lock()
	f.matrix.beforeSend = func(string) (err error) {
		once.Do(func() {
			f.matrix.mu.Lock()
			defer f.matrix.mu.Unlock()
			f.matrix.encrypted = true
			err = &MatrixError{NotSent: true, Err: errors.New("refused")}
		})
		return err
	}
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.alice, "![a cat](https://b.example/cat.jpeg)", "")
	f.awaitShown("Alice Martin: 📷 [a cat](https://b.example/cat.jpeg)")
	content := f.matrix.contents()[0]
	require.Equal(t, event.MsgText, content.MsgType)
	require.Empty(t, content.URL)
	require.Equal(t, 1, f.matrix.countUploads())
}
