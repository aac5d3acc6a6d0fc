package relay

import (
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// heard returns up to when it is known in which rooms somebody wrote to the account, and the newest message of each
// room when that was last looked up, nil if it was not since the start.
func (a *account) heard() (until db.WazoTime, latest map[wazoapi.UUID]wazoapi.UUID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.row.HeardUntil, a.latest
}

// mayBeIn reports whether the account is probably a member of a room: it was when its rooms were last listed, or when
// it last looked for news. It makes no request.
func (a *account) mayBeIn(room wazoapi.UUID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, listed := a.rooms[room]
	_, heard := a.latest[room]
	return listed || heard
}

func (a *account) setHeard(until db.WazoTime, latest map[wazoapi.UUID]wazoapi.UUID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.row.HeardUntil, a.latest = until, latest
}
