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
)

// errNoNPM and errNoNode say what to do on a machine without them.
var (
	errNoNPM  = errors.New("npm is not installed, by which the tests install matrix-js-sdk and axe-core\nhint: install it (Debian: apt-get install npm)")
	errNoNode = errors.New("there is no Node.js for this system in the npm package\nhint: install Node.js 22 or newer")
)

// jsPackage is where matrix-js-sdk is installed, and how to run something there.
type jsPackage struct {
	dir  string
	node string
}

// installJS installs what jssdk/package-lock.json names, Node.js included, unless
// it is there.
func installJS(ctx context.Context) (jsPackage, error) {
	dir, err := InstallNPM(ctx, "jssdk")
	if err != nil {
		return jsPackage{}, err
	}
	node, err := findNode(dir)
	return jsPackage{dir: dir, node: node}, err
}

// InstallNPM installs what the package-lock.json in a folder of this module names,
// unless it is there, and returns the path of the folder. Concurrent callers, in
// other processes too, install once.
func InstallNPM(ctx context.Context, folder string) (dir string, err error) {
	dirs, err := moduleDirs(ctx)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dirs.e2e, folder)
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(lock)
	// In node_modules, which npm empties before it installs.
	installed := filepath.Join(dir, "node_modules", ".installed-"+hex.EncodeToString(hash[:])[:12])
	unlock, err := lockDir(dirs.bin())
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err = os.Stat(installed); errors.Is(err, os.ErrNotExist) {
		if err = npmInstall(ctx, dir); err != nil {
			return "", err
		}
		err = os.WriteFile(installed, nil, 0o644)
	}
	return dir, err
}

// npmInstall installs exactly what is locked. No package's own code is run by
// that: none of them needs it.
func npmInstall(ctx context.Context, dir string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errNoNPM
	}
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("failed to install the npm packages of %s: %w\n%s", filepath.Base(dir), err, out)
	}
	return nil
}

// findNode returns the Node.js of the npm package, which is there for Linux, or
// that of the system.
func findNode(dir string) (string, error) {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	packaged := filepath.Join(dir, "node_modules", "node-"+runtime.GOOS+"-"+arch, "bin", "node")
	if _, err := os.Stat(packaged); err == nil {
		return packaged, nil
	}
	system, err := exec.LookPath("node")
	if err != nil {
		return "", errNoNode
	}
	return system, nil
}
