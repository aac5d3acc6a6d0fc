package chaos

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Protection is a part of what keeps the relay from losing and doubling, which
// a run can switch off to see that it would be noticed.
type Protection string

// The parts that can be switched off.
const (
	None    Protection = ""
	Look    Protection = "look"    // for one's own message before sending it again
	CatchUp Protection = "catchup" // on what was said while nobody listened
	Dedupe  Protection = "dedupe"  // of what is heard and read twice
)

// Config says how long and how hard a run is.
type Config struct {
	Messages int // that people send, both directions together
	Kills    int // of the relay, by SIGKILL
	Rooms    int // every second one is encrypted; default as many as the messages need, at least 2
	Seed     uint64
	Break    Protection

	// Settle is how long the relay waits after an unknown outcome before it
	// looks; default 2 s. Everything that a fault delays stays well below it.
	Settle time.Duration
	// Probe is how often the relay asks Wazo for news; default 2 s.
	Probe time.Duration
	// Quiet is after how long without any arrival what is missing counts as
	// lost; default 90 s. That is more than the relay's longest pause, and than
	// the hundredfold of a slow look for news, after which it looks again.
	// People wait as long for what is on its way.
	Quiet time.Duration

	// Faults are the names of those to use; empty uses all.
	Faults []string
	// RelayBinary is a relay that BuildRelay has made; empty builds one.
	RelayBinary string
	// Progress is told what happens; nil is nobody.
	Progress io.Writer
	// RelayLog, if not empty, is where the relay's log is kept after the run.
	RelayLog string
}

const (
	// roomLimit is how many messages fit into one room: its history is read in
	// one piece, see harness.Client.History.
	roomLimit = 4500
	// roomShare is how many messages one room gets unless the configuration says
	// how many rooms there are. The rest up to roomLimit is a reserve.
	roomShare = 2500
)

// Check returns an error if a run of this configuration can't be done.
func (c Config) Check() error {
	_, err := c.withDefaults()
	return err
}

func (c Config) withDefaults() (Config, error) {
	c.Settle = cmp.Or(c.Settle, 2*time.Second)
	c.Probe = cmp.Or(c.Probe, 2*time.Second)
	c.Quiet = cmp.Or(c.Quiet, 90*time.Second)
	c.Rooms = cmp.Or(c.Rooms, max(2, (c.Messages+roomShare-1)/roomShare))
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	switch {
	case c.Messages < 1 || c.Rooms < 1 || c.Kills < 0:
		return c, errors.New("a run needs at least one message and one room")
	case c.Messages/c.Rooms > roomLimit:
		return c, fmt.Errorf("at most %d messages per room: take more rooms", roomLimit)
	case !slices.Contains([]Protection{None, Look, CatchUp, Dedupe}, c.Break):
		return c, fmt.Errorf("nothing is called %q that could be switched off: look, catchup or dedupe", c.Break)
	}
	return c, nil
}

// uses says whether a fault is part of the run.
func (c Config) uses(name string) bool {
	return len(c.Faults) == 0 || slices.Contains(c.Faults, name)
}

// delay is the longest time by which a fault may delay what the servers do.
// Twice that, a delay on the way and a late commit, stays below Settle.
func (c Config) delay() time.Duration { return c.Settle / 4 }

// window is how many messages of one direction of a room may be on their way
// before its people wait for the relay: a small part of all, so that what fails
// fails while people talk, and below the 100 events that the relay asks /sync
// for.
func (c Config) window() int { return min(max(c.Messages/c.Rooms/12, 3), 40) }

// relayEnv is what the relay is told beyond what a stage tells it.
func (c Config) relayEnv(matrixURL, wazoURL string) map[string]string {
	return map[string]string{
		"MATRIX_HOMESERVER_URL": matrixURL,
		"WAZO_URL":              wazoURL,
		"WAZO_RELAY_SETTLE":     c.Settle.String(),
		"WAZO_RELAY_PROBE":      c.Probe.String(),
		"WAZO_RELAY_BREAK":      string(c.Break),
	}
}
