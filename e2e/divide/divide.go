// Package divide simulates how the portals of a company are divided among several bot accounts, and how long messages
// from Wazo then wait for the limit that a homeserver sets for each account.
//
// It is a model, and not a measurement. People write in spells: somebody begins to write in a portal, and some messages
// follow one another there. How many messages there are, how they are spread over the day and over the portals, and how
// long a spell is are assumptions (see [Company]). The limit is a token bucket, as that of Synapse. An account acts as
// the relay does: while it is limited, its rooms take turns, and all messages that wait in a room when the room begins
// to wait for its turn become one event.
package divide

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
)

// Limit is how fast a homeserver lets one account send: a token bucket.
type Limit struct {
	PerSecond float64
	Burst     int
}

// SynapseDefault is the default of Synapse's setting rc_message.
var SynapseDefault = Limit{PerSecond: 0.2, Burst: 10}

// MaxMerged is how many messages one event shows at most (package relay).
const MaxMerged = 100

// AccountOf returns which of a number of accounts has a portal, by rendezvous hashing: the account whose hash with the
// portal is the greatest. If an account is added, only the portals move that the new account gets.
func AccountOf(portal, accounts int) int {
	best, greatest := 0, uint64(0)
	for account := range accounts {
		h := fnv.New64a()
		fmt.Fprintf(h, "bot%d/portal%d", account, portal) // it never fails
		if score := mix(h.Sum64()); account == 0 || score > greatest {
			best, greatest = account, score
		}
	}
	return best
}

// mix spreads the bits of a hash: FNV leaves those of short names alike (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// Result is what the people of a company see with a number of accounts.
type Result struct {
	Company
	Limit
	Accounts int
	Messages int     // from Wazo, in the busiest hour
	Events   int     // that have shown them
	P50, P99 float64 // seconds that messages have waited
	Busiest  float64 // messages of the busiest account, as a multiple of the mean
	Moved    float64 // the part of the portals that move if one more account is added
}

// Merged returns how many messages an event shows in the mean.
func (r Result) Merged() float64 { return float64(r.Messages) / math.Max(float64(r.Events), 1) }

// String is the line that scripts read.
func (r Result) String() string {
	return fmt.Sprintf("divide: people=%d portals=%d messages_day=%.0f peak_to_matrix_s=%.2f limit_s=%g burst=%d accounts=%d p50_s=%.1f p99_s=%.1f merged=%.2f busiest=%.2f moved=%.3f",
		r.People, r.Portals(), r.MessagesADay, r.PeakToMatrix(), r.PerSecond, r.Burst, r.Accounts, r.P50, r.P99, r.Merged(), r.Busiest, r.Moved)
}

// Simulate lets the busiest hour of a company pass with a number of accounts.
func Simulate(c Company, limit Limit, accounts int) Result {
	return simulate(c, limit, accounts, c.hour())
}

func simulate(c Company, limit Limit, accounts int, said []message) Result {
	r := Result{Company: c, Limit: limit, Accounts: accounts, Messages: len(said)}
	of, moved := make([]int, c.Portals()), 0
	for portal := range of {
		of[portal] = AccountOf(portal, accounts)
		if AccountOf(portal, accounts+1) == accounts {
			moved++
		}
	}
	r.Moved = float64(moved) / float64(len(of))
	shares := make([][]message, accounts)
	for _, m := range said {
		shares[of[m.portal]] = append(shares[of[m.portal]], m)
	}
	var waits []float64
	most := 0
	for _, share := range shares {
		waited, events := pass(share, limit)
		waits, r.Events, most = append(waits, waited...), r.Events+events, max(most, len(share))
	}
	slices.Sort(waits)
	r.P50, r.P99 = percentile(waits, 50), percentile(waits, 99)
	r.Busiest = float64(most) * float64(accounts) / math.Max(float64(len(said)), 1)
	return r
}

// percentile returns the smallest value that at least p percent of sorted values do not exceed, 0 if there are none.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(int(math.Ceil(p/100*float64(len(sorted))))-1, 0)]
}

// Fewest returns what the people see with the fewest accounts with which 99 of 100 messages wait no longer than a
// number of seconds. It gives up at a number of accounts, and reports false then.
func Fewest(c Company, limit Limit, seconds float64, most int) (r Result, ok bool) {
	said := c.hour()
	enough := func(accounts int) bool {
		r = simulate(c, limit, accounts, said)
		return r.P99 <= seconds
	}
	few, many := 0, 1 // few are too few
	for !enough(many) {
		if many >= most {
			return r, false
		}
		few, many = many, min(2*many, most)
	}
	for many-few > 1 {
		if middle := (few + many) / 2; enough(middle) {
			many = middle
		} else {
			few = middle
		}
	}
	enough(many)
	return r, true
}
