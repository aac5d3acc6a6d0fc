package main

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// What no size may exceed.
const (
	maxStart = 2 * time.Second
	maxIdle  = 100e6 // bytes
	maxPeak  = 150e6 // bytes
)

// result is what was measured of a size.
type result struct {
	plan
	start        time.Duration
	idle, peak   float64 // bytes
	goroutines   float64
	rate         float64 // messages in a second
	ninetyNinth  time.Duration
	reconnecting time.Duration // after the cut
}

// String returns the line that is printed.
func (r result) String() string {
	return fmt.Sprintf("scale: portals=%d logins=%d start_s=%.2f rss_mb=%.1f peak_mb=%.1f goroutines=%.0f msgs_s=%.0f p99_ms=%.1f",
		r.portals, r.logins, r.start.Seconds(), r.idle/1e6, r.peak/1e6, r.goroutines, r.rate, float64(r.ninetyNinth.Microseconds())/1000)
}

// judge returns what exceeds a limit.
func (r result) judge() error {
	var failures []error
	fail := func(exceeds bool, format string, args ...any) {
		if exceeds {
			failures = append(failures, fmt.Errorf("with %d portals "+format, append([]any{r.portals}, args...)...))
		}
	}
	fail(r.start > maxStart, "the first messages took %.1f s, and may take %.0f s", r.start.Seconds(), maxStart.Seconds())
	fail(r.idle > maxIdle, "the memory is %.0f MB when nothing happens, and may be %.0f MB", r.idle/1e6, maxIdle/1e6)
	fail(r.peak > maxPeak, "the memory was %.0f MB, and may be %.0f MB", r.peak/1e6, maxPeak/1e6)
	return errors.Join(failures...)
}

// percentile returns the time that a share of some times does not exceed.
func percentile(times []time.Duration, share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(int(float64(len(sorted))*share), len(sorted)-1)]
}
