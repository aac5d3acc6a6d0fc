// Package ratelimit limits how often something may happen, for example requests from an address.
package ratelimit

import (
	"sync"
	"time"
)

// Limit limits how often something happens within a period, for each key. It is safe for concurrent use.
type Limit[K comparable] struct {
	mu     sync.Mutex
	times  map[K][]time.Time // within the period, oldest first
	swept  time.Time         // when all that is older was last forgotten
	max    int
	period time.Duration
	now    func() time.Time
}

// New returns a limit of so many within a period, for each key. now tells the time.
func New[K comparable](most int, period time.Duration, now func() time.Time) *Limit[K] {
	return &Limit[K]{times: make(map[K][]time.Time), max: most, period: period, now: now}
}

// Wait returns how long a key has to wait until it may take again, 0 if it may now.
func (l *Limit[K]) Wait(key K) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waitLocked(key)
}

// Take counts one more for a key, or returns how long it has to wait until that is possible.
func (l *Limit[K]) Take(key K) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait = l.waitLocked(key); wait > 0 {
		return wait
	}
	l.times[key] = append(l.times[key], l.now())
	return 0
}

// GiveBack takes back what was counted last for a key.
func (l *Limit[K]) GiveBack(key K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if times := l.times[key]; len(times) > 0 {
		l.times[key] = times[:len(times)-1]
	}
}

func (l *Limit[K]) waitLocked(key K) time.Duration {
	now := l.now()
	begin := now.Add(-l.period)
	if now.After(l.swept.Add(l.period)) { // not at each call: there may be thousands of keys
		for other := range l.times {
			l.forget(other, begin)
		}
		l.swept = now
	}
	l.forget(key, begin)
	times := l.times[key]
	if len(times) < l.max {
		return 0
	}
	return times[len(times)-l.max].Sub(begin)
}

// forget forgets what happened to a key until a time.
func (l *Limit[K]) forget(key K, until time.Time) {
	recent := l.times[key]
	for len(recent) > 0 && !recent[0].After(until) {
		recent = recent[1:]
	}
	if len(recent) == 0 {
		delete(l.times, key)
	} else {
		l.times[key] = recent
	}
}
