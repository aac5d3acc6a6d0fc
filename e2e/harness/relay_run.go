package harness

import (
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
	r, err := newRelay(ctx, cfg)
	if err != nil {
		return Outcome{}, err
	}
	return r.Run(ctx, args...)
}

// Run runs the program a second time, with arguments and with the configuration
// of this relay, and waits for its end. An exit code that is not 0 is no error.
func (r *Relay) Run(ctx context.Context, args ...string) (Outcome, error) {
	cmd := exec.CommandContext(ctx, r.binary, args...)
	cmd.Dir, cmd.Env = r.dir, r.environ()
	output, err := cmd.CombinedOutput()
	outcome := Outcome{Output: string(output)}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return outcome, fmt.Errorf("the relay did not end: %w\n%s", ctx.Err(), output)
	case errors.As(err, &exit):
		outcome.Code = exit.ExitCode()
	case err != nil:
		return outcome, fmt.Errorf("failed to run the relay: %w", err)
	}
	return outcome, nil
}
