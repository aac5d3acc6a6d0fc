package divide

import "math"

// bucket is the token bucket of one account.
type bucket struct {
	Limit
	tokens float64
	at     float64 // when tokens was right
}

func newBucket(limit Limit) *bucket { return &bucket{Limit: limit, tokens: float64(limit.Burst)} }

// next returns when a token is there, at a time or later.
func (b *bucket) next(now float64) float64 {
	have := math.Min(b.tokens+(now-b.at)*b.PerSecond, float64(b.Burst))
	if have >= 1 {
		return now
	}
	return now + (1-have)/b.PerSecond
}

// take takes a token at a time at which there is one.
func (b *bucket) take(now float64) {
	b.tokens = math.Min(b.tokens+(now-b.at)*b.PerSecond, float64(b.Burst)) - 1
	b.at = now
}

// serialPeriod is for how many seconds after a refusal an account sends one by one, and merges (package bot).
const serialPeriod = 30

// account is a bot account that sends.
type account struct {
	bucket  *bucket
	limited float64           // until when it sends one by one
	waiting map[int][]float64 // when the messages came that wait in a portal and are in no turn
	turns   []turn
	inTurn  map[int]bool // portals that wait for their turn
	waits   []float64
	events  int
}

// turn is a portal that waits for its turn, with the messages that its event will show.
type turn struct {
	portal int
	came   []float64
}

// pass lets the messages of an account pass. It returns how long each has waited, and how many events have shown them.
func pass(said []message, limit Limit) (waits []float64, events int) {
	a := &account{bucket: newBucket(limit), limited: -1, waiting: make(map[int][]float64), inTurn: make(map[int]bool)}
	for _, m := range said {
		a.sendUntil(m.at)
		a.waiting[m.portal] = append(a.waiting[m.portal], m.at)
		a.queue(m.portal, m.at)
	}
	a.sendUntil(math.Inf(1))
	return a.waits, a.events
}

// queue lets a portal wait for its turn, if it has something to say and does not wait already.
func (a *account) queue(portal int, now float64) {
	came := a.waiting[portal]
	if a.inTurn[portal] || len(came) == 0 {
		return
	}
	n := 1
	if now < a.limited {
		n = min(len(came), MaxMerged)
	}
	a.inTurn[portal] = true
	a.turns = append(a.turns, turn{portal, came[:n:n]})
	a.waiting[portal] = came[n:]
}

// sendUntil sends what can be sent before a time.
func (a *account) sendUntil(end float64) {
	for len(a.turns) > 0 {
		first := a.turns[0]
		ready := math.Max(first.came[len(first.came)-1], a.bucket.at)
		at := a.bucket.next(ready)
		if at > ready {
			a.limited = math.Max(a.limited, at+serialPeriod)
		}
		if at >= end {
			return
		}
		a.bucket.take(at)
		a.turns, a.events = a.turns[1:], a.events+1
		for _, came := range first.came {
			a.waits = append(a.waits, at-came)
		}
		a.inTurn[first.portal] = false
		a.queue(first.portal, at)
	}
}
