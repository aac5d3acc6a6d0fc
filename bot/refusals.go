package bot

import (
	"maps"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"
)

// refusals remembers who was told that they may not command the bot.
type refusals struct {
	mu   sync.Mutex
	told map[id.UserID]time.Time
}

// refusalTime is how long nobody is told again.
const refusalTime = time.Hour

// first reports whether a person is to be told.
func (r *refusals) first(user id.UserID, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.told, func(_ id.UserID, when time.Time) bool { return now.Sub(when) >= refusalTime })
	if _, ok := r.told[user]; ok {
		return false
	}
	if r.told == nil {
		r.told = make(map[id.UserID]time.Time)
	}
	r.told[user] = now
	return true
}
