package harness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	e2eModule       = "wazo-matrix-relay/e2e"
	relayModule     = "wazo-matrix-relay"
	dendritePackage = "github.com/element-hq/dendrite/cmd/dendrite"
)

// BuildDendrite returns the path of the Dendrite binary, building it first if
// bin/ has none for this go.mod, go.sum and Go version. A build from nothing
// takes minutes, every later call milliseconds. Concurrent callers, in other
// processes too, build once.
func BuildDendrite(ctx context.Context) (string, error) {
	dirs, err := moduleDirs(ctx)
	if err != nil {
		return "", err
	}
	key, err := moduleKey(dirs.e2e)
	if err != nil {
		return "", err
	}
	target := filepath.Join(dirs.bin(), "dendrite-"+key)
	unlock, err := lockDir(dirs.bin())
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err = os.Stat(target); err == nil {
		return target, nil
	}
	if err = removeMatching(filepath.Join(dirs.bin(), "dendrite-*")); err != nil {
		return "", err
	}
	return target, goBuild(ctx, dirs.e2e, dendritePackage, target)
}

// BuildRelay builds the relay from the repository's root and returns the path
// of the binary. It always asks the Go tool, whose cache makes it quick when
// nothing has changed. With E2E_RACE=1 in the environment the relay is built
// with the race detector; E2E_RELAY_BINARY names a binary to use instead.
func BuildRelay(ctx context.Context) (string, error) {
	if given := os.Getenv("E2E_RELAY_BINARY"); given != "" {
		return filepath.Abs(given)
	}
	dirs, err := moduleDirs(ctx)
	if err != nil {
		return "", err
	}
	name, flags := "wazo-matrix-relay", []string(nil)
	if os.Getenv("E2E_RACE") == "1" {
		name, flags = name+"-race", []string{"-race"}
	}
	unlock, err := lockDir(dirs.bin())
	if err != nil {
		return "", err
	}
	defer unlock()
	target := filepath.Join(dirs.bin(), name)
	return target, goBuild(ctx, dirs.relay, ".", target, flags...)
}

// goBuild builds pkg, seen from dir, into target. The file appears complete or
// not at all, and replacing it doesn't disturb a process that runs the old one.
func goBuild(ctx context.Context, dir, pkg, target string, flags ...string) error {
	unfinished := target + ".unfinished"
	args := append([]string{"build", "-tags", "goolm", "-o", unfinished}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("failed to build %s: %w\n%s", pkg, err, out)
	}
	return os.Rename(unfinished, target)
}

type modules struct{ e2e, relay string }

func (m modules) bin() string { return filepath.Join(m.e2e, "bin") }

// moduleDirs asks the Go tool where this module and the relay's are, so that
// it works from any folder of this module and in builds with -trimpath.
func moduleDirs(ctx context.Context) (modules, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", e2eModule, relayModule)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return modules{}, fmt.Errorf("failed to find the module %s, start from inside it: %w\n%s", e2eModule, err, &stderr)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2 {
		return modules{}, fmt.Errorf("failed to find the modules: unexpected answer %q", out)
	}
	return modules{e2e: lines[0], relay: lines[1]}, nil
}

// moduleKey names what a Dendrite build depends on.
func moduleKey(dir string) (string, error) {
	hash := sha256.New()
	hash.Write([]byte(runtime.Version()))
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		hash.Write(data)
	}
	return hex.EncodeToString(hash.Sum(nil))[:12], nil
}

// lockDir creates dir if needed and takes its advisory lock, which the system
// gives up by itself should the process die.
func lockDir(dir string) (unlock func(), err error) {
	if err = os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err = unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("failed to lock %s: %w", dir, err), file.Close())
	}
	return func() { _ = file.Close() }, nil
}

func removeMatching(pattern string) error {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err = os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
