package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// startTimeout bounds building and starting what a whole package needs; a
// Dendrite build from nothing on a slow machine is the longest part.
const startTimeout = 15 * time.Minute

// Main is the body of a TestMain: it starts one homeserver and one JSHost for the
// package, hands them to ready, runs the tests, and returns the exit code when
// both have ended and their files are gone. After failures it shows the end of
// the homeserver's log.
func Main(m *testing.M, ready func(*Homeserver, *JSHost)) int {
	dir, remove, err := TempDir()
	if err != nil {
		return complain(err)
	}
	code := runTests(m, dir, ready)
	if err = errors.Join(stopPostgres(), remove()); err != nil {
		return max(code, complain(err))
	}
	return code
}

func runTests(m *testing.M, dir string, ready func(*Homeserver, *JSHost)) int {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	js, err := StartJSHost(ctx, dir)
	if err != nil {
		return complain(err)
	}
	homeserver, err := StartHomeserver(ctx, dir)
	if err != nil {
		return complain(errors.Join(err, js.Stop()))
	}
	ready(homeserver, js)
	code := m.Run()
	if code != 0 {
		fmt.Fprintln(os.Stderr, tail(homeserver.LogFile(), logTail))
	}
	if err = errors.Join(js.Stop(), homeserver.Stop()); err != nil {
		return max(code, complain(err))
	}
	return code
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "error:", err)
	return 1
}
