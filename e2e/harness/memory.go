package harness

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ResidentMemory returns how many bytes of memory the running relay occupies now.
// It works on Linux only.
func (r *Relay) ResidentMemory() (int64, error) { return r.statusBytes("VmRSS") }

// PeakMemory returns how many bytes of memory the running relay has occupied at
// most since its start. It works on Linux only.
func (r *Relay) PeakMemory() (int64, error) { return r.statusBytes("VmHWM") }

// statusBytes returns a size out of /proc/PID/status; they are in KiB there.
func (r *Relay) statusBytes(name string) (int64, error) {
	file := fmt.Sprintf("/proc/%d/status", r.proc.cmd.Process.Pid)
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("failed to read the memory of the relay: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}
