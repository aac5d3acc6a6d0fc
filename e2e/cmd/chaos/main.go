// Command chaos has people talk through the relay while the relay is killed again
// and again and both its servers fail in every way. It checks that no message, reply,
// edit, redaction or reaction is lost, duplicated or out of order, and that no
// conversation that opens meanwhile gets a second room. It prints how often each fault
// fired and, as the last line, which is broken here:
//
//	chaos: sent=… lost=… doubled=… reordered=… kills=… kills_while_attempted=… faults=…
//	    seed=… rooms=… second_rooms=… relations=…
//
// The exit code is 0 if lost, doubled, reordered and second_rooms are 0, no quote and no
// correction is wrong, replies and reactions are the same on both sides if Wazo has the
// plugin for them, no text message was sent twice and what became of each was told right
// with the flag -sms, every fault fired, every conversation got a room and some chat got
// another reader, and 1 otherwise. The flag -break switches a part of the relay's
// protection off; with it the exit code is 0 whatever was found.
package main

import (
	"context"
	"flag"
	"io"
	"math/rand/v2"

	"wazo-matrix-relay/e2e/chaos"
	"wazo-matrix-relay/e2e/harness"
)

func main() { harness.Command(run) }

// parse turns the arguments into a configuration.
func parse(args []string, stderr io.Writer) (chaos.Config, error) {
	cfg := chaos.Config{Progress: stderr}
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&cfg.Messages, "messages", 300, "messages of people, both directions together")
	flags.IntVar(&cfg.Kills, "kills", 6, "kills of the relay")
	flags.BoolVar(&cfg.Plain, "plain", false, "people only say something: they do not reply, edit, redact or react")
	flags.IntVar(&cfg.Restores, "restores", 0, "how often an older copy takes the place of the relay's database; 0 is once in a thousand messages, -1 is never")
	flags.IntVar(&cfg.Rooms, "rooms", 0, "linked rooms; every second one is encrypted; 0 takes as many as the messages need, at least 2")
	flags.IntVar(&cfg.Conversations, "conversations", 0, "conversations that open by themselves; 0 takes as many as the messages need, at least 5; -1 is none")
	flags.Uint64Var(&cfg.Seed, "seed", 0, "for the random choices; 0 takes one at random")
	flags.DurationVar(&cfg.Settle, "settle", 0, "how long the relay waits before it looks for a message with unknown outcome (default 2s)")
	flags.DurationVar(&cfg.Quiet, "quiet", 0, "after how long without arrivals what is missing is lost (default 1m30s)")
	flags.StringVar((*string)(&cfg.Break), "break", "", "switch a part of the protection off: reconcile, catchup, dedupe, echoes or adoption")
	flags.BoolVar(&cfg.Webhook, "webhook", false, "let events of Wazo come by a webhook instead of a websocket")
	flags.BoolVar(&cfg.Plugin, "plugin", false, "Wazo has the plugin for reactions and replies, which comes and goes")
	flags.BoolVar(&cfg.SMS, "sms", false, "people also write text messages to telephones outside Wazo, and are answered")
	flags.Func("fault", "use only this `name` of the faults that a run prints; may be given several times", func(name string) error {
		cfg.Faults = append(cfg.Faults, name)
		return nil
	})
	flags.StringVar(&cfg.RelayLog, "relay-log", "", "file to keep the relay's log in")
	flags.StringVar(&cfg.Record, "record", "", "directory to write what both servers have of each room to")
	err := flags.Parse(args)
	if cfg.Seed == 0 {
		cfg.Seed = rand.Uint64N(1_000_000)
	}
	return cfg, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg, err := parse(args, stderr)
	if err != nil {
		return err
	}
	result, err := chaos.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if err = result.Print(stdout); err != nil || cfg.Break != chaos.None {
		return err
	}
	return result.Err()
}
