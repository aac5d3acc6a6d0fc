package chaos

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// BuildRelay builds the relay into dir and returns the program's path. The build
// has the tag "chaos", with which the relay's waiting times can be shortened and
// parts of its protection can be switched off.
func BuildRelay(ctx context.Context, dir string) (string, error) {
	source, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "wazo-matrix-relay").Output()
	if err != nil {
		return "", fmt.Errorf("failed to find the relay's module, start from inside e2e: %w", err)
	}
	target, err := filepath.Abs(filepath.Join(dir, "wazo-matrix-relay-chaos"))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "goolm chaos", "-o", target, ".")
	cmd.Dir = strings.TrimSpace(string(source))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("failed to build the relay: %w\n%s", err, out)
	}
	return target, nil
}
