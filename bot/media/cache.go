package media

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
)

const (
	// maxCachedFiles is how many files are kept at a time. Those that are being downloaded or read count too.
	maxCachedFiles = 16
	// cacheIdleTime is how long a file is kept that nobody reads. Players ask for a video piece by piece, and people
	// who gave up waiting for a large file ask again.
	cacheIdleTime = 30 * time.Second
)

var (
	errTooManyFiles = errors.New("too many files are being read")
	errFetchPanic   = errors.New("panic while downloading the file")
)

// fetchFunc gets a file. The caller closes it.
type fetchFunc func(ctx context.Context, media *db.Media) (*os.File, int64, error)

// fileCache keeps the files that are being read. Each is fetched once, however many people ask for it at the same time.
type fileCache struct {
	fetch    fetchFunc
	idleTime time.Duration
	ctx      context.Context // of the fetches: they go on when the reader who asked first is gone
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu    sync.Mutex
	files map[fileKey]*cachedFile
}

// fileKey identifies a file. The same mxc URI may come with other decryption keys in another message.
type fileKey struct {
	mxc       string
	encrypted string
}

// cachedFile is a file that is being fetched or read, or was read a moment ago.
type cachedFile struct {
	key     fileKey
	fetched chan struct{} // closed when the next three fields are known
	file    *os.File
	size    int64
	err     error

	readers int         // under fileCache.mu
	expiry  *time.Timer // closes the file while it has no readers; under fileCache.mu
}

// reader returns a reader of the whole file that shares its position with no other reader.
func (f *cachedFile) reader() io.ReadSeeker { return io.NewSectionReader(f.file, 0, f.size) }

func newFileCache(fetch fetchFunc, log *zerolog.Logger) *fileCache {
	c := &fileCache{fetch: fetch, idleTime: cacheIdleTime, files: make(map[fileKey]*cachedFile)}
	c.ctx, c.cancel = context.WithCancel(log.WithContext(context.Background()))
	return c
}

// open returns a file when it is fetched. The caller releases it. It returns errTooManyFiles if there is no room for
// another file, and otherwise the error of the fetch or of ctx.
func (c *fileCache) open(ctx context.Context, media *db.Media) (*cachedFile, error) {
	f, err := c.acquire(media)
	if err != nil {
		return nil, err
	}
	select {
	case <-f.fetched:
		err = f.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		c.release(f)
		return nil, err
	}
	return f, nil
}

// acquire adds a reader to a file, and begins to fetch the file if it is not there.
func (c *fileCache) acquire(media *db.Media) (*cachedFile, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := fileKey{string(media.MXC), media.Encrypted}
	if f := c.files[key]; f != nil {
		f.readers++
		if f.expiry != nil {
			f.expiry.Stop()
			f.expiry = nil
		}
		return f, nil
	}
	if c.ctx.Err() != nil || len(c.files) >= maxCachedFiles && !c.evictIdle() {
		return nil, errTooManyFiles
	}
	f := &cachedFile{key: key, fetched: make(chan struct{}), readers: 1}
	c.files[key] = f
	c.wg.Go(func() {
		ctx, cancel := context.WithTimeout(c.ctx, downloadTimeout)
		defer cancel()
		file, size, err := c.guardedFetch(ctx, media)
		c.finishFetch(f, file, size, err)
	})
	return f, nil
}

// guardedFetch fetches a file. A panic in the fetch becomes errFetchPanic, which does not hold the panic's value: the
// value may be secret, and the error is logged.
func (c *fileCache) guardedFetch(ctx context.Context, media *db.Media) (file *os.File, size int64, err error) {
	err = task.Guard(ctx, func() (err error) {
		file, size, err = c.fetch(ctx, media)
		return err
	})
	var panicked *task.PanicError
	if errors.As(err, &panicked) {
		err = errFetchPanic
	}
	return file, size, err
}

// finishFetch stores the result of a fetch. A failure is not kept, so that the next request tries again. A file is kept
// even if nobody waits for it any more: readers who were impatient come again.
func (c *fileCache) finishFetch(f *cachedFile, file *os.File, size int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.file, f.size, f.err = file, size, err
	close(f.fetched)
	if err != nil {
		delete(c.files, f.key)
	} else if f.readers == 0 {
		c.startExpiry(f)
	}
}

// release removes a reader from a file.
func (c *fileCache) release(f *cachedFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.readers--
	if f.readers > 0 || c.files[f.key] != f {
		return
	}
	select {
	case <-f.fetched:
		c.startExpiry(f)
	default: // it is being fetched, and finishFetch starts the expiry
	}
}

// startExpiry closes a file without readers after a while, unless a reader comes. The lock must be held.
func (c *fileCache) startExpiry(f *cachedFile) {
	var expiry *time.Timer
	expiry = time.AfterFunc(c.idleTime, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if f.expiry == expiry && c.files[f.key] == f {
			c.evict(f)
		}
	})
	f.expiry = expiry
}

// evictIdle closes a file without readers. It reports false if there is none. The lock must be held.
func (c *fileCache) evictIdle() bool {
	for _, f := range c.files {
		if f.expiry != nil {
			c.evict(f)
			return true
		}
	}
	return false
}

// evict closes a file without readers. The lock must be held.
func (c *fileCache) evict(f *cachedFile) {
	if f.expiry != nil {
		f.expiry.Stop()
	}
	delete(c.files, f.key)
	_ = f.file.Close() // it was only read, and has no name any more
}

// close ends all fetches and closes all files. Readers must be gone.
func (c *fileCache) close() {
	c.cancel()
	c.wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.files {
		c.evict(f)
	}
}
