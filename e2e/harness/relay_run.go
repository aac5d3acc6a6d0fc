package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// Outcome is how a run of the relay ended that ends by itself.
type Outcome struct {
	Code   int    // the exit code
	Output string // what it printed, stdout and stderr together
}

// RunRelay runs the relay with arguments such as --check and waits for its end.
// An exit code that is not 0 is no error.
func RunRelay(ctx context.Context, cfg RelayConfig, args ...string) (Outcome, error) {
	r, err := PrepareRelay(ctx, cfg)
	if err != nil {
		return Outcome{}, err
	}
	return r.Run(ctx, args...)
}

// Run runs the program a second time, with arguments and with the configuration
// of this relay, and waits for its end. An exit code that is not 0 is no error.
func (r *Relay) Run(ctx context.Context, args ...string) (Outcome, error) {
	return r.Watch(ctx, func(string) {}, args...)
}

// Watch is like Run, and tells of each line that the program prints, at once.
func (r *Relay) Watch(ctx context.Context, onLine func(line string), args ...string) (Outcome, error) {
	cmd := exec.CommandContext(ctx, r.binary, args...)
	cmd.Dir, cmd.Env = r.dir, r.environ()
	output := &lineWriter{onLine: onLine}
	cmd.Stdout, cmd.Stderr = output, output // the same writer: it is not called by two goroutines at once
	err := cmd.Run()
	outcome := Outcome{Output: output.all.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return outcome, fmt.Errorf("the relay did not end: %w\n%s", ctx.Err(), outcome.Output)
	case errors.As(err, &exit):
		outcome.Code = exit.ExitCode()
	case err != nil:
		return outcome, fmt.Errorf("failed to run the relay: %w", err)
	}
	return outcome, nil
}

// lineWriter keeps what is written, and tells of each line.
type lineWriter struct {
	all    bytes.Buffer
	told   int // how much of it was told
	onLine func(line string)
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.all.Write(p)
	for {
		line, _, complete := bytes.Cut(w.all.Bytes()[w.told:], []byte("\n"))
		if !complete {
			return len(p), nil
		}
		w.told += len(line) + 1
		w.onLine(string(line))
	}
}
