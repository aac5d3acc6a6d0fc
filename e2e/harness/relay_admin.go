package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Admin asks the relay for what is at a path of its local listener, such as
// /readyz.
func (r *Relay) Admin(ctx context.Context, path string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.AdminURL()+path, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(content), err
}

// Metrics are the values of metrics by their names with labels, as they are
// written in the answer of /metrics.
type Metrics map[string]float64

// Metrics reads the relay's metrics.
func (r *Relay) Metrics(ctx context.Context) (Metrics, error) {
	status, body, err := r.Admin(ctx, "/metrics")
	if err != nil {
		return nil, err
	} else if status != http.StatusOK {
		return nil, fmt.Errorf("/metrics answers %d", status)
	}
	metrics := make(Metrics)
	for line := range bytes.Lines([]byte(body)) {
		line = bytes.TrimSpace(line)
		space := bytes.LastIndexByte(line, ' ')
		if space < 0 || line[0] == '#' {
			continue
		}
		value, err := strconv.ParseFloat(string(line[space+1:]), 64)
		if err != nil {
			return nil, fmt.Errorf("cannot read %q: %w", line, err)
		}
		metrics[string(line[:space])] = value
	}
	return metrics, nil
}
