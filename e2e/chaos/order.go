package chaos

import (
	"slices"

	"wazo-matrix-relay/e2e/harness"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// movedMessages returns the messages of people that a homeserver has given in two
// orders: as it tells the history, and as /sync told it while it happened. A message
// that it gave in one of the two ways only is not among them.
//
// Dendrite tells the history by depth, and /sync by arrival. An event that it had
// not processed when it was killed is processed after the start, when later ones
// may have arrived. The relay follows either order: it depends on whether it
// listened at that moment.
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
	_, marked := evt.Content.Raw[markKey]
	return marked
}

// longestIncreasing returns the longest part of events whose places increase.
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
	slices.Reverse(increasing)
	return increasing
}
