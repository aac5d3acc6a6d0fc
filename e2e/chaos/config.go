package chaos

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"wazo-matrix-relay/e2e/harness"
)

// Protection is a part of the relay that keeps messages from being lost or
// duplicated. A run can switch one off, to see that the run would notice.
type Protection string

// The parts that can be switched off.
const (
	None      Protection = ""
	Reconcile Protection = "reconcile" // the relay looks for its own message before it sends it again
	CatchUp   Protection = "catchup"   // the relay reads what was said while it did not listen
	Dedupe    Protection = "dedupe"    // the relay recognises a message that reaches it twice
	Echoes    Protection = "echoes"    // the relay does not show what it has posted by people's own accounts
	Adoption  Protection = "adoption"  // the relay recognises a room that it has made without knowing
	Fence     Protection = "fence"     // of two relays, one that was replaced makes no requests
)

// Config says how long and how hard a run is.
type Config struct {
	// Messages is how many messages people send, both directions together.
	Messages int
	// Kills is how often the relay is killed by SIGKILL.
	Kills int
	// Restores is how often an older copy takes the place of the relay's database.
	// The default is once in a thousand messages, at least once.
	// -1 is never.
	Restores int
	// Plain says that people only say something: they do not reply, edit, redact or react.
	Plain bool
	// Blows is how often something happens to one of two relays on one database, or to its
	// network. 0 is a run with one relay. Then nothing else kills a relay, and no whole
	// service goes away but PostgreSQL.
	Blows int
	// Rooms is how many rooms are linked. Every second one is encrypted. The
	// default is as many as the messages need, at least 2.
	Rooms int
	// Conversations is how many open by themselves. Negative is none. The default is
	// once in 150 messages, from 5 to 40.
	Conversations int
	// Seed decides the random choices.
	Seed uint64
	// Break is a part of the protection that is switched off.
	Break Protection

	// Settle is how long the relay waits, after it has sent a message with an
	// unknown outcome, before it looks for that message. The default is 2 s.
	// No fault delays anything by as much.
	Settle time.Duration
	// Probe is how often the relay asks Wazo for new messages, in which rooms the
	// accounts of people are, and whether their log-ins are still accepted. The default
	// is 2 s.
	Probe time.Duration
	// Quiet is how long nothing must arrive before the missing messages count as
	// lost. The default is 90 s. That is more than the longest pause of the relay,
	// and more than a hundred times what a slow request for new messages takes,
	// after which the relay asks again. People wait as long for messages that are
	// on their way.
	Quiet time.Duration

	// Webhook lets events of Wazo come by a webhook instead of a websocket.
	Webhook bool
	// Plugin gives Wazo the plugin for reactions and replies. People there use it, and it comes and goes.
	Plugin bool
	// SMS lets people write text messages to telephones outside Wazo, and answer them, besides Messages.
	SMS bool
	// Faults are the names of the faults to use. Empty uses all.
	Faults []string
	// RelayBinary is the path of a relay that BuildRelay has built. Empty builds one.
	RelayBinary string
	// Progress gets a line for everything that happens. It may be nil.
	Progress io.Writer
	// RelayLog is a file to which the relay's log is copied after the run. Empty
	// copies nothing.
	RelayLog string
	// Record is a directory for what both servers have of each room after the run.
	// Empty writes nothing.
	Record string
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
	c.Restores = cmp.Or(c.Restores, max(1, c.Messages/1000))
	c.Rooms = cmp.Or(c.Rooms, max(2, (c.Messages+roomShare-1)/roomShare))
	c.Conversations = cmp.Or(c.Conversations, min(max(c.Messages/150, 5), 40))
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	switch {
	case c.Blows > 0 && (c.Kills > 0 || c.Restores >= 0 || c.Webhook):
		return c, errors.New("two relays are not killed otherwise, keep their database, and have no webhook")
	case c.Messages < 1 || c.Rooms < 1 || c.Kills < 0:
		return c, errors.New("a run needs at least one message and one room")
	case c.Messages/c.Rooms > roomLimit:
		return c, fmt.Errorf("at most %d messages per room: take more rooms", roomLimit)
	case !slices.Contains([]Protection{None, Reconcile, CatchUp, Dedupe, Echoes, Adoption, Fence}, c.Break):
		return c, fmt.Errorf("nothing is called %q that could be switched off: reconcile, catchup, dedupe, echoes, adoption or fence", c.Break)
	}
	return c, nil
}

// uses says whether a fault is part of the run.
func (c Config) uses(name string) bool {
	if c.Restores < 0 && (name == databaseRestored || name == restoredOlder) {
		return false
	}
	return len(c.Faults) == 0 || slices.Contains(c.Faults, name)
}

// delay is the longest time by which a fault may delay what the servers do.
// Twice that, a delay on the way and a late commit, stays below Settle.
func (c Config) delay() time.Duration { return c.Settle / 4 }

// window is how many messages of one direction of a room may be on their way
// before its people wait for the relay. It is a small part of all messages, so
// that the faults come while people talk, and less than the 100 events that the
// relay asks /sync for.
func (c Config) window() int { return min(max(c.Messages/c.Rooms/12, 3), 40) }

// samName begins the Matrix name of the person who logs in to Wazo.
const samName = "sam"

// kimName is samName for the second such person.
const kimName = "kim"

// relayEnv are the relay's environment variables beyond those that a stage sets.
func (c Config) relayEnv(matrixURL, wazoURL string) map[string]string {
	env := map[string]string{
		"ALLOWED_USERS": "@" + samName + "*:" + harness.ServerName + ",@" + kimName + "*:" + harness.ServerName,
		// So many messages are shown that were written while a room could not be made.
		"BACKFILL_MESSAGES":      "200",
		"MATRIX_HOMESERVER_URL":  matrixURL,
		"WAZO_URL":               wazoURL,
		"WAZO_RELAY_SETTLE":      c.Settle.String(),
		"WAZO_RELAY_PROBE":       c.Probe.String(),
		"WAZO_RELAY_MEMBER":      c.Probe.String(),
		"WAZO_RELAY_WHOLE":       "500ms", // so that rooms are made between two kills, and requests for them fail
		"WAZO_RELAY_LOGIN_CHECK": c.Probe.String(),
		"WAZO_RELAY_REACTION":    c.Probe.String(),
		"WAZO_RELAY_HOOK":        c.Probe.String(),
		"WAZO_RELAY_SILENCE":     (2 * c.Probe).String(),
		"WAZO_RELAY_BREAK":       string(c.Break),
	}
	if c.SMS {
		env["WAZO_RELAY_OUTSIDE"] = c.outsideLag().String()
	}
	if c.Plugin {
		env["WAZO_RELAY_PLUGIN"], env["WAZO_RELAY_RELATIONS"] = c.Probe.String(), (2 * c.Probe).String()
	}
	return env
}
