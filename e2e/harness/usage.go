package harness

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc: it is the same on all machines for which Linux is built today.
const clockTick = 10 * time.Millisecond

// CPUTime returns how much time of a processor the running relay has taken since its start. It works on Linux only.
func (r *Relay) CPUTime() (time.Duration, error) { return cpuTime(r.proc) }

// CPUTime returns how much time of a processor the running homeserver has taken since its start. It works on Linux
// only.
func (h *Homeserver) CPUTime() (time.Duration, error) { return cpuTime(h.proc) }

func cpuTime(p *process) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("failed to read the time of %s: %w", p.name, err)
	}
	// The name of the program stands in parentheses and may contain anything; utime is the twelfth field behind it.
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// Metric returns the value of a metric without labels that the running relay shows. It reports false if there is no
// such metric.
func (r *Relay) Metric(ctx context.Context, name string) (value float64, found bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.AdminURL()+"/metrics", nil)
	if err != nil {
		return 0, false, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = resp.Body.Close() }() // only read
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			value, err = strconv.ParseFloat(text, 64)
			return value, err == nil, err
		}
	}
	return 0, false, nil
}
