package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/caarlos0/env/v11"

	"wazo-matrix-relay/internal/metrics"
	"wazo-matrix-relay/relay/words"
)

// health is the answer of /readyz.
type health struct {
	OK            bool     `json:"ok"`
	Relay         bool     `json:"relay"`          // nothing is wrong with the relay itself: its database, its clock
	Matrix        bool     `json:"matrix"`         // messages reach Matrix and come from there
	Wazo          bool     `json:"wazo"`           // messages reach Wazo and come from there
	LastSyncAgeMS int      `json:"last_sync_ms"`   // the age of the last answer to /sync; -1 if there was none
	Role          role     `json:"role"`           // among the relays that are started on one database
	Why           []string `json:"why,omitempty"`  // why messages cannot be relayed, in words
	Note          string   `json:"note,omitempty"` // what is as it should be, but may surprise, in words
}

func (p *parts) health(ctx context.Context) health {
	// A database that stands still is an answer, too. Who asks does not wait for longer, see askHealth.
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	h := health{Role: roleActive, LastSyncAgeMS: -1}
	if last := p.core.LastSync(); !last.IsZero() {
		h.LastSyncAgeMS = int(time.Since(last).Milliseconds())
	}
	if !p.database.IsActive() { // no request is made now, so that both sides look as if they failed
		h.Why = []string{p.texts.Say(words.NotCertainlyActive)}
		return h
	}
	sides, err := p.core.Health(ctx)
	if err != nil {
		h.Why = []string{"the relay cannot read its database: " + err.Error()}
		return h
	}
	h.Relay, h.Matrix, h.Wazo = sides.Relay.OK, sides.Matrix.OK, sides.Wazo.OK
	h.OK, h.Why = sides.OK(), sides.Why()
	if trouble := p.matrix.LogInTrouble(); trouble != "" {
		h.OK, h.Matrix, h.Why = false, false, append([]string{trouble}, h.Why...)
	}
	h.Note = sides.Wazo.Note
	return h
}

// adminHandler serves GET /healthz, GET /readyz and GET /metrics.
//
// The status of /healthz is 200 while the process works, also if messages cannot be relayed: a new start would not
// help. The status of /readyz is 200 while messages can be relayed. Otherwise the status of both is 503.
func adminHandler(p *parts) http.Handler { return handlerOf(p.core.IsAlive, p.health, p.metrics) }

func handlerOf(isAlive func() bool, ask func(context.Context) health, counted *metrics.Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		alive := isAlive()
		answer(w, alive, map[string]bool{"alive": alive})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		h := ask(r.Context())
		answer(w, h.OK, h)
	})
	mux.Handle("GET /metrics", counted.Handler())
	return mux
}

// answer answers with 200 if all is well, else with 503.
func answer(w http.ResponseWriter, ok bool, body any) {
	w.Header().Set("Content-Type", "application/json")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(body) // whoever asked is gone; there is nothing to do
}

// healthcheck asks a running relay whether messages can be relayed, and returns an error if not. A stand-by is well:
// whoever ends processes that are not would end it again and again.
func healthcheck(ctx context.Context, environ []string) error {
	var cfg struct {
		AdminListen listenAddress `env:"ADMIN_LISTEN" envDefault:"127.0.0.1:8081" hint:"set it to a host and a port, like 127.0.0.1:8081"`
	}
	if err := errors.Join(parse(&cfg, env.ToMap(environ))...); err != nil {
		return err
	}
	status, body, err := askHealth(ctx, cfg.AdminListen)
	if err != nil {
		return hint(fmt.Errorf("the relay does not answer: %w", err), "check that the relay is running, and that ADMIN_LISTEN is the same for both commands")
	} else if status != http.StatusOK && roleOf(body) != roleStandby {
		return hint(fmt.Errorf("messages cannot be relayed at the moment: %s", bytes.TrimSpace(body)), "see the log of the relay")
	}
	return nil
}

// roleOf returns the role in an answer of /readyz, "" if there is none.
func roleOf(body []byte) role {
	var h health
	_ = json.Unmarshal(body, &h) // something else has answered
	return h.Role
}

// askHealth asks the relay that listens at an address for its health.
func askHealth(ctx context.Context, address listenAddress) (status int, body []byte, err error) {
	host, port, err := net.SplitHostPort(string(address))
	if err != nil {
		return 0, nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return get(ctx, "http://"+net.JoinHostPort(host, port)+"/readyz")
}

// get reads what is at an address, as far as it is short.
func get(ctx context.Context, address string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, 16<<10))
	return resp.StatusCode, body, err
}
