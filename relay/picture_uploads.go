package relay

import (
	"net/http"
	"sync"
	"time"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
)

// pictureWait is how long a message waits for a homeserver that works but takes no pictures. After that its pictures
// are links, or words.
const pictureWait = time.Minute

// uploads remembers what became of the pictures of messages that are being converted, over several tries. A portal has
// one such message at a time: the next in its queue.
type uploads struct {
	mu       sync.Mutex
	byPortal map[int64]*upload
	poison   task.PoisonDetector[uploadKey] // homeservers that refuse pictures and work otherwise
}

// uploadKey names what is uploaded: the pictures of a row, as long as the row is not edited.
type uploadKey struct {
	rowID    int64
	revision int
}

// upload is the uploading of one message's pictures. It belongs to the worker of the message's queue.
type upload struct {
	key     uploadKey
	settled map[int]*Picture // by index, nil if it can't be shown
	last    time.Time        // when a try last failed
}

func newUploads() uploads {
	return uploads{
		byPortal: make(map[int64]*upload),
		poison:   task.PoisonDetector[uploadKey]{Failures: 1, Period: pictureWait, Strict: true},
	}
}

// of returns what is known of a row's pictures.
func (u *uploads) of(row *db.Row) *upload {
	u.mu.Lock()
	defer u.mu.Unlock()
	key, up := uploadKey{row.ID, row.Revision}, u.byPortal[row.PortalID]
	if up == nil || up.key != key {
		up = &upload{key: key, settled: make(map[int]*Picture)}
		u.byPortal[row.PortalID] = up
	}
	return up
}

// forget forgets a portal's message: it is converted or gone.
func (u *uploads) forget(portalID int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if up := u.byPortal[portalID]; up != nil {
		u.poison.Forget(up.key)
		delete(u.byPortal, portalID)
	}
}

// failed records that the homeserver failed over pictures, and when an answer of /sync was last accepted. A homeserver
// that answers /sync between two failures works, and so does one that only limits.
func (u *uploads) failed(up *upload, now, synced time.Time, limits bool) {
	up.last = now
	if limits {
		synced = now
	}
	u.poison.Failed(up.key, now, synced)
}

// isHopeless reports whether the picture of a recorded failure is not worth waiting for any longer. If the homeserver
// is away, the text has to wait as well.
func (u *uploads) isHopeless(up *upload, failure *MatrixError) bool {
	since := u.poison.Since(up.key)
	if since.IsZero() {
		return false
	}
	left := pictureWait - up.last.Sub(since)
	return left <= 0 || failure.RetryAfter > left
}

// isLimit reports whether a homeserver only asks to wait.
func isLimit(failure *MatrixError) bool { return failure.Status == http.StatusTooManyRequests }
