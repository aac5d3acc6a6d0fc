package wazoapi

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// maxUnknownTTL is how long it is believed that a uuid is unknown: the person may
// just have been created.
const maxUnknownTTL = 6 * time.Minute

// nameCache keeps names, and that uuids are unknown, for a while. Entries that
// are too old stay until they are replaced or room is needed: they are better
// than nothing while the directory is down.
type nameCache struct {
	ttl  time.Duration
	size int
	now  func() time.Time

	mu      sync.Mutex
	entries map[UUID]nameEntry
}

type nameEntry struct {
	contact Contact
	known   bool
	expires time.Time
	used    bool // since it was stored
}

func newNameCache(ttl time.Duration, size int, now func() time.Time) *nameCache {
	return &nameCache{ttl: ttl, size: size, now: now, entries: make(map[UUID]nameEntry)}
}

// missing returns the uuids that have no entry, or one that is too old; each
// of them once. What isn't a uuid needs no question: it is unknown.
func (c *nameCache) missing(uuids []UUID) []UUID {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	var missing []UUID
	seen := make(map[UUID]bool, len(uuids))
	for _, u := range uuids {
		if entry, ok := c.entries[u]; (!ok || !now.Before(entry.expires)) && !seen[u] && u.Valid() {
			seen[u] = true
			missing = append(missing, u)
		}
	}
	return missing
}

// worthRefreshing returns up to n uuids besides asked that are worth another
// question now: those that were used since they were stored, and whose time is
// half over. The oldest come first.
func (c *nameCache) worthRefreshing(asked []UUID, n int) []UUID {
	c.mu.Lock()
	defer c.mu.Unlock()
	soon := c.now().Add(c.ttl / 2)
	var worth []UUID
	for u, entry := range c.entries {
		if entry.used && !entry.expires.After(soon) && !slices.Contains(asked, u) {
			worth = append(worth, u)
		}
	}
	slices.SortFunc(worth, func(a, b UUID) int {
		return cmp.Or(c.entries[a].expires.Compare(c.entries[b].expires), cmp.Compare(a, b))
	})
	return worth[:min(n, len(worth))]
}

// known returns those of uuids that the directory knows, however old that is.
func (c *nameCache) known(uuids []UUID) map[UUID]Contact {
	c.mu.Lock()
	defer c.mu.Unlock()
	contacts := make(map[UUID]Contact, len(uuids))
	for _, u := range uuids {
		entry, ok := c.entries[u]
		if !ok {
			continue
		}
		entry.used = true
		c.entries[u] = entry
		if entry.known {
			contacts[u] = entry.contact
		}
	}
	return contacts
}

// peek returns the names of those of uuids that the directory knows. That does not
// count as a use.
func (c *nameCache) peek(uuids []UUID) map[UUID]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := make(map[UUID]string, len(uuids))
	for _, u := range uuids {
		if entry := c.entries[u]; entry.known {
			names[u] = entry.contact.Name()
		}
	}
	return names
}

// store keeps the answer about asked: those absent from contacts are unknown.
func (c *nameCache) store(asked []UUID, contacts map[UUID]Contact) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.evict(len(asked))
	now := c.now()
	for _, u := range asked {
		contact, known := contacts[u]
		ttl := c.ttl
		if !known {
			ttl = min(ttl, maxUnknownTTL)
		}
		c.entries[u] = nameEntry{contact: contact, known: known, expires: now.Add(ttl)}
	}
}

// evict removes the entries that are too old, and if that isn't enough any
// others, until n more fit.
func (c *nameCache) evict(n int) {
	if len(c.entries)+n <= c.size {
		return
	}
	now := c.now()
	for u, entry := range c.entries {
		if !now.Before(entry.expires) {
			delete(c.entries, u)
		}
	}
	for u := range c.entries {
		if len(c.entries)+n <= c.size {
			return
		}
		delete(c.entries, u)
	}
}
