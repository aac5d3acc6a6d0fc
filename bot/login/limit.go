package login

import (
	"sync"
	"time"
)

// limit limits how often something happens within a period, for each key.
type limit[K comparable] struct {
	mu     sync.Mutex
	times  map[K][]time.Time // within the period, oldest first
	max    int
	period time.Duration
	now    func() time.Time
}

func newLimit[K comparable](most int, period time.Duration, now func() time.Time) *limit[K] {
	return &limit[K]{times: make(map[K][]time.Time), max: most, period: period, now: now}
}

// wait returns how long a key has to wait until it may take again, 0 if it may now.
func (l *limit[K]) wait(key K) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waitLocked(key)
}

// take counts one more for a key, or returns how long it has to wait until that is possible.
func (l *limit[K]) take(key K) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait = l.waitLocked(key); wait > 0 {
		return wait
	}
	l.times[key] = append(l.times[key], l.now())
	return 0
}

// giveBack takes back what was counted last for a key.
func (l *limit[K]) giveBack(key K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if times := l.times[key]; len(times) > 0 {
		l.times[key] = times[:len(times)-1]
	}
}

func (l *limit[K]) waitLocked(key K) time.Duration {
	begin := l.now().Add(-l.period)
	for k, times := range l.times {
		recent := times
		for len(recent) > 0 && !recent[0].After(begin) {
			recent = recent[1:]
		}
		if len(recent) == 0 {
			delete(l.times, k)
		} else {
			l.times[k] = recent
		}
	}
	times := l.times[key]
	if len(times) < l.max {
		return 0
	}
	return times[len(times)-l.max].Sub(begin)
}
