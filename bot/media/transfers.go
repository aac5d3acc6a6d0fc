package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

const (
	// downloadTimeout is how long a download from the homeserver may take. Only people who wait for the file wait for
	// it.
	downloadTimeout = 5 * time.Minute
	// uploadTimeout is how long an upload to the homeserver may take. The messages of a room wait for it.
	uploadTimeout = time.Minute
)

// Why a file cannot be downloaded.
var (
	errFileGone     = errors.New("the homeserver does not have the file")
	errFileTooLarge = errors.New("the file is larger than MEDIA_MAX_SIZE")
	errFileDamaged  = errors.New("the file cannot be decrypted")
)

// Transfers downloads files from the homeserver and uploads files to it. Make it with NewTransfers.
type Transfers struct {
	homeserver Homeserver
	maxSize    int64 // of a download, in bytes
}

// NewTransfers returns the transfers from and to a homeserver. Files of more than maxSize bytes are not downloaded.
func NewTransfers(homeserver Homeserver, maxSize int64) *Transfers {
	return &Transfers{homeserver: homeserver, maxSize: maxSize}
}

// Uploaded says where an uploaded file is. Exactly one of the fields is set. The database stores it as JSON.
type Uploaded struct {
	URL  id.ContentURIString      // of a file that is not encrypted
	File *event.EncryptedFileInfo // of an encrypted one, with its keys
}

// download copies a file from the homeserver into a temporary file. If the file is encrypted, it is decrypted on the
// way, and returned only when its hash is verified. The caller closes it.
//
// It returns errFileGone if the homeserver does not have the file, errFileTooLarge and errFileDamaged.
func (t *Transfers) download(ctx context.Context, media *db.Media) (file *os.File, size int64, err error) {
	uri, err := media.MXC.Parse()
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", errFileGone, err)
	}
	client := t.homeserver.Client()
	resp, err := client.Download(client.Log.WithContext(ctx), uri)
	if err != nil {
		if failure := t.homeserver.MatrixError(err); failure.Status == http.StatusNotFound {
			return nil, 0, fmt.Errorf("%w: %w", errFileGone, err)
		}
		return nil, 0, fmt.Errorf("failed to download a file: %w", err)
	}
	defer resp.Body.Close()
	if resp.ContentLength > t.maxSize {
		return nil, 0, errFileTooLarge
	}
	if file, err = tempFile(); err != nil {
		return nil, 0, err
	}
	if size, err = t.copyDecrypted(file, resp.Body, media.Encrypted); err != nil {
		_ = file.Close() // the first error says more
		return nil, 0, err
	}
	return file, size, nil
}

// copyDecrypted copies a file, and decrypts it if keys are given: the JSON of an event.EncryptedFileInfo.
func (t *Transfers) copyDecrypted(to io.Writer, from io.Reader, keys string) (int64, error) {
	limited := io.LimitReader(from, t.maxSize+1)
	verify := func() error { return nil }
	if keys != "" {
		var encrypted event.EncryptedFileInfo
		if err := json.Unmarshal([]byte(keys), &encrypted); err != nil {
			return 0, fmt.Errorf("%w: %w", errFileDamaged, err)
		} else if err = encrypted.PrepareForDecryption(); err != nil {
			return 0, fmt.Errorf("%w: %w", errFileDamaged, err)
		}
		decrypting := encrypted.DecryptStream(limited)
		limited, verify = decrypting, decrypting.Close
	}
	size, err := io.Copy(to, limited)
	if err != nil {
		return 0, fmt.Errorf("failed to download a file: %w", err)
	} else if size > t.maxSize {
		return 0, errFileTooLarge
	} else if err = verify(); err != nil {
		return 0, fmt.Errorf("%w: %w", errFileDamaged, err)
	}
	return size, nil
}

// upload uploads a file as it is.
func (t *Transfers) upload(ctx context.Context, content mautrix.ReqUploadMedia) (*Uploaded, error) {
	uri, err := t.send(ctx, content)
	if err != nil {
		return nil, err
	}
	return &Uploaded{URL: uri}, nil
}

// uploadEncrypted uploads a file that encrypt encrypts in place.
func (t *Transfers) uploadEncrypted(ctx context.Context, content mautrix.ReqUploadMedia, encrypt func(*attachment.EncryptedFile) error) (*Uploaded, error) {
	file := &event.EncryptedFileInfo{EncryptedFile: *attachment.NewEncryptedFile()}
	if err := encrypt(&file.EncryptedFile); err != nil {
		return nil, err
	}
	content.ContentType = "application/octet-stream" // the homeserver is not told what is in it
	uri, err := t.send(ctx, content)
	if err != nil {
		return nil, err
	}
	file.URL = uri
	return &Uploaded{File: file}, nil
}

// send uploads bytes. Its errors are of type *relay.MatrixError.
func (t *Transfers) send(ctx context.Context, content mautrix.ReqUploadMedia) (id.ContentURIString, error) {
	client := t.homeserver.Client()
	ctx, cancel := context.WithTimeout(client.Log.WithContext(ctx), uploadTimeout)
	defer cancel()
	resp, err := client.UploadMedia(ctx, content)
	if err != nil {
		return "", t.homeserver.MatrixError(err)
	} else if resp.ContentURI.IsEmpty() {
		return "", &relay.MatrixError{Err: errors.New("the homeserver's answer names no file")}
	}
	return resp.ContentURI.CUString(), nil
}

// tempFile makes a temporary file without a name: it is gone when the process ends, however it ends.
func tempFile() (*os.File, error) {
	file, err := os.CreateTemp("", "wazo-matrix-relay-")
	if err != nil {
		return nil, fmt.Errorf("failed to make a temporary file: %w", err)
	}
	if err = os.Remove(file.Name()); err != nil {
		_ = file.Close() // the first error says more
		return nil, fmt.Errorf("failed to make a temporary file: %w", err)
	}
	return file, nil
}
