// Package memory keeps the memory of the process small that the Go runtime would leave to garbage. By itself, the
// runtime collects garbage when there is as much of it as there is live data, and gives memory back to the system late.
// That is cheap while both are small, and with thousands of accounts it doubles what the process takes. So there is a
// limit, near which garbage is collected more often. It is lower while little happens, and it grows with the live data:
// with a fixed one, the runtime would collect garbage all the time when more is needed.
package memory

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"wazo-matrix-relay/internal/task"
)

const (
	leastIdle = 32 << 20 // bytes that the runtime may use in any case, while little happens
	leastBusy = 80 << 20 // and otherwise

	// interval is how often the limit is adapted. A start with thousands of accounts outgrows a limit within a second,
	// and then the runtime would do nothing but collect garbage.
	interval = time.Second
	busy     = 2 << 20 // bytes that are allocated in an interval, from which on it is not little
	// giving is how often memory is given back to the system at most, which takes a collection of garbage.
	giving = 5 * time.Second
)

// Keep limits the memory until ctx ends. It does nothing if GOGC or GOMEMLIMIT is set: then somebody has decided.
func Keep(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	before := debug.SetMemoryLimit(leastBusy)
	defer debug.SetMemoryLimit(before)
	var given time.Time
	for last := read(); task.Sleep(ctx, interval) == nil; {
		now := read()
		isBusy := now.allocated-last.allocated > busy
		most := limit(now, isBusy)
		debug.SetMemoryLimit(most)
		if !isBusy && now.isWorthGiving() && time.Since(given) > giving {
			debug.FreeOSMemory() // by itself, the runtime collects garbage when something is allocated
			given = time.Now()
		}
		last = now
	}
}

// usage is what the runtime uses, in bytes.
type usage struct {
	live      uint64 // objects that were found to be in use when garbage was last collected
	other     uint64 // what is not for objects: stacks, and what the runtime needs for itself
	gaps      uint64 // what lies between objects: only new ones of the same sizes can use it
	spare     uint64 // what a collection would give back, at least: garbage, and what is free already
	held      uint64 // all that the runtime has of the system now
	allocated uint64 // what all objects have taken since the start
}

// limit returns how much the runtime may use. Some garbage is always allowed: a half as much as there is live data
// while much happens, and else a quarter. While much happens, new objects fill the gaps. Otherwise the gaps stay, so
// they must be allowed, or garbage would be collected all the time.
func limit(u usage, isBusy bool) int64 {
	if isBusy {
		return int64(max(leastBusy, u.other+u.live+u.live/2))
	}
	return int64(max(leastIdle, u.other+u.gaps+u.live+u.live/4))
}

// isWorthGiving reports whether enough can be given back to the system for the work that this takes: a quarter of the
// live data. Little memory is not worth any work.
func (u usage) isWorthGiving() bool { return u.held > leastIdle && u.spare > u.live/4 }

func read() usage {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"},
	}
	metrics.Read(samples)
	value := func(i int) uint64 { return samples[i].Value.Uint64() }
	live, held, objects, free, gaps := value(0), value(2)-value(3), value(4), value(5), value(6)
	return usage{
		live: live, other: held - objects - free - gaps, gaps: gaps, spare: max(objects, live) - live + free,
		held: held, allocated: value(1),
	}
}
