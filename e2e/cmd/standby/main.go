// Command standby has people talk through two relays on one PostgreSQL database, of which
// one is active. The active one is killed, stands still, ends in order and is cut off, and
// so are the other one and the server, while single requests fail in every way. It checks
// that no message is lost, duplicated or out of order, and that the two never make requests
// at the same time. It prints how often each fault fired and, as the last line:
//
//	standby: takeovers=… max_takeover_s=… lost=… doubled=… reordered=… …
//
// A take-over is measured from the moment at which something happens to the active relay until the other one has
// delivered a message; meanwhile no single request fails. The further fields are the hand-overs after an orderly end,
// how often both have made requests at the same time, and how often the stand-by took over although the active relay
// could relay. The exit code is 0 if the run is clean, no take-over took more than ten seconds and no hand-over more
// than five.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"

	"wazo-matrix-relay/e2e/chaos"
	"wazo-matrix-relay/e2e/harness"
)

func main() { harness.Command(run) }

// parse turns the arguments into a configuration.
func parse(args []string, stderr io.Writer) (chaos.Config, error) {
	cfg := chaos.Config{Progress: stderr, Restores: -1, Conversations: -1}
	flags := flag.NewFlagSet("standby", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&cfg.Messages, "messages", 300, "messages of people, both directions together")
	flags.IntVar(&cfg.Blows, "blows", 19, "how often something happens to one of the relays or to PostgreSQL; there are 19 kinds")
	flags.IntVar(&cfg.Rooms, "rooms", 0, "linked rooms; every second one is encrypted; 0 takes as many as the messages need, at least 2")
	flags.BoolVar(&cfg.Plain, "plain", false, "people only say something: they do not reply, edit, redact or react")
	flags.Uint64Var(&cfg.Seed, "seed", 0, "for the random choices; 0 takes one at random")
	flags.StringVar(&cfg.RelayLog, "relay-log", "", "file to keep the log of the first relay in; that of the second one has .2 at the end of its name")
	flags.StringVar(&cfg.Record, "record", "", "directory to write what both servers have of each room to")
	err := flags.Parse(args)
	if cfg.Seed == 0 {
		cfg.Seed = rand.Uint64N(1_000_000)
	}
	if err == nil && cfg.Blows < 1 {
		err = errors.New("something has to happen: -blows 1")
	}
	return cfg, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if err = harness.ChoosePostgres(); err != nil {
		return err
	}
	result, err := chaos.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if err = result.Print(stdout); err != nil {
		return err
	}
	if _, err = fmt.Fprintln(stdout, result.Line()); err != nil {
		return err
	}
	return result.Err()
}
