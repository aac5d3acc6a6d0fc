package chaos

import "time"

// shaken are the times for which the relay has forgotten what it did, because a copy of
// its database from before was restored.
//
// It does then what people did once more, and finds what it has posted by comparing texts.
// The text of a message does not depend on anything else. But a reaction may be shown
// together with others than before; a correction may be relative to another version; the
// message may be posted with the text of an edit that comes with it now; and the redaction
// of a message that is redacted when the relay sees it again is not known to be about
// anything. So what people did to messages in these times may come twice, or not at all,
// which is a documented limit.
type shaken []struct{ from, until time.Time }

const (
	// beforeCopy is by how much the clocks of what people did may differ from that of the
	// copies.
	beforeCopy = 2 * time.Second
	// afterRestore is after how long a relay with an older database has surely found out
	// what it had posted before.
	afterRestore = 15 * time.Second
)

// add adds the time from when a copy was made until it was restored. What is done until the
// relay has found out what it had posted meets messages that wait, but are on Wazo.
func (s *shaken) add(made, restored time.Time) {
	*s = append(*s, struct{ from, until time.Time }{made.Add(-beforeCopy), restored.Add(afterRestore)})
}

// shake says whether something was done in such a time.
func (c *copies) shake(at time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.shaken {
		if !at.Before(span.from) && at.Before(span.until) {
			return true
		}
	}
	return false
}
