package harness

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// RelayConfig says how to run the relay.
type RelayConfig struct {
	// Binary is the program; empty builds the one of this repository.
	Binary string
	// Dir is where the database and the log are kept: one directory, one relay.
	Dir string
	// Env is the relay's configuration. Only DATABASE_URL (a file in Dir, or with E2E_DATABASE=postgres a database of
	// its own), SECRET_KEY (random), ADMIN_LISTEN (a free loopback port), LOG_LEVEL (info), LOG_FORMAT (json) and
	// PROBE_MINUTES (0) have values of their own if left out.
	Env map[string]string
}

// Relay is the program under test, as a process that knows nothing of the
// environment of its parent.
type Relay struct {
	binary string
	dir    string
	env    map[string]string
	proc   *process
}

// StartRelay starts the relay and returns when its /readyz answers 200. The
// error of a start that failed contains the end of its log.
func StartRelay(ctx context.Context, cfg RelayConfig) (*Relay, error) {
	r, err := PrepareRelay(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return r, r.Start(ctx)
}

// PrepareRelay prepares what it takes to run the relay, which Start starts.
func PrepareRelay(ctx context.Context, cfg RelayConfig) (*Relay, error) {
	binary := cfg.Binary
	if binary == "" {
		var err error
		if binary, err = BuildRelay(ctx); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if err = os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	env, err := relayEnvironment(dir, cfg.Env)
	if err != nil {
		return nil, err
	}
	if server, err := PostgresServer(ctx); err != nil {
		return nil, err
	} else if server != nil && cfg.Env["DATABASE_URL"] == "" {
		if env["DATABASE_URL"], err = NewDatabase(ctx); err != nil {
			return nil, err
		}
	}
	return &Relay{binary: binary, dir: dir, env: env}, nil
}

func relayEnvironment(dir string, given map[string]string) (map[string]string, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	env := map[string]string{
		"HOME":         dir,
		"DATABASE_URL": filepath.Join(dir, "relay.db"),
		"SECRET_KEY":   randomHex() + randomHex(),
		"ADMIN_LISTEN": fmt.Sprintf("127.0.0.1:%d", port),
		"LOG_LEVEL":    "info",
		"LOG_FORMAT":   "json",
		// The messages of the relay to itself would stand between those that tests count.
		"PROBE_MINUTES": "0",
	}
	maps.Copy(env, given)
	return env, nil
}

// Start starts a relay that does not run, and returns when its /healthz answers
// 200. The error of a start that failed contains the end of its log.
func (r *Relay) Start(ctx context.Context) error {
	proc, err := startProcess(command{name: "relay", path: r.binary, dir: r.dir, env: r.environ(), log: r.LogFile()})
	if err != nil {
		return err
	}
	r.proc = proc
	if err = proc.waitReady(ctx, r.AdminURL()+"/readyz"); err != nil {
		proc.kill()
		return err
	}
	return nil
}

// environ is the environment in the form that processes take.
func (r *Relay) environ() []string {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(r.env)) {
		env = append(env, name+"="+r.env[name])
	}
	return env
}

// AdminURL is the base URL of the relay's health and metrics.
func (r *Relay) AdminURL() string { return "http://" + r.env["ADMIN_LISTEN"] }

// LogFile is where the relay's output goes, across restarts.
func (r *Relay) LogFile() string { return filepath.Join(r.dir, "relay.log") }

// Getenv returns a variable of the configuration.
func (r *Relay) Getenv(name string) string { return r.env[name] }

// Setenv changes the configuration for the next Restart.
func (r *Relay) Setenv(name, value string) { r.env[name] = value }

// Exited is closed when the running process has ended, for whatever reason.
func (r *Relay) Exited() <-chan struct{} { return r.proc.done }

// Stop asks the relay to end (SIGTERM) and waits. That it had ended by itself,
// doesn't end in time or ends with a failure is an error.
func (r *Relay) Stop() error { return r.proc.stop() }

// End stops the relay if it still runs: for cleanups after tests that may have
// stopped or killed it themselves.
func (r *Relay) End() error {
	if r.proc.hasEnded() {
		return nil
	}
	return r.Stop()
}

// Kill ends the relay at once (SIGKILL), as a crash would.
func (r *Relay) Kill() { r.proc.kill() }

// Restart starts the relay again with the same database, after stopping it if
// it still runs, and returns when it is healthy.
func (r *Relay) Restart(ctx context.Context) error {
	if err := r.End(); err != nil {
		return err
	}
	return r.Start(ctx)
}
