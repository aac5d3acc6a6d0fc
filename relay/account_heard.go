package relay

import (
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// heardUntil returns up to when it is known in which rooms somebody wrote to the account.
func (a *account) heardUntil() db.WazoTime {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.row.HeardUntil
}

func (a *account) setHeardUntil(until db.WazoTime) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.row.HeardUntil = until
}

// knowsRoom reports whether a room is among those that were last listed.
func (a *account) knowsRoom(room wazoapi.UUID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, known := a.rooms[room]
	return known
}
