package chaos

import (
	"slices"
	"sync"

	"maunium.net/go/mautrix/id"
)

// ledger is what people have done on Matrix in one place, as they know it. It says what
// they can do next, and what a message said that is redacted now. What the homeserver has
// decides whether it was done at all.
type ledger struct {
	mu      sync.Mutex
	entries []*entry // in order
	byEvent map[id.EventID]*entry
}

// entry is something that was done, and what people have done with it since.
type entry struct {
	*deed
	event    id.EventID // empty until it is done
	texts    []string   // what a message said before and after each edit
	isGone   bool       // redacted
	isThere  bool       // a message was seen on Wazo
	isWaived bool       // a message was redacted before it was seen there, so that nobody waits for it
}

func newLedger() *ledger { return &ledger{byEvent: make(map[id.EventID]*entry)} }

// begin notes what somebody is about to do: it may arrive before they know that it is done.
func (l *ledger) begin(d *deed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, &entry{deed: d, texts: []string{d.text}})
	if d.kind == edits {
		target := l.byEvent[d.target]
		target.texts = append(target.texts, d.text)
	}
}

// done notes which event does what was begun last. It says whether that redacts a message
// that people still wait for.
func (l *ledger) done(d *deed, event id.EventID) (waived bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.deed == d {
			e.event, l.byEvent[event] = event, e
		}
	}
	if d.kind != redacts && d.kind != removes {
		return false
	}
	target := l.byEvent[d.target]
	target.isGone = true
	if target.kind.isMessage() && !target.isThere {
		target.isWaived = true
	}
	return target.isWaived
}

// arrives notes that a message is on Wazo. It says whether people wait for it.
func (l *ledger) arrives(who, text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range slices.Backward(l.entries) {
		if e.kind.isMessage() && e.who == who && !e.isThere && slices.Contains(e.texts, text) {
			e.isThere = true
			return !e.isWaived
		}
	}
	return true
}

// isAwaited says whether a message of a person is on its way to Wazo.
func (l *ledger) isAwaited(who string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.entries, func(e *entry) bool {
		return e.kind.isMessage() && e.who == who && e.event != "" && !e.isThere && !e.isWaived
	})
}

// messages returns the newest messages, the newest first.
func (l *ledger) messages(n int) []id.EventID {
	return l.newest(n, func(e *entry) bool { return e.kind.isMessage() })
}

// own returns the newest messages of a person, or their reactions, the newest first.
// Messages that people say again and again are not among them.
func (l *ledger) own(who string, reactions bool, n int) []id.EventID {
	return l.newest(n, func(e *entry) bool {
		if reactions {
			return e.who == who && e.kind == reacts
		}
		return e.who == who && e.kind.isMessage() && e.texts[0] != identical
	})
}

func (l *ledger) newest(n int, fits func(*entry) bool) (found []id.EventID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.entries) - 1; i >= 0 && len(found) < n; i-- {
		if e := l.entries[i]; e.event != "" && !e.isGone && fits(e) {
			found = append(found, e.event)
		}
	}
	return found
}

// textOf returns what a message says now.
func (l *ledger) textOf(event id.EventID) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	texts := l.byEvent[event].texts
	return texts[len(texts)-1]
}

// threadOf returns the event that begins the thread which a message is in, or the message
// if it is in none, and the last message of that thread.
func (l *ledger) threadOf(message id.EventID) (root, last id.EventID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	root = message
	if e := l.byEvent[message]; e.thread != "" {
		root = e.thread
	}
	last = root
	for _, e := range l.entries {
		if e.thread == root && e.event != "" && !e.isGone {
			last = e.event
		}
	}
	return root, last
}

// arrivedOf returns the newest message of a person that is on Wazo, "" if there is none. Of those that people say again
// and again, nobody knows which one it is.
func (l *ledger) arrivedOf(who string) id.EventID {
	isThere := func(e *entry) bool { return e.kind == says && e.who == who && e.isThere && e.texts[0] != identical }
	for _, event := range l.newest(1, isThere) {
		return event
	}
	return ""
}

// known returns what an event did before it was redacted.
func (l *ledger) known(event id.EventID) (deed, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.byEvent[event]; e != nil {
		return *e.deed, true
	}
	return deed{}, false
}
