package harness

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// startTimeout bounds building and starting what a whole package needs; a
// Dendrite build from nothing on a slow machine is the longest part.
const startTimeout = 15 * time.Minute

// Main is the body of a TestMain: it starts one Dendrite for the package, hands
// it to ready, runs the tests, and returns the exit code when Dendrite has ended
// and its files are gone. After failures it shows the end of Dendrite's log.
func Main(m *testing.M, ready func(*Dendrite)) int {
	dir, remove, err := TempDir()
	if err != nil {
		return complain(err)
	}
	code := runTests(m, dir, ready)
	if err = remove(); err != nil {
		return max(code, complain(err))
	}
	return code
}

func runTests(m *testing.M, dir string, ready func(*Dendrite)) int {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	homeserver, err := StartDendrite(ctx, dir)
	if err != nil {
		return complain(err)
	}
	ready(homeserver)
	code := m.Run()
	if code != 0 {
		fmt.Fprintln(os.Stderr, tail(homeserver.LogFile(), logTail))
	}
	if err = homeserver.Stop(); err != nil {
		return max(code, complain(err))
	}
	return code
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "error:", err)
	return 1
}
