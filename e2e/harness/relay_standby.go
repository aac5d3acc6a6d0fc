package harness

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// askTimeout is how long a relay is asked whether it is active: one that stands
// still does not answer.
const askTimeout = time.Second

// Another returns a second relay with the same configuration, for the same database.
// It keeps its files in a directory of its own. Start or Begin starts it.
func (r *Relay) Another(dir string, changed map[string]string) (*Relay, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err = os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	env := maps.Clone(r.env)
	delete(env, "ADMIN_LISTEN")
	env["HOME"] = dir
	maps.Copy(env, changed)
	if env, err = relayEnvironment(dir, env); err != nil {
		return nil, err
	}
	return &Relay{binary: r.binary, dir: dir, env: env}, nil
}

// Begin starts a relay that does not run, and returns when it lives: when its
// /healthz answers 200. It may be a stand-by then.
func (r *Relay) Begin(ctx context.Context) error {
	proc, err := startProcess(command{name: "relay", path: r.binary, dir: r.dir, env: r.environ(), log: r.LogFile()})
	if err != nil {
		return err
	}
	r.proc = proc
	if err = proc.waitReady(ctx, r.AdminURL()+"/healthz"); err != nil {
		proc.kill()
		return err
	}
	return nil
}

// Freeze has the relay stand still (SIGSTOP) until Thaw. Its connections stay.
func (r *Relay) Freeze() error { return r.proc.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen relay go on (SIGCONT).
func (r *Relay) Thaw() error { return r.proc.cmd.Process.Signal(syscall.SIGCONT) }

// Terminate asks the relay to end (SIGTERM) and does not wait.
func (r *Relay) Terminate() error { return r.proc.cmd.Process.Signal(syscall.SIGTERM) }

// ExitCode returns the exit code of a relay that has ended, -1 if a signal has ended it.
func (r *Relay) ExitCode() int { return r.proc.cmd.ProcessState.ExitCode() }

// Role is what a relay says of itself.
type Role struct {
	OK   bool   // it relays
	Role string // "active" or "stand-by"; empty: it does not answer
}

// Role asks the relay what it is.
func (r *Relay) Role(ctx context.Context) (role Role) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	_, body, err := r.Admin(ctx, "/readyz")
	if err == nil {
		_ = json.Unmarshal([]byte(body), &role) // then it says nothing
	}
	return role
}

// Delivered returns how many messages the relay has delivered since it is active. It
// returns an error if the relay is not active or does not answer.
func (r *Relay) Delivered(ctx context.Context) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	metrics, err := r.Metrics(ctx)
	if err != nil {
		return 0, err
	} else if metrics["wazo_matrix_relay_active"] != 1 {
		return 0, errors.New("the relay is not active")
	}
	for _, direction := range []string{"to_wazo", "to_matrix"} {
		n += int(metrics[`wazo_matrix_relay_messages_total{direction="`+direction+`",outcome="delivered"}`])
	}
	return n, nil
}

// IsReady reports whether the relay answers at all that it relays.
func (r *Relay) IsReady(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	status, _, err := r.Admin(ctx, "/readyz")
	return err == nil && status == http.StatusOK
}
