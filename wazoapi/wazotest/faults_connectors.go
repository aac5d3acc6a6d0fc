package wazotest

import "time"

// Saying limits a fault of text messages to those whose text contains a word.
func (w When) Saying(text string) When { w.scope.text = text; return w }

// Again fires the next n times instead, for the same.
func (w When) Again(n int) When { w.times = n; return w }

// RefuseSMS makes the provider refuse a text message each time that chatd hands it
// over. chatd tries again after the pauses of [WithSMSRetries], or after d if the
// provider asks for that, and then gives up.
func (f *Faults) RefuseSMS(d time.Duration, when When) *Fault {
	return f.add(&Fault{kind: refuseSMS, when: when, delay: d})
}

// NoStatusEvent loses the event of a change of a delivery status. Reading the
// message shows the change.
func (f *Faults) NoStatusEvent(when When) *Fault {
	return f.add(&Fault{kind: noStatusEvent, when: when})
}

// EarlyStatus hands a text message to the provider before its own event is
// published, so that its status comes first (connectors-03).
func (f *Faults) EarlyStatus(when When) *Fault {
	return f.add(&Fault{kind: earlyStatus, when: when})
}

// LateStatus publishes the event of a change of a delivery status d later.
func (f *Faults) LateStatus(d time.Duration, when When) *Fault {
	return f.add(&Fault{kind: lateStatus, when: when, delay: d})
}

// AtOnce handles a message from outside, or the creation of a room with somebody
// there, as if those of the last second came at the same moment: chatd then
// overlooks their idempotency keys and rooms. Two rooms of one pair are the
// result, and all later messages from there are dropped.
func (f *Faults) AtOnce(when When) *Fault {
	return f.add(&Fault{kind: atOnce, when: when})
}
