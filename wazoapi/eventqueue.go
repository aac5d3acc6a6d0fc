package wazoapi

import "sync"

// eventQueue holds the events of a connection until its handler takes them. Many
// connections are idle most of the time, so the queue takes no memory while it is
// empty, and nobody waits at it: whoever puts the first event in has it served.
type eventQueue struct {
	limit int // how many events may wait

	mu      sync.Mutex
	events  []event
	serving bool // somebody takes the events, and will see what is put in now
}

// put adds an event. It reports whether there was room for it, and whether nobody
// takes the events yet, so that the caller has to see to that.
func (q *eventQueue) put(ev event) (fits, idle bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.events) >= q.limit {
		return false, false
	}
	q.events = append(q.events, ev)
	return true, q.claim()
}

// wake reports whether nobody takes the events yet, as put does.
func (q *eventQueue) wake() (idle bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.claim()
}

func (q *eventQueue) claim() (idle bool) {
	idle, q.serving = !q.serving, true
	return idle
}

// take returns the next event. If there is none, it reports false.
func (q *eventQueue) take() (event, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pop()
}

// takeOrLeave is take, but if there is no event and none of some other work, nobody
// takes the events from then on.
func (q *eventQueue) takeOrLeave(hasWork func() bool) (ev event, found, left bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if ev, found = q.pop(); !found && !hasWork() {
		q.serving = false
		return ev, false, true
	}
	return ev, found, false
}

func (q *eventQueue) pop() (event, bool) {
	if len(q.events) == 0 {
		return event{}, false
	}
	ev := q.events[0]
	q.events[0] = event{}
	if q.events = q.events[1:]; len(q.events) == 0 {
		q.events = nil
	}
	return ev, true
}
