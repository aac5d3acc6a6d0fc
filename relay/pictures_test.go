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

func linkedWorld(t *testing.T) *world {
	w := newWorld(t)
	w.start()
	w.link()
	return w
}

func TestPicturesOfWazoAreShown(t *testing.T) {
	t.Parallel()
	for _, encrypted := range []bool{false, true} {
		w := linkedWorld(t)
		w.matrix.encrypted = encrypted
		w.matrix.hasPictures("https://b.example/cat.jpeg", pixel)
		w.wazo.Post(w.room.UUID, w.alice, "Look: ![a cat](https://b.example/cat.jpeg)\n\n![]("+pixel+")", "")
		w.awaitShown("Alice Martin: Look: 📷 a cat\n\n📷", "Alice Martin: a cat", "Alice Martin: ")
		contents := w.matrix.contents()
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
		w.awaitEmpty()
	}
}

func TestPictureAloneIsOneEvent(t *testing.T) {
	t.Parallel()
	w := linkedWorld(t)
	w.matrix.hasPictures(pixel)
	w.wazo.Post(w.room.UUID, w.alice, "![a cat]("+pixel+")", "")
	w.awaitShown("Alice Martin: a cat")
	require.Equal(t, event.MsgImage, w.matrix.contents()[0].MsgType)
	w.awaitEmpty()
	require.Len(t, w.matrix.shown(), 1)
}

func TestPicturesThatCannotBeShown(t *testing.T) {
	t.Parallel()
	w := linkedWorld(t)
	w.matrix.hasPictures("https://b/1", "https://b/2", "https://b/3", "https://b/4", "https://b/5")
	w.matrix.pictures["https://panic.example/x.png"] = func() (*Picture, error) { panic("a picture that breaks its reader") }
	for _, test := range []struct {
		name, content string
		want          []string
	}{
		{"stay links", "![a](https://gone.example/x.png)", []string{"![a](https://gone.example/x.png)"}},
		{"stay links if looking at them panics", "![a](https://panic.example/x.png)", []string{"![a](https://panic.example/x.png)"}},
		{"are named if they stood in the message", "![a](data:image/png;base64,!)", []string{"📷 a (can't be shown)"}},
		{
			"are more than four", "![1](https://b/1) ![2](https://b/2) ![3](https://b/3) ![4](https://b/4) ![5](https://b/5)",
			[]string{"📷 1 📷 2 📷 3 📷 4 ![5](https://b/5)", "1", "2", "3", "4"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := w.matrix.shown()
			w.wazo.Post(w.room.UUID, w.alice, test.content, "")
			w.awaitShown(append(before, prefixed("Alice Martin: ", test.want)...)...)
			w.awaitEmpty()
		})
	}
	require.Empty(t, w.matrix.allNotices(), "nobody is bothered with it")
}

func TestPictureIsUploadedOnceForARetry(t *testing.T) {
	t.Parallel()
	w := linkedWorld(t)
	w.matrix.hasPictures(pixel)
	var once sync.Once
	w.matrix.mu.Lock()
	w.matrix.forgetsTransactions = true
	w.matrix.beforeSend = func(string) (err error) {
		once.Do(func() { err = errLost })
		return err
	}
	w.matrix.mu.Unlock()
	w.wazo.Post(w.room.UUID, w.alice, "![a cat]("+pixel+")", "")
	w.awaitShown("Alice Martin: a cat")
	w.awaitEmpty()
	require.Len(t, w.matrix.shown(), 1)
	require.Equal(t, 1, w.matrix.countUploads())
}

func TestPictureWaitsALittleForTheHomeserver(t *testing.T) {
	t.Parallel()
	w := linkedWorld(t)
	w.matrix.hasPictures(pixel)
	good := w.matrix.pictures[pixel]
	tries := 0
	w.matrix.mu.Lock()
	w.matrix.pictures[pixel] = func() (*Picture, error) {
		if tries++; tries < 2 {
			return nil, &MatrixError{Status: 502, Err: errors.New("away")}
		}
		return good()
	}
	w.matrix.mu.Unlock()
	w.wazo.Post(w.room.UUID, w.alice, "![a cat]("+pixel+")", "")
	w.awaitShown("Alice Martin: a cat")
	require.Equal(t, 2, w.matrix.countUploads())
}

