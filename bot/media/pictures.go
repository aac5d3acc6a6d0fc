package media

import (
	"context"
	"errors"
	"image"
	_ "image/gif"  // the types of pictures that are shown
	_ "image/jpeg" // …
	_ "image/png"  // …
	"io"
	"net/http"

	_ "golang.org/x/image/webp" // …
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// pictureTypes are the types of pictures that are shown, with the extensions of their files.
var pictureTypes = map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}

// Pictures beyond these limits, in pixels, are not shown: a small file can hold one that takes a client's memory.
const (
	maxPictureSide = 16_384
	maxPictureArea = 64 << 20
)

// ErrNoPicture says that a file cannot be shown as a picture.
var ErrNoPicture = errors.New("it is no picture of a type and size that is shown")

// Pictures shows the pictures that people name, in rooms.
type Pictures struct {
	fetcher   *Fetcher
	transfers *Transfers
}

// NewPictures returns what fetches pictures and uploads them.
func NewPictures(fetcher *Fetcher, transfers *Transfers) *Pictures {
	return &Pictures{fetcher: fetcher, transfers: transfers}
}

// Upload fetches the picture at an address that a stranger wrote (https or data), and uploads it for a room, encrypted if
// that is. Errors of the homeserver and the way to it are of type *relay.MatrixError; all others mean that it can't be shown.
func (p *Pictures) Upload(ctx context.Context, roomID id.RoomID, source string) (*relay.Picture, error) {
	file, err := tempFile()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err = p.fetcher.Fetch(ctx, file, source); err != nil {
		return nil, err
	}
	picture, err := describePicture(file)
	if err != nil {
		return nil, err
	}
	encrypted, err := p.transfers.homeserver.IsEncrypted(ctx, roomID)
	if err != nil {
		return nil, err
	}
	upload := mautrix.ReqUploadMedia{Content: file, ContentLength: int64(picture.Info.Size), ContentType: picture.Info.MimeType}
	if encrypted {
		picture.File = &event.EncryptedFileInfo{EncryptedFile: *attachment.NewEncryptedFile()}
		if err = encryptFile(file, &picture.File.EncryptedFile); err != nil {
			return nil, err
		}
		upload.ContentType = "application/octet-stream"
	}
	uri, err := p.transfers.upload(ctx, upload)
	if err != nil {
		return nil, err
	}
	if encrypted {
		picture.File.URL = uri
	} else {
		picture.URL = uri
	}
	return picture, nil
}

// describePicture finds out what is in a file by looking at its beginning, whatever others say it is, and leaves the file at
// its beginning. It never decodes a picture. It returns ErrNoPicture if that is none to be shown.
func describePicture(file io.ReadSeeker) (*relay.Picture, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	start := make([]byte, 512)
	if _, err = file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	n, err := io.ReadFull(file, start)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	mimeType := http.DetectContentType(start[:n])
	extension, known := pictureTypes[mimeType]
	if !known {
		return nil, ErrNoPicture
	}
	if _, err = file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	config, _, err := image.DecodeConfig(file)
	if err != nil || config.Width < 1 || config.Height < 1 ||
		config.Width > maxPictureSide || config.Height > maxPictureSide || config.Width*config.Height > maxPictureArea {
		return nil, ErrNoPicture
	}
	_, err = file.Seek(0, io.SeekStart)
	return &relay.Picture{
		Extension: extension,
		Info:      &event.FileInfo{MimeType: mimeType, Size: int(size), Width: config.Width, Height: config.Height},
	}, err
}
