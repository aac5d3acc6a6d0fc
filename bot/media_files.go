package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
)

const (
	// maxHeldFiles is how many files are at hand at a time, being fetched or read.
	maxHeldFiles = 16
	// fileLinger is how long a file stays at hand after its last reader: players ask for a video piece by piece.
	fileLinger = 30 * time.Second
	// transferTimeout is how long it may take to fetch a file from the homeserver or to upload one.
	transferTimeout = 5 * time.Minute
)

// Why a file cannot be had.
var (
	errFileGone     = errors.New("the homeserver does not have the file")
	errFileTooLarge = errors.New("the file is larger than MEDIA_MAX_SIZE")
	errFileDamaged  = errors.New("the file cannot be decrypted")
	errTooManyFiles = errors.New("too many files are being read")
)

// fetchFunc gets a file. The caller closes it.
type fetchFunc func(ctx context.Context, media *db.Media) (*os.File, int64, error)

// mediaFiles holds the files that are being read. Each is fetched once, however many ask for it at the same time.
type mediaFiles struct {
	fetch  fetchFunc
	linger time.Duration
	ctx    context.Context // of the fetches: they go on when the one who asked first is gone
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	held map[fileKey]*heldFile
}

// fileKey names a file: the same mxc may come with other keys in another message.
type fileKey struct {
	mxc       string
	encrypted string
}

// heldFile is a file at hand.
type heldFile struct {
	key     fileKey
	fetched chan struct{} // closed when the rest is known
	file    *os.File
	size    int64
	err     error

	readers int         // under mediaFiles.mu
	drop    *time.Timer // while there are none
}

// reader returns a reader of its own, which shares nothing with others.
func (h *heldFile) reader() io.ReadSeeker { return io.NewSectionReader(h.file, 0, h.size) }

func newMediaFiles(fetch fetchFunc) *mediaFiles {
	f := &mediaFiles{fetch: fetch, linger: fileLinger, held: make(map[fileKey]*heldFile)}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// open returns a file when it is fetched. The caller releases it.
func (f *mediaFiles) open(ctx context.Context, media *db.Media) (*heldFile, error) {
	h, err := f.hold(media)
	if err != nil {
		return nil, err
	}
	select {
	case <-h.fetched:
		err = h.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		f.release(h)
		return nil, err
	}
	return h, nil
}

// hold adds a reader to a file, and begins to fetch it if need be.
func (f *mediaFiles) hold(media *db.Media) (*heldFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := fileKey{string(media.MXC), media.Encrypted}
	if h := f.held[key]; h != nil {
		h.readers++
		if h.drop != nil {
			h.drop.Stop()
			h.drop = nil
		}
		return h, nil
	}
	if f.ctx.Err() != nil || len(f.held) >= maxHeldFiles && !f.dropIdle() {
		return nil, errTooManyFiles
	}
	h := &heldFile{key: key, fetched: make(chan struct{}), readers: 1}
	f.held[key] = h
	f.wg.Go(func() {
		ctx, cancel := context.WithTimeout(f.ctx, transferTimeout)
		defer cancel()
		file, size, err := f.fetch(ctx, media)
		f.settle(h, file, size, err)
	})
	return h, nil
}

// settle notes what came of fetching a file: what failed is forgotten, and what nobody waits for any more is closed.
func (f *mediaFiles) settle(h *heldFile, file *os.File, size int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h.file, h.size, h.err = file, size, err
	close(h.fetched)
	if err != nil {
		delete(f.held, h.key)
	} else if h.readers == 0 {
		f.discard(h)
	}
}

// release ends a reader.
func (f *mediaFiles) release(h *heldFile) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h.readers--
	if h.readers > 0 || f.held[h.key] != h {
		return
	}
	select {
	case <-h.fetched:
	default:
		return // see settle
	}
	var drop *time.Timer
	drop = time.AfterFunc(f.linger, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if h.drop == drop && f.held[h.key] == h {
			f.discard(h)
		}
	})
	h.drop = drop
}

// dropIdle closes a file without readers. It reports false if there is none. The lock must be held.
func (f *mediaFiles) dropIdle() bool {
	for _, h := range f.held {
		if h.drop != nil {
			f.discard(h)
			return true
		}
	}
	return false
}

// discard closes a file without readers. The lock must be held.
func (f *mediaFiles) discard(h *heldFile) {
	if h.drop != nil {
		h.drop.Stop()
	}
	delete(f.held, h.key)
	_ = h.file.Close() // it was only read, and has no name any more
}

// close ends fetches and closes all files. Readers must be gone.
func (f *mediaFiles) close() {
	f.cancel()
	f.wg.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.held {
		f.discard(h)
	}
}

// transferClient returns a client for one file. Files take long and have rate limits of their own, so they don't go through
// the gate at which everything that is said would wait for them.
func (b *Bot) transferClient() *mautrix.Client {
	b.gate.requests.RLock() // the token may be being changed
	defer b.gate.requests.RUnlock()
	return &mautrix.Client{
		HomeserverURL: b.client.HomeserverURL, UserID: b.client.UserID, DeviceID: b.client.DeviceID, AccessToken: b.client.AccessToken,
		UserAgent: b.client.UserAgent, Client: b.client.Client, Log: b.client.Log, IgnoreRateLimit: true,
	}
}

// download fetches a file from the homeserver into a temporary file. An encrypted one is decrypted on the way,
// and returned only when its hash is verified.
func (b *Bot) download(ctx context.Context, media *db.Media) (file *os.File, size int64, err error) {
	uri, err := media.MXC.Parse()
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", errFileGone, err)
	}
	resp, err := b.transferClient().Download(b.client.Log.WithContext(ctx), uri)
	if err != nil {
		if failure := toMatrixError(err); failure.Status == http.StatusNotFound {
			return nil, 0, fmt.Errorf("%w: %w", errFileGone, err)
		}
		return nil, 0, fmt.Errorf("failed to fetch a file: %w", err)
	}
	defer resp.Body.Close()
	if resp.ContentLength > b.cfg.MediaMaxSize {
		return nil, 0, errFileTooLarge
	}
	if file, err = tempFile(); err != nil {
		return nil, 0, err
	}
	if size, err = b.receiveFile(file, resp.Body, media.Encrypted); err != nil {
		_ = file.Close() // the first error says more
		return nil, 0, err
	}
	return file, size, nil
}

// receiveFile copies a file, decrypted if keys are given (the JSON of an event.EncryptedFileInfo).
func (b *Bot) receiveFile(to io.Writer, from io.Reader, keys string) (int64, error) {
	limited := io.LimitReader(from, b.cfg.MediaMaxSize+1)
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
	} else if size > b.cfg.MediaMaxSize {
		return 0, errFileTooLarge
	} else if err = verify(); err != nil {
		return 0, fmt.Errorf("%w: %w", errFileDamaged, err)
	}
	return size, nil
}