func TestPictureWaitsAsLongAsTheHomeserverIsAway(t *testing.T) {
	t.Parallel()
	w := linkedWorld(t)
	portal := &db.Portal{ID: 7, MatrixRoom: roomID}
	row := withPayload(&db.Row{ID: 1, PortalID: 7}, `{"uuid":"u","user_uuid":"a","room":{"uuid":"r"},"created_at":"2026-11-20T10:00:00+00:00","content":"![a cat](`+pixel+`)"}`)
	// try converts the message after a minute in which the homeserver refused pictures, and answered /sync or not.
	try := func(failure error, answers bool) ([]*matrixPart, error) {
		w.matrix.mu.Lock()
		w.matrix.pictures = map[string]func() (*Picture, error){pixel: func() (*Picture, error) { return nil, failure }}
		w.matrix.mu.Unlock()
		now := time.Now()
		w.core.uploads.forget(portal.ID)
		w.core.uploads.failed(w.core.uploads.of(row), now.Add(-pictureWait), now.Add(-pictureWait), false)
		w.core.lastSync.store(now.Add(-time.Hour))
		if answers {
			w.core.lastSync.store(now)
		}
		return (&matrixDelivery{w.core, portal, row}).convert(w.ctx)
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
	require.Contains(t, parts[0].Content.Body, "a cat (can't be shown)")
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
	w := linkedWorld(t)
	w.matrix.mu.Lock()
	w.matrix.pictures = map[string]func() (*Picture, error){pixel: func() (*Picture, error) {
		return nil, &MatrixError{Status: 429, RetryAfter: time.Hour, Err: errors.New("slow down")}
	}}
	w.matrix.mu.Unlock()
	w.wazo.Post(w.room.UUID, w.alice, "![a cat]("+pixel+")", "")
	w.awaitShown("Alice Martin: 📷 a cat (can't be shown)")
	require.Equal(t, 1, w.matrix.countUploads())
}

func TestPicturesThatAreUploadedAreNotAgain(t *testing.T) {
	t.Parallel()
	w := linkedWorld(t)
	w.matrix.hasPictures("https://b/1", "https://b/2")
	good := w.matrix.pictures["https://b/2"]
	tries := 0
	w.matrix.mu.Lock()
	w.matrix.pictures["https://b/2"] = func() (*Picture, error) {
		if tries++; tries < 2 {
			return nil, &MatrixError{Status: 502, Err: errors.New("away")}
		}
		return good()
	}
	w.matrix.mu.Unlock()
	w.wazo.Post(w.room.UUID, w.alice, "![1](https://b/1) ![2](https://b/2) ![3](https://gone/3)", "")
	w.awaitShown(prefixed("Alice Martin: ", []string{"📷 1 📷 2 ![3](https://gone/3)", "1", "2"})...)
	w.awaitEmpty()
	w.matrix.mu.Lock()
	uploads := slices.Sorted(slices.Values(w.matrix.uploads))
	w.matrix.mu.Unlock()
	require.Equal(t, []string{"https://b/1", "https://b/2", "https://b/2", "https://gone/3"}, uploads)
	w.core.uploads.mu.Lock()
	defer w.core.uploads.mu.Unlock()
	require.Empty(t, w.core.uploads.byPortal, "nothing is remembered of what is converted")
}

func withPayload(row *db.Row, payload string) *db.Row {
	row.Kind, row.Payload = db.KindMessage, payload
	return row
}

// The room becomes encrypted after a picture was uploaded for it as it is, before its event is sent.
func TestPictureUploadedBeforeTheRoomIsEncrypted(t *testing.T) {
	t.Parallel()
	w := linkedWorld(t)
	w.matrix.hasPictures("https://b.example/cat.jpeg")
	var once sync.Once
	w.matrix.mu.Lock()
	w.matrix.beforeSend = func(string) (err error) {
		once.Do(func() {
			w.matrix.mu.Lock()
			defer w.matrix.mu.Unlock()
			w.matrix.encrypted = true
			err = &MatrixError{NotSent: true, Err: errors.New("refused")}
		})
		return err
	}
	w.matrix.mu.Unlock()
	w.wazo.Post(w.room.UUID, w.alice, "![a cat](https://b.example/cat.jpeg)", "")
	w.awaitShown("Alice Martin: 📷 [a cat](https://b.example/cat.jpeg)")
	content := w.matrix.contents()[0]
	require.Equal(t, event.MsgText, content.MsgType)
	require.Empty(t, content.URL)
	require.Equal(t, 1, w.matrix.countUploads())
}
