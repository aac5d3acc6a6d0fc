// Package await lets tests wait for what happens at the same time as they run. A test waits for a condition, never for
// a time, and each wait says what it waits for.
package await

import (
	"strings"
	"testing"
	"time"
)

const (
	// limit is how long a wait may take. Only a test that fails waits for so long.
	limit = 30 * time.Second

	// interval is the time between two looks at a condition.
	interval = 2 * time.Millisecond
)

// Until waits until a condition holds, at which it looks every few milliseconds in the goroutine of its caller. If the
// condition does not hold within half a minute, the test fails with what was waited for, and with what the functions in
// state return. It must be called in the goroutine of the test, without a lock that holds or the test's cleanup needs.
func Until(t testing.TB, what string, holds func() bool, state ...func() string) {
	t.Helper()
	end := time.Now().Add(limit)
	for {
		last := time.Now().After(end)
		if holds() {
			return
		}
		if last {
			var found strings.Builder
			for _, describe := range state {
				found.WriteString("\n" + describe())
			}
			t.Fatalf("timed out waiting for %s%s", what, found.String())
		}
		time.Sleep(interval)
	}
}

// Receive waits for a value from a channel and returns it, or the zero value if the channel is closed. If none comes
// within half a minute, the test fails with what was waited for. It must be called in the goroutine of the test.
func Receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	select {
	case value := <-from:
		return value
	case <-timeout.C:
		t.Fatalf("timed out waiting for %s", what)
		panic("unreachable: Fatalf has ended the goroutine")
	}
}
