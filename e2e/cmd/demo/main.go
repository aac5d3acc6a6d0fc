// Command demo shows the relay at work and needs nothing but this machine. It starts
// a homeserver, an in-memory Wazo with a few people and the relay, links a room, and
// plays a short conversation that shows the room and the chat side by side. It plays
// what a person does who has an account on both sides. Then it sends the lines that
// you type, until Ctrl-C or the end of the input.
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
	"wazo-matrix-relay/e2e/ownaccount"
	"wazo-matrix-relay/e2e/stage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := 0
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		code = 1
	}
	stop()
	os.Exit(code)
}

type options struct {
	once      bool
	encrypted bool
	sms       bool
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.BoolVar(&o.once, "once", false, "play the conversation and exit")
	flags.BoolVar(&o.encrypted, "encrypted", false, "play in an encrypted Matrix room")
	flags.BoolVar(&o.sms, "sms", false, "play a conversation with a telephone, by text messages, instead of conversations on Wazo")
	return o, flags.Parse(args)
}

// run plays the demo. When it returns, everything that it started has ended.
func run(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) (err error) {
	options, err := parse(args, stdout)
	if err != nil {
		return err
	}
	dir, remove, err := harness.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()

	screen := openScreen(stdout)
	stage, err := open(ctx, screen, dir)
	if err == nil {
		defer func() { err = errors.Join(err, stage.Close()) }()
		err = stage.Explain(perform(ctx, stage, screen, options, stdin))
	}
	if ctx.Err() != nil {
		err = nil // what was going on was interrupted because somebody wanted to end the demo
	}
	return err
}

// open builds and starts everything, and shows what it does.
func open(ctx context.Context, screen *screen, dir string) (s *stage.Stage, err error) {
	var relay string
	err = screen.step(ctx, "Building the homeserver (from source, which takes minutes the first time)", func(ctx context.Context) error {
		_, err := harness.BuildDendrite(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = screen.step(ctx, "Building the relay", func(ctx context.Context) (err error) {
		relay, err = harness.BuildRelay(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = screen.step(ctx, "Starting the homeserver, a Wazo in memory, and the relay", func(ctx context.Context) (err error) {
		env := map[string]string{}
		if err = stage.WithPage(env); err != nil {
			return err
		}
		s, err = stage.Open(ctx, stage.Config{Dir: dir, RelayBinary: relay, Env: env})
		return err
	})
	return s, err
}

func perform(ctx context.Context, stage *stage.Stage, screen *screen, options options, stdin io.Reader) error {
	talk, err := openTalk(ctx, stage, screen, options.encrypted)
	if err != nil {
		return err
	}
	play := ownaccount.Play
	if options.sms {
		play = ownaccount.PlaySMS
	}
	if err = talk.play(ctx); err != nil {
		return err
	} else if err = play(ctx, stage, account{talk}); err != nil || options.once {
		return err
	}
	return talk.stay(ctx, stdin)
}
