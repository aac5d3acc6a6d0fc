package harness

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Command is the main function of a command: it calls run until it returns, with the
// arguments behind the command's name and a context that ends when somebody wants to end
// the command. It does not return: the exit code is 1 after an error, which it shows, and
// else 0. That somebody asked for help is no error.
func Command(run func(ctx context.Context, args []string, stdout, stderr io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := 0
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		code = complain(err)
	}
	stop()
	if err := stopPostgres(); err != nil {
		code = complain(err)
	}
	os.Exit(code)
}
