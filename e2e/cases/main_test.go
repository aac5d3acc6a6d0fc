// Package cases holds the whole-program tests: the relay as a process, between a
// real homeserver and an in-memory Wazo, driven only by what people and
// administrators can do.
package cases

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"wazo-matrix-relay/e2e/harness"
)

// What all tests share: the relay's program, the homeserver of those tests that
// do not restart it, and the process of the people who use matrix-js-sdk.
var (
	relayBinary string
	homeserver  *harness.Homeserver
	js          *harness.JSHost
)

// waitingTests is how many tests run at the same time unless -parallel is given.
// Much of their time they wait for the relay's pauses, so that more of them than
// there are processors do no harm; many play in two rooms at once.
const waitingTests = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", waitingTests); err != nil {
			panic(err)
		}
	}
	var err error
	// Built once: asking the Go tool for each test would take most of their time.
	if relayBinary, err = harness.BuildRelay(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(harness.Main(m, func(hs *harness.Homeserver, host *harness.JSHost) { homeserver, js = hs, host }))
}
