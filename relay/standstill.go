package relay

import (
	"sync"
	"time"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// standstills are what queues wait for that have something to deliver and are not paused, so that people can be told.
// They are safe for concurrent use.
type standstills struct {
	mu     sync.Mutex
	queues map[db.QueueKey]standstill
}

// standstill is that a queue waits.
type standstill struct {
	wait  words.Wait
	since time.Time
}

func newStandstills() *standstills { return &standstills{queues: make(map[db.QueueKey]standstill)} }

// note notes at a time what a queue waits for, or that it does not wait (any more).
func (s *standstills) note(queue db.QueueKey, wait words.Wait, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait == words.WaitNothing {
		delete(s.queues, queue)
	} else if s.queues[queue].wait != wait {
		s.queues[queue] = standstill{wait, now}
	}
}

// of returns for what, and for how long, a queue waits at a time.
func (s *standstills) of(queue db.QueueKey, now time.Time) words.Standstill {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting, ok := s.queues[queue]
	if !ok {
		return words.Standstill{}
	}
	return words.Standstill{For: waiting.wait, Time: now.Sub(waiting.since)}
}
