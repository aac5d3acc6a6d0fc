package relay

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// The homeserver may fail over one event again and again while it takes all others. Such an event keeps nothing else
// back, and is given up as a message would be (the constants in failure.go).

// failingEvents are events that the homeserver fails over. They are safe for concurrent use.
type failingEvents struct {
	mu     sync.Mutex
	since  map[string]failingEvent // by transaction id
	passed time.Time               // when an event was last taken
}

type failingEvent struct {
	tries int
	first time.Time
}

// isPoison notes the outcome of an attempt to send an event. It reports whether the event is to be given up: it failed
// often, and for long, while another one passed.
func (f *failingEvents) isPoison(txnID string, err error, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.passed = now
	}
	if err == nil || !isOfOneEvent(err) || !MayPass(err) {
		delete(f.since, txnID)
		return false
	}
	failing, ok := f.since[txnID]
	if !ok {
		failing.first = now
	}
	failing.tries++
	f.since[txnID] = failing
	if failing.tries < poisonAttempts || now.Sub(failing.first) < poisonPeriod || !f.passed.After(failing.first) {
		return false
	}
	delete(f.since, txnID)
	return true
}

// isOfOneEvent reports whether an error of the homeserver may be about one event, so that others may pass.
func isOfOneEvent(err error) bool {
	var failure *MatrixError
	if !errors.As(err, &failure) {
		return false
	}
	switch failure.Status {
	case 0, http.StatusUnauthorized, http.StatusTooManyRequests:
		return false
	default:
		return true
	}
}
