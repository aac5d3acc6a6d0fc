package relay

import (
	"sync/atomic"
	"time"
)

// atomicTime is a time that several goroutines share; the zero value is the zero time.
type atomicTime struct{ ns atomic.Int64 }

func (t *atomicTime) store(value time.Time) { t.ns.Store(value.UnixNano()) }

func (t *atomicTime) load() time.Time {
	if ns := t.ns.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}
