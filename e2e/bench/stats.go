// Package bench measures how much longer a message takes through the relay than
// between two Matrix clients on the same homeserver. Both are measured in the same
// run, one message at a time, because absolute times say more about the machine
// than about the relay.
package bench

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Samples are the times of one kind of delivery.
type Samples []time.Duration

// Percentile returns the smallest sample that at least p percent of all samples
// do not exceed (nearest rank), and 0 if there are none.
func (s Samples) Percentile(p float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Result holds the times of one direction in one kind of room.
type Result struct {
	Direction string
	Room      string
	Relay     Samples // through the relay
	Bare      Samples // the same message between two plain clients
}

// Overhead is how much longer the median takes through the relay. It can be negative,
// because the in-memory Wazo may be faster than a homeserver.
func (r Result) Overhead() time.Duration {
	return r.Relay.Percentile(50) - r.Bare.Percentile(50)
}

// Judge returns an error if the overhead exceeds limit.
func (r Result) Judge(limit time.Duration) error {
	if overhead := r.Overhead(); overhead > limit {
		return fmt.Errorf("%s in %s rooms: an overhead of %s is more than %s", r.Direction, r.Room, overhead, limit)
	}
	return nil
}

// String is the line that scripts read; all times are milliseconds.
func (r Result) String() string {
	return fmt.Sprintf("bench: direction=%s n=%d p50=%s p99=%s bare_p50=%s overhead_ms=%s room=%s",
		r.Direction, len(r.Relay), millis(r.Relay.Percentile(50)), millis(r.Relay.Percentile(99)),
		millis(r.Bare.Percentile(50)), millis(r.Overhead()), r.Room)
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000)
}
