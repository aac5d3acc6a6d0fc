// Command picture makes the pictures of conversations in README.md and
// docs/commands.md. It starts a homeserver, an in-memory Wazo and the relay, links an
// encrypted room, and plays a short conversation. Then it draws what the clients of
// both sides show of it, next to each other, as an SVG.
//
// Nothing in a picture depends on the time or on ids, so that a second run writes
// the same file. It changes only if the relay says something else, or in another
// form.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := 0
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		code = 1
	}
	stop()
	os.Exit(code)
}

// run makes the picture. When it returns, everything that it started has ended.
func run(ctx context.Context, args []string, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("picture", flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("o", "conversation.svg", "the file that is written")
	relations := flags.Bool("relations", false, "play what people do with messages: answers, edits, reactions, polls …")
	if err = flags.Parse(args); err != nil {
		return err
	}
	scene := (*player).talk
	if *relations {
		scene = (*player).relate
	}
	exchanges, err := record(ctx, scene)
	if err != nil {
		return err
	}
	svg, err := draw(exchanges)
	if err != nil {
		return err
	}
	if err = os.WriteFile(*file, svg, 0o644); err != nil {
		return fmt.Errorf("failed to write the picture: %w", err)
	}
	return nil
}

// record plays the conversation on a stage of its own and returns what both sides
// show of it.
func record(ctx context.Context, scene scene) (exchanges []exchange, err error) {
	dir, remove, err := harness.TempDir()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	stage, err := stage.Open(ctx, stage.Config{Dir: dir})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	exchanges, err = play(ctx, stage, scene)
	return exchanges, stage.Explain(err)
}
