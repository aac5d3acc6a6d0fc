// Command limits measures how fast messages from Wazo are shown on Matrix by a
// homeserver with Synapse's default limits: an account may send 10 events at once and
// then one every five seconds, in all rooms together, and joins count as well. It
// prints a line for each measurement:
//
//	limits: messages=… rooms=… events=… seconds=…
//
// "events" is how many events show the messages, and "seconds" how long it took from
// the first post until the last message was seen. The exit code is 1 if a message is
// missing, not in its place or too late, or if anything fails.
//
// With E2E_HOMESERVER=synapse the homeserver is Synapse with its default
// configuration. Otherwise it is Dendrite, behind a proxy that applies these limits.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
)

func main() { harness.Command(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("limits", flag.ContinueOnError)
	flags.SetOutput(stderr)
	if err = flags.Parse(args); err != nil {
		return err
	}
	dir, remove, err := harness.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()

	if _, err = fmt.Fprintln(stderr, "starting (the first time the homeserver is built, which takes minutes) …"); err != nil {
		return err
	}
	limits, env, closeLimits, err := openLimits(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLimits()) }()
	s, err := stage.Open(ctx, stage.Config{Homeserver: limits.homeserver, Dir: dir, Env: env})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Explain(measureAll(ctx, s, limits, stdout, stderr))
}

// measureAll prints every result as soon as it is there.
func measureAll(ctx context.Context, s *stage.Stage, limits *limits, stdout, stderr io.Writer) error {
	for _, plan := range plans {
		if _, err := fmt.Fprintf(stderr, "linking %d rooms, and waiting until the account may send at once again …\n", plan.rooms); err != nil {
			return err
		}
		m := &measurement{stage: s, plan: plan}
		if err := limits.lift(ctx, m.openRooms); err != nil {
			return err
		}
		if err := m.sendOne(ctx); err != nil {
			return err
		}
		if err := m.run(ctx); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(stdout, m); err != nil {
			return err
		}
		if err := m.judge(ctx); err != nil {
			return err
		}
	}
	return nil
}
