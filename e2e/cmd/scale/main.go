// Command scale measures how the relay's costs grow with portals and people: the relay as a process, between a stub
// homeserver and an in-memory Wazo, so that time and memory are the relay's own. For each size it prints
//
//	scale: portals=… logins=… start_s=… rss_mb=… peak_mb=… goroutines=… msgs_s=… p99_ms=…
//
// A tenth as many people as there are portals log in, at most 1,000; each portal is read through the account of one of
// them. The relay opens the portals itself before it is measured, and their histories are settled, as they are a few
// minutes after the last message.
//
// "start_s" is how long it takes from the start of the process until a message that waited on each side is delivered to
// the other one. "rss_mb" and "goroutines" are the resident memory and the goroutines when nothing happens. "msgs_s" is
// how many messages are then delivered in a second, half of them in each direction, in up to 32 portals at once, and
// "p99_ms" is the time that all but a hundredth of the messages take at most if 50 come in a second, spread over all
// portals. "peak_mb" is the most memory that the relay has had since the start, also while all its connections were cut
// at once and made anew.
//
// The exit code is 1 if a start takes longer than 2 s, if the memory is above 100 MB when nothing happens or above 150
// MB ever, if messages are lost, doubled or not in order, or if anything fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"wazo-matrix-relay/e2e/harness"
)

func main() { harness.Command(run) }

// maxLogins is how many people log in at most.
const maxLogins = 1000

// patience bounds the measurement of one size.
const patience = 20 * time.Minute

// plan is what is measured of a size.
type plan struct {
	portals, logins int
	messages        int // of the rate, in each direction
	paced           int // of the latency, in each direction
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("scale", flag.ContinueOnError)
	flags.SetOutput(stderr)
	sizes := flags.String("portals", "10,100,1000,10000", "how many portals there are, one measurement after the other")
	messages := flags.Int("messages", 1000, "how many messages of each direction the rate is measured with")
	paced := flags.Int("paced", 250, "how many messages of each direction the latency is measured with")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var failures []error
	for _, size := range strings.Split(*sizes, ",") {
		portals, err := strconv.Atoi(size)
		if err != nil || portals < 2 || *messages < 1 || *paced < 1 {
			return fmt.Errorf("there must be messages and at least two portals, and %q is not a number of portals", size)
		}
		p := plan{portals: portals, logins: min(max(portals/10, 1), maxLogins), messages: *messages, paced: *paced}
		result, err := measure(ctx, p, stderr)
		if err != nil {
			return fmt.Errorf("with %d portals: %w", portals, err)
		}
		if _, err = fmt.Fprintln(stdout, result); err != nil {
			return err
		}
		failures = append(failures, result.judge())
	}
	return errors.Join(failures...)
}
