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
	// downloadTimeout is how long it may take to fetch a file from the homeserver: people wait for it, nothing else does.
	downloadTimeout = 5 * time.Minute
	// uploadTimeout is how long it may take to upload one: the messages of a room wait for it.
	uploadTimeout = time.Minute
)

// Homeserver is what this package needs of the Matrix account.
type Homeserver struct {
	// Client returns a client for one transfer, with the access token of this moment. It must return at once the errors of
	// rate limits, and be allowed to make requests beside all others of the account.
	Client func() *mautrix.Client
	// IsEncrypted reports whether a room is encrypted. Its errors are of type *relay.MatrixError.
	IsEncrypted func(ctx context.Context, roomID id.RoomID) (bool, error)
	// MatrixError says what an error of the client means.
	MatrixError func(err error) *relay.MatrixError
}

// Transfers downloads files from the homeserver and uploads files to it.
type Transfers struct {
	homeserver Homeserver
	maxSize    int64 // of a download, in bytes
}

// NewTransfers returns the transfers from and to a homeserver. Files of more than maxSize bytes are not downloaded.
func NewTransfers(homeserver Homeserver, maxSize int64) *Transfers {
	return &Transfers{homeserver: homeserver, maxSize: maxSize}
}

// download fetches a file from the homeserver into a temporary file. An encrypted one is decrypted on the way,
// and returned only when its hash is verified.
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
		return nil, 0, fmt.Errorf("failed to fetch a file: %w", err)
	}
	defer resp.Body.Close()
	if resp.ContentLength > t.maxSize {
		return nil, 0, errFileTooLarge
	}
	if file, err = tempFile(); err != nil {
		return nil, 0, err
	}
	if size, err = t.receiveFile(file, resp.Body, media.Encrypted); err != nil {
		_ = file.Close() // the first error says more
		return nil, 0, err
	}
	return file, size, nil
}

// receiveFile copies a file, decrypted if keys are given (the JSON of an event.EncryptedFileInfo).
func (t *Transfers) receiveFile(to io.Writer, from io.Reader, keys string) (int64, error) {
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
		return 0, fmt.Errorf("failed to fetch a file: %w", err)
	} else if size > t.maxSize {
		return 0, errFileTooLarge
	} else if err = verify(); err != nil {
		return 0, fmt.Errorf("%w: %w", errFileDamaged, err)
	}
	return size, nil
}

// upload uploads a file. Errors are of type *relay.MatrixError.
func (t *Transfers) upload(ctx context.Context, file mautrix.ReqUploadMedia) (id.ContentURIString, error) {
	client := t.homeserver.Client()
	ctx, cancel := context.WithTimeout(client.Log.WithContext(ctx), uploadTimeout)
	defer cancel()
	resp, err := client.UploadMedia(ctx, file)
	if err != nil {
		return "", t.homeserver.MatrixError(err)
	} else if resp.ContentURI.IsEmpty() {
		return "", &relay.MatrixError{Err: errors.New("the homeserver's answer names no file")}
	}
	return resp.ContentURI.CUString(), nil
}

// tempFile makes a file that has no name any more: it is gone with the process, whatever ends that.
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

// encryptFile encrypts a file in its place and leaves it at its beginning.
func encryptFile(file *os.File, keys *attachment.EncryptedFile) error {
	if err := keys.EncryptFile(file); err != nil {
		return fmt.Errorf("failed to encrypt a file: %w", err)
	}
	_, err := file.Seek(0, io.SeekStart)
	return err
}
