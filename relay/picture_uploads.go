package relay

import (
	"net/http"
	"sync"
	"time"

	"wazo-matrix-relay/db"
)

// pictureWait is how long a message waits for a homeserver that works but takes no pictures. After that its pictures are
// links, or words.
const pictureWait = time.Minute

// uploads remembers what became of the pictures of messages that are being converted, over several tries. A portal has one
// such message at a time: the next in its queue.
type uploads struct {
	mu       sync.Mutex
	byPortal map[int64]*upload
}

// upload is the uploading of one message's pictures. It belongs to the worker of the message's queue.
type upload struct {
	row      int64
	revision int
	settled  map[int]*Picture // by index, nil if it can't be shown

	last    time.Time // when a try last failed
	working time.Time // since when the homeserver refuses pictures and works otherwise, as far as is known; zero: it may be away
}

// of returns what is known of a row's pictures.
func (u *uploads) of(row *db.Row) *upload {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byPortal == nil {
		u.byPortal = make(map[int64]*upload)
	}
	up := u.byPortal[row.PortalID]
	if up == nil || up.row != row.ID || up.revision != row.Revision {
		up = &upload{row: row.ID, revision: row.Revision, settled: make(map[int]*Picture)}
		u.byPortal[row.PortalID] = up
	}
	return up
}

// forget forgets a portal's message: it is converted or gone.
func (u *uploads) forget(portalID int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.byPortal, portalID)
}

// note notes that the homeserver failed over pictures, and when an answer of /sync was last accepted. A homeserver works that
// answers /sync between two failures, or limits.
func (up *upload) note(now, synced time.Time, limits bool) {
	switch {
	case !limits && (up.last.IsZero() || !synced.After(up.last)):
		up.working = time.Time{}
	case up.working.IsZero():
		up.working = now
	}
	up.last = now
}

// isHopeless reports whether the picture of a noted failure is not worth waiting for any longer. If the homeserver is away,
// the text has to wait as well.
func (up *upload) isHopeless(failure *MatrixError) bool {
	if up.working.IsZero() {
		return false
	}
	left := pictureWait - up.last.Sub(up.working)
	return left <= 0 || failure.RetryAfter > left
}

// isLimit reports whether a homeserver only asks to wait.
func isLimit(failure *MatrixError) bool { return failure.Status == http.StatusTooManyRequests }
