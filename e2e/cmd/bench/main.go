// Command bench measures how much longer a message takes through the relay than
// without it, in both directions, in a plain and in an encrypted room. It prints
// a line for each:
//
//	bench: direction=… n=… p50=… p99=… bare_p50=… overhead_ms=… room=…
//
// All times are milliseconds. "bare" is the same message, sent by one Matrix
// client and seen by another one on the same homeserver, in turns with the
// relayed messages. The exit code is 1 if an overhead exceeds -max-overhead, or
// if anything fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"wazo-matrix-relay/e2e/bench"
	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
)

// messageTimeout is how long one message may take before the run is given up.
const messageTimeout = 30 * time.Second

func main() { harness.Command(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	n := flags.Int("n", 200, "messages per direction and kind of room")
	warmup := flags.Int("warmup", 10, "messages before that are not counted")
	limit := flags.Duration("max-overhead", 5*time.Millisecond, "overhead of the median above which the run fails")
	if err = flags.Parse(args); err != nil {
		return err
	}
	dir, remove, err := harness.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()

	if _, err = fmt.Fprintln(stderr, "starting (the first time Dendrite is built, which takes minutes) …"); err != nil {
		return err
	}
	stage, err := stage.Open(ctx, stage.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	plan := bench.Plan{N: *n, Warmup: *warmup, Timeout: messageTimeout}
	results, err := measureAll(ctx, stage, plan, stdout)
	if err != nil {
		return stage.Explain(err)
	}
	return judgeAll(results, *limit)
}

// measureAll prints every result as soon as it is there.
func measureAll(ctx context.Context, stage *stage.Stage, plan bench.Plan, stdout io.Writer) ([]bench.Result, error) {
	var results []bench.Result
	for _, kind := range []harness.Encryption{harness.Plain, harness.Encrypted} {
		rooms, err := openRooms(ctx, stage, kind)
		if err != nil {
			return nil, err
		}
		for _, direction := range rooms.directions() {
			result, err := plan.Run(ctx, direction.name, rooms.name, direction.relay, direction.bare)
			if err != nil {
				return nil, err
			}
			if _, err = fmt.Fprintln(stdout, result); err != nil {
				return nil, err
			}
			results = append(results, result)
		}
	}
	return results, nil
}

// judgeAll says which results were too slow.
func judgeAll(results []bench.Result, limit time.Duration) error {
	var tooSlow []error
	for _, result := range results {
		tooSlow = append(tooSlow, result.Judge(limit))
	}
	return errors.Join(tooSlow...)
}
