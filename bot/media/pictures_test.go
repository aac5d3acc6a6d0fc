package media

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay"
)

// pngOf is a picture of a size, in pixels.
func pngOf(t *testing.T, width, height int) []byte {
	t.Helper()
	var data bytes.Buffer
	require.NoError(t, png.Encode(&data, image.NewGray(image.Rect(0, 0, width, height))))
	return data.Bytes()
}

// hugePNG is a picture that only says that it is of a size.
func hugePNG(t *testing.T, width, height uint32) []byte {
	t.Helper()
	data := pngOf(t, 1, 1)
	header := data[12 : 12+4+13] // after the signature and the length: type and content of IHDR
	binary.BigEndian.PutUint32(header[4:], width)
	binary.BigEndian.PutUint32(header[8:], height)
	binary.BigEndian.PutUint32(data[12+4+13:], crc32.ChecksumIEEE(header))
	return data
}

func TestPicturesAreDescribed(t *testing.T) {
	t.Parallel()
	gray := image.NewGray(image.Rect(0, 0, 3, 2))
	var asJPEG, asGIF bytes.Buffer
	require.NoError(t, jpeg.Encode(&asJPEG, gray, nil))
	require.NoError(t, gif.Encode(&asGIF, gray, nil))
	// A lossless WebP of one pixel.
	webp, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	require.NoError(t, err)
	for _, test := range []struct {
		name, mimeType, extension string
		data                      []byte
		width, height             int
	}{
		{"png", "image/png", ".png", pngOf(t, 3, 2), 3, 2},
		{"jpeg", "image/jpeg", ".jpg", asJPEG.Bytes(), 3, 2},
		{"gif", "image/gif", ".gif", asGIF.Bytes(), 3, 2},
		{"webp", "image/webp", ".webp", webp, 1, 1},
		{"as large as it may be", "image/png", ".png", hugePNG(t, 16_384, 4096), 16_384, 4096},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := describePicture(bytes.NewReader(test.data))
			require.NoError(t, err)
			require.Equal(t, &relay.Picture{
				Extension: test.extension, Info: &event.FileInfo{MimeType: test.mimeType, Size: len(test.data), Width: test.width, Height: test.height},
			}, got)
		})
	}
	for _, test := range []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"text", []byte("hello")},
		{"HTML", []byte("<html><script>alert(1)</script>")},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)},
		{"a type that is not shown", []byte("BM" + strings.Repeat("\x00", 100))},
		{"only the beginning of a picture", pngOf(t, 3, 2)[:20]},
		{"a picture of no width", hugePNG(t, 0, 5)},
		{"a picture that is too wide", hugePNG(t, 16_385, 1)},
		{"a picture that is too high", hugePNG(t, 1, 1<<31-1)},
		{"a picture with too many pixels", hugePNG(t, 16_384, 16_384)},
	} {
		t.Run("not: "+test.name, func(t *testing.T) {
			_, err := describePicture(bytes.NewReader(test.data))
			require.ErrorIs(t, err, ErrNoPicture)
		})
	}
}

func TestPicturesAreUploaded(t *testing.T) {
	t.Parallel()
	newPictures := func(f *fixture) *Pictures { return NewPictures(NewFetcher(nil, maxSize, "relay/1"), f.transfers) }
	dataURL := func(data []byte) string { return "data:;base64," + base64.StdEncoding.EncodeToString(data) }

	t.Run("as they are for a plain room", func(t *testing.T) {
		t.Parallel()
		f, data := newFixture(t), pngOf(t, 3, 2)
		picture, err := newPictures(f).Upload(t.Context(), roomID, dataURL(data))
		require.NoError(t, err)
		require.Nil(t, picture.File)
		require.Equal(t, data, f.files.Get(string(picture.URL)))
		require.Equal(t, ".png", picture.Extension)
		require.Equal(t, len(data), picture.Info.Size)
	})

	t.Run("encrypted for an encrypted room", func(t *testing.T) {
		t.Parallel()
		f, data := newFixture(t), pngOf(t, 3, 2)
		f.encrypted = true
		contentType := make(chan string, 1)
		f.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
			contentType <- r.Header.Get("Content-Type")
			return false
		})
		picture, err := newPictures(f).Upload(t.Context(), roomID, dataURL(data))
		require.NoError(t, err)
		require.Empty(t, picture.URL)
		require.Equal(t, "application/octet-stream", <-contentType, "the homeserver does not learn what it is")
		stored := bytes.Clone(f.files.Get(string(picture.File.URL)))
		require.NotEqual(t, data, stored)
		var file event.EncryptedFileInfo // as others get it
		require.NoError(t, json.Unmarshal(toJSON(picture.File), &file))
		require.NoError(t, file.DecryptInPlace(stored))
		require.Equal(t, data, stored)
	})

	t.Run("not if the homeserver names no file", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.onRequest(func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte("{}"))
			return true
		})
		_, err := newPictures(f).Upload(t.Context(), roomID, dataURL(pngOf(t, 3, 2)))
		var matrixErr *relay.MatrixError
		require.ErrorAs(t, err, &matrixErr)
	})

	t.Run("not if they are larger than the limit", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		_, err := newPictures(f).Upload(t.Context(), roomID, dataURL(make([]byte, maxSize+1)))
		require.ErrorIs(t, err, errFetchTooLarge)
		require.Zero(t, f.files.Len())
	})
}
