package chaos

import (
	"slices"
	"time"

	"wazo-matrix-relay/e2e/harness"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// storedLate is how much older than the event before it an event is that the
// homeserver has stored late. Dendrite repeats after five minutes what it did not
// finish when it was killed.
const storedLate = time.Minute

// withoutPlace returns the messages of people whose place in a room is not certain.
//
// Dendrite tells the history by depth, and /sync by arrival. An event that it has
// stored late has an old depth, and clients that ask at different times get it at
// different places. The relay follows the one or the other: it depends on when it
// asked. So a message has no certain place if it was stored late, or if the history
// gives it another place than /sync gave it while it happened.
func withoutPlace(history []*event.Event, live []harness.Entry) map[id.EventID]bool {
	uncertain := movedMessages(history, live)
	newest := int64(0)
	for _, evt := range history {
		if isOfPeople(evt) && newest-evt.Timestamp > storedLate.Milliseconds() {
			uncertain[evt.ID] = true
		}
		newest = max(newest, evt.Timestamp)
	}
	return uncertain
}

// movedMessages returns the messages of people that a homeserver has given in two
// orders. A message that it gave in one of the two ways only is not among them.
func movedMessages(history []*event.Event, live []harness.Entry) map[id.EventID]bool {
	place := make(map[id.EventID]int)
	for at, entry := range live {
		place[entry.ID] = at
	}
	var both []id.EventID
	for _, evt := range history {
		if _, ok := place[evt.ID]; ok && isOfPeople(evt) {
			both = append(both, evt.ID)
		}
	}
	moved := make(map[id.EventID]bool)
	for _, evt := range both {
		moved[evt] = true
	}
	for _, evt := range longestIncreasing(both, place) {
		delete(moved, evt)
	}
	return moved
}

func isOfPeople(evt *event.Event) bool {
	return markOf(evt) != "" || evt.Unsigned.RedactedBecause != nil && markOf(evt.Unsigned.RedactedBecause) != ""
}

// longestIncreasing returns the longest part of events whose places increase, the
// last event first.
func longestIncreasing(events []id.EventID, place map[id.EventID]int) []id.EventID {
	// ends[n] is the event with the lowest place that n+1 increasing ones end with.
	var ends []id.EventID
	before := make(map[id.EventID]id.EventID)
	for _, evt := range events {
		n, _ := slices.BinarySearchFunc(ends, place[evt], func(end id.EventID, at int) int { return place[end] - at })
		if n == len(ends) {
			ends = append(ends, evt)
		} else {
			ends[n] = evt
		}
		if n > 0 {
			before[evt] = ends[n-1]
		}
	}
	if len(ends) == 0 {
		return nil
	}
	var increasing []id.EventID
	for evt, ok := ends[len(ends)-1], true; ok; evt, ok = before[evt] {
		increasing = append(increasing, evt)
	}
	return increasing
}
