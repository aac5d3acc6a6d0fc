package media

import (
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // the types of pictures that are shown
	_ "image/jpeg" // …
	_ "image/png"  // …
	"io"
	"net/http"
	"os"

	_ "golang.org/x/image/webp" // …
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// pictureTypes are the types of pictures that are shown, with the extensions of their files.
var pictureTypes = map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}

// Larger pictures, in pixels, are not shown: a small file can hold a picture that takes all the memory of a client.
const (
	maxPictureSide = 16_384
	maxPictureArea = 64 << 20
)

// ErrNoPicture says that a file is not a picture that can be shown.
var ErrNoPicture = errors.New("the file is not a picture of a type and size that is shown")

// Pictures brings pictures that Wazo people name into Matrix rooms. Make it with NewPictures.
type Pictures struct {
	fetcher   *Fetcher
	transfers *Transfers
}

// NewPictures returns what fetches pictures with a fetcher and uploads them.
func NewPictures(fetcher *Fetcher, transfers *Transfers) *Pictures {
	return &Pictures{fetcher: fetcher, transfers: transfers}
}

// Upload fetches the picture at an address that a stranger wrote (https or data), and uploads it for a room. The
// picture is encrypted if the room is. Errors of the homeserver and of the way to it are of type *relay.MatrixError.
// All others mean that the picture cannot be shown, like ErrNoPicture.
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
	uploaded, err := p.upload(ctx, file, picture.Info, encrypted)
	if err != nil {
		return nil, err
	}
	picture.URL, picture.File = uploaded.URL, uploaded.File
	return picture, nil
}

// upload uploads a file from its beginning.
func (p *Pictures) upload(ctx context.Context, file *os.File, info *event.FileInfo, encrypted bool) (*Uploaded, error) {
	content := mautrix.ReqUploadMedia{Content: file, ContentLength: int64(info.Size), ContentType: info.MimeType}
	if !encrypted {
		return p.transfers.upload(ctx, content)
	}
	return p.transfers.uploadEncrypted(ctx, content, func(keys *attachment.EncryptedFile) error {
		if err := keys.EncryptFile(file); err != nil {
			return fmt.Errorf("failed to encrypt a file: %w", err)
		}
		_, err := file.Seek(0, io.SeekStart)
		return err
	})
}

// describePicture finds out what is in a file by looking at its beginning, whatever others say about it, and leaves the
// file at its beginning. It never decodes a picture. It returns ErrNoPicture if the file cannot be shown.
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
