package media

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
)

const (
	// maxHeldFiles is how many files are at hand at a time, being fetched or read.
	maxHeldFiles = 16
	// fileLinger is how long a file stays at hand that nobody reads: players ask for a video piece by piece, and who gave up
	// waiting for a large file asks again.
	fileLinger = 30 * time.Second
)

// Why a file cannot be had.
var (
	errFileGone     = errors.New("the homeserver does not have the file")
	errFileTooLarge = errors.New("the file is larger than MEDIA_MAX_SIZE")
	errFileDamaged  = errors.New("the file cannot be decrypted")
	errTooManyFiles = errors.New("too many files are being read")
	errFetchPanic   = errors.New("panic while fetching the file")
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

func newMediaFiles(fetch fetchFunc, log *zerolog.Logger) *mediaFiles {
	f := &mediaFiles{fetch: fetch, linger: fileLinger, held: make(map[fileKey]*heldFile)}
	f.ctx, f.cancel = context.WithCancel(log.WithContext(context.Background()))
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
		ctx, cancel := context.WithTimeout(f.ctx, downloadTimeout)
		defer cancel()
		file, size, err := f.fetchSafely(ctx, media)
		f.settle(h, file, size, err)
	})
	return h, nil
}

// fetchSafely is fetch; a panic in it is an error, not the end of the process.
func (f *mediaFiles) fetchSafely(ctx context.Context, media *db.Media) (file *os.File, size int64, err error) {
	defer func() {
		if recover() != nil {
			zerolog.Ctx(ctx).Error().Bytes(zerolog.ErrorStackFieldName, debug.Stack()).Msg("Panic") // its value may be secret
			file, size, err = nil, 0, errFetchPanic
		}
	}()
	return f.fetch(ctx, media)
}

// settle notes what came of fetching a file: what failed is forgotten. What nobody waits for any more stays at hand all the
// same: those who were impatient come again.
func (f *mediaFiles) settle(h *heldFile, file *os.File, size int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h.file, h.size, h.err = file, size, err
	close(h.fetched)
	if err != nil {
		delete(f.held, h.key)
	} else if h.readers == 0 {
		f.dropLater(h)
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
	f.dropLater(h)
}

// dropLater closes a file without readers after a while, unless one comes. The lock must be held.
func (f *mediaFiles) dropLater(h *heldFile) {
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
