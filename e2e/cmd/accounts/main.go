// Command accounts measures what many people with their own Wazo accounts cost: the
// relay as a process, between a stub homeserver and an in-memory Wazo, so that time
// and memory are the relay's own. It prints two lines:
//
//	accounts: idle_kb_per_login=…
//	accounts: logins=… portals=… start_s=… rss_mb=… msgs_s=…
//
// The idle cost is the resident memory of a relay with log-ins and without portals,
// less that of a relay without log-ins, for each of them. "start_s" is how long it
// takes from the start of the process until a message in each portal, which was
// posted while the relay was away, is shown on Matrix. "msgs_s" is how many messages a
// second are then shown, in all portals together, and "rss_mb" is the resident
// memory after that. The relay itself opens the rooms on Matrix before it is
// measured.
//
// The exit code is 1 if a log-in costs 150 kB or more, if a message is missing,
// doubled or not in its place, if a portal has two rooms, or if anything fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"wazo-matrix-relay/e2e/crowd"
	"wazo-matrix-relay/e2e/harness"
)

func main() { harness.Command(run) }

// patience bounds the whole measurement.
const patience = 15 * time.Minute

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	var p plan
	flags := flag.NewFlagSet("accounts", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&p.logins, "logins", 200, "how many people log in")
	flags.IntVar(&p.portals, "portals", 1000, "how many Wazo rooms they are in")
	flags.IntVar(&p.messages, "messages", 5000, "how many messages the rate is measured with")
	if err = flags.Parse(args); err != nil {
		return err
	} else if most := p.logins * ((p.logins - 1) / 2); p.portals < 1 || p.messages < 1 || p.portals > most {
		// Wazo has one room for the same people.
		return fmt.Errorf("there must be a message, and between one and %d portals for %d log-ins", most, p.logins)
	}
	dir, remove, err := harness.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := crowd.Open(dir, p.logins, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	m := &fixture{plan: p, Crowd: c, colleague: c.Hire("alice", "Alice", "Martin")}
	return m.measure(ctx, stdout)
}
