package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/caarlos0/env/v11"
)

// healthySync is how old the last answer of /sync may be: two long polls and some.
const healthySync = 2 * time.Minute

// health is what /healthz says.
type health struct {
	OK            bool `json:"ok"`
	Matrix        bool `json:"matrix"`       // syncs
	Wazo          bool `json:"wazo"`         // events flow
	LastSyncAgeMS int  `json:"last_sync_ms"` // -1: never
}

func (p *parts) health() health {
	h := health{Wazo: p.core.Connected(), LastSyncAgeMS: -1}
	if last := p.matrix.LastSync(); !last.IsZero() {
		age := time.Since(last)
		h.LastSyncAgeMS = int(age.Milliseconds())
		h.Matrix = age < healthySync
	}
	h.OK = h.Matrix && h.Wazo
	return h
}

// adminHandler serves GET /healthz: 200 if messages flow, else 503.
func adminHandler(p *parts) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		h := p.health()
		w.Header().Set("Content-Type", "application/json")
		if !h.OK {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(h) // the asker is gone: nothing to do
	})
	return mux
}

// healthcheck asks the running relay.
func healthcheck(ctx context.Context, environ []string) error {
	var cfg struct {
		AdminListen listenAddress `env:"ADMIN_LISTEN" envDefault:"127.0.0.1:8081" hint:"set it to a host and a port, like 127.0.0.1:8081"`
	}
	if err := errors.Join(parse(&cfg, env.ToMap(environ))...); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(string(cfg.AdminListen))
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return hint(err, "the relay does not run, or ADMIN_LISTEN differs")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1024)) // what there is of it
		return hint(fmt.Errorf("the relay is not well: %s", body), "see its log")
	}
	return nil
}
