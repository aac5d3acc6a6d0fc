package catchup

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// peakMemory returns the most resident memory, in bytes, that the child of this
// process which works in dir has ever had. It must still run.
func peakMemory(dir string) (int64, error) {
	pid, err := childIn(dir)
	if err != nil {
		return 0, err
	}
	kib, err := statusNumber(pid, "VmHWM")
	return kib * 1024, err
}

// childIn returns the process id of the child that works in dir.
func childIn(dir string) (string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		return "", err
	}
	for _, link := range links {
		pid := filepath.Base(filepath.Dir(link))
		// Errors are of processes that have ended, or of other people's.
		if cwd, err := os.Readlink(link); err != nil || cwd != dir {
			continue
		}
		if parent, err := statusNumber(pid, "PPid"); err == nil && parent == int64(os.Getpid()) {
			return pid, nil
		}
	}
	return "", fmt.Errorf("no child works in %s", dir)
}

// statusNumber returns a number out of /proc/PID/status; sizes there are in KiB.
func statusNumber(pid, name string) (int64, error) {
	data, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		}
	}
	return 0, fmt.Errorf("process %s has no %s", pid, name)
}
