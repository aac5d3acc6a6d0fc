package bot

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

var errNoPicture = errors.New("it is no picture of a type and size that is shown")

// UploadPicture implements relay.Matrix.
func (b *Bot) UploadPicture(ctx context.Context, roomID id.RoomID, source string) (*relay.Picture, error) {
	file, err := tempFile()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err = b.fetcher.Fetch(ctx, file, source); err != nil {
		return nil, err
	}
	picture, err := describePicture(file)
	if err != nil {
		return nil, err
	}
	encrypted, err := b.askEncrypted(ctx, roomID)
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
	uri, err := b.upload(ctx, upload)
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
// its beginning. It never decodes a picture. It returns errNoPicture if that is none to be shown.
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
		return nil, errNoPicture
	}
	if _, err = file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	config, _, err := image.DecodeConfig(file)
	if err != nil || config.Width < 1 || config.Height < 1 ||
		config.Width > maxPictureSide || config.Height > maxPictureSide || config.Width*config.Height > maxPictureArea {
		return nil, errNoPicture
	}
	_, err = file.Seek(0, io.SeekStart)
	return &relay.Picture{
		Extension: extension,
		Info:      &event.FileInfo{MimeType: mimeType, Size: int(size), Width: config.Width, Height: config.Height},
	}, err
}
