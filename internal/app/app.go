// Package app is the program: its configuration, how its parts are put together, --check, its listeners and its start-up errors.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
	_ "time/tzdata" // the container has no time zones of its own

	"github.com/rs/zerolog"
)

// Main is the program. It prints to stdout, logs to stderr, and returns the exit code of the process: 0, or 1 after a
// failure, which it has then printed to stderr. It ends without failure when ctx ends.
func Main(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	err := run(ctx, args, environ, stdout, stderr)
	if err == nil {
		return 0
	}
	if !errors.Is(err, errReported) {
		printErrors(stderr, err)
	}
	return 1
}

// errReported is a failure that was printed already.
var errReported = errors.New("failed")

// run does what args ask for. It prints to stdout, logs to stderr and returns what keeps it from working.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	switch {
	case len(args) > 1:
		return hint(fmt.Errorf("too many arguments"), "everything is configured by environment variables")
	case command == "--version":
		printVersion(stdout)
		return nil
	case !slices.Contains([]string{"", "--check", "healthcheck", "recovery-key"}, command):
		return hint(fmt.Errorf("unknown argument %q", command), "--check, --version, healthcheck or recovery-key; everything else is configured by environment variables")
	case command == "healthcheck":
		return healthcheck(ctx, environ)
	}
	cfg, err := loadConfig(environ)
	if err != nil {
		return err
	}
	switch command {
	case "--check":
		return check(ctx, cfg, newLogger(cfg, stderr), stdout)
	case "recovery-key":
		return printRecoveryKey(ctx, cfg, stdout)
	default:
		return serve(ctx, cfg, newLogger(cfg, stderr), stdout)
	}
}

func newLogger(cfg *config, w io.Writer) zerolog.Logger {
	if cfg.LogFormat == logConsole {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != ""}
	}
	zerolog.TimeFieldFormat = zerolog.TimeFormatUnixMs
	return zerolog.New(w).Level(zerolog.Level(cfg.LogLevel)).With().Timestamp().Logger()
}
