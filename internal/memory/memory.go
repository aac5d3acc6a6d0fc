// Package memory keeps the memory of the process small that the Go runtime would leave to garbage. By itself, the
// runtime collects garbage when there is as much of it as there is live data. That is cheap while both are small, and
// with thousands of accounts it doubles what the process takes. So there is a limit, near which garbage is collected
// more often. It grows with the live data: a fixed one would make the runtime collect garbage all the time when more
// is needed.
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
	least    = 64 << 20 // bytes, of the runtime; so much is not worth any work
	interval = 5 * time.Second
)

// Keep limits the memory until ctx ends. It does nothing if GOGC or GOMEMLIMIT is set: then somebody has decided.
func Keep(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	before := debug.SetMemoryLimit(least)
	defer debug.SetMemoryLimit(before)
	for task.Sleep(ctx, interval) == nil {
		debug.SetMemoryLimit(limit(read()))
	}
}

// usage is what the runtime uses, in bytes.
type usage struct {
	live  uint64 // objects that were found to be in use when garbage was last collected
	other uint64 // what is not for objects: stacks, and what the runtime needs for itself
}

// limit returns how much the runtime may use: garbage half as large as the live data is always allowed.
func limit(u usage) int64 { return int64(max(least, u.other+u.live+u.live/2)) }

func read() usage {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/unused:bytes"},
	}
	metrics.Read(samples)
	other := samples[1].Value.Uint64()
	for _, sample := range samples[2:] {
		other -= sample.Value.Uint64()
	}
	return usage{live: samples[0].Value.Uint64(), other: other}
}
