package relay

import (
	"cmp"
	"hash/maphash"
	"slices"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// heard returns up to when it is known in which rooms somebody wrote to the account, and the newest message of each
// room when that was last looked up, nil if it was not since the start.
func (a *account) heard() (until db.WazoTime, latest latestMessages) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.row.HeardUntil, a.latest
}

// mayBeIn reports whether the account is probably a member of a room: it was when its rooms were last listed, or when
// it last looked for news. It makes no request.
func (a *account) mayBeIn(room wazoapi.UUID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rooms.has(room) || a.latest.has(room)
}

func (a *account) setHeard(until db.WazoTime, latest latestMessages) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.row.HeardUntil, a.latest = until, latest
}

// latestMessages is the newest message of each of an account's rooms, sorted by their rooms. There may be a thousand
// accounts with thousands of rooms, so fingerprints stand for the uuids.
type latestMessages []latestMessage

type latestMessage struct{ room, message uint64 }

var fingerprintSeed = maphash.MakeSeed()

func fingerprint(uuid wazoapi.UUID) uint64 { return maphash.String(fingerprintSeed, string(uuid)) }

// newLatestMessages returns what the newest messages are, one of each room. It is not nil.
func newLatestMessages(messages []wazoapi.Message) latestMessages {
	latest := make(latestMessages, len(messages))
	for i, m := range messages {
		latest[i] = latestMessage{fingerprint(m.Room), fingerprint(m.UUID)}
	}
	slices.SortFunc(latest, func(x, y latestMessage) int { return cmp.Compare(x.room, y.room) })
	return latest
}

func (l latestMessages) find(room wazoapi.UUID) (int, bool) {
	return slices.BinarySearchFunc(l, fingerprint(room), func(m latestMessage, room uint64) int { return cmp.Compare(m.room, room) })
}

func (l latestMessages) has(room wazoapi.UUID) bool {
	_, there := l.find(room)
	return there
}

// includes reports whether a message was the newest one of its room.
func (l latestMessages) includes(m wazoapi.Message) bool {
	i, there := l.find(m.Room)
	return there && l[i].message == fingerprint(m.UUID)
}
