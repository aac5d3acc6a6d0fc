// Package app is the program: its configuration, how its parts are put together, --check, its listeners and its
// start-up errors.
package app

import (
	"context"
	"errors"
	"io"
	"os"
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

// errReported is a failure that has already been printed.
var errReported = errors.New("failed")

// run executes the command that args name. It prints to stdout and logs to stderr. Its error carries a hint wherever
// there is one, or is errReported.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	arguments, err := parseArguments(args)
	if err != nil {
		return err
	}
	switch arguments.command {
	case commandHelp:
		printHelp(stdout)
		return nil
	case commandVersion:
		printVersion(stdout)
		return nil
	}
	if environ, err = withEnvFile(environ, arguments.envFile); err != nil {
		return err
	}
	switch arguments.command {
	case commandHealthcheck:
		return healthcheck(ctx, environ)
	case commandBackup:
		return backup(ctx, environ, arguments.names[0], stdout)
	case commandMove:
		return moveDatabase(ctx, environ, arguments.names[0], arguments.names[1], stdout, stderr)
	}
	cfg, err := loadConfig(environ)
	if err != nil {
		return err
	}
	switch arguments.command {
	case commandCheck:
		return check(ctx, cfg, newLogger(cfg, stderr), stdout)
	case commandLogin:
		return logIn(ctx, cfg, newLogger(cfg, stderr), stdout)
	case commandRecoveryKey:
		return printRecoveryKey(ctx, cfg, stdout)
	default:
		return serve(ctx, cfg, newLogger(cfg, stderr), stdout)
	}
}

// zerolog has only a global format of times: RFC 3339 with milliseconds, which people and machines read. It is set
// before anything logs.
func init() { zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00" }

func newLogger(cfg *config, w io.Writer) zerolog.Logger {
	if cfg.LogFormat == logConsole {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != ""}
	}
	return zerolog.New(w).Level(zerolog.Level(cfg.LogLevel)).With().Timestamp().Logger()
}
