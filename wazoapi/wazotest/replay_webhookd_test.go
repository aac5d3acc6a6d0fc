package wazotest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// recordedHookPort is the port of the recorder's listener for deliveries.
const recordedHookPort = ":19876"

// hookListener takes deliveries of webhookd on two addresses of this machine and one
// port, and answers 204. Its zero value is nil, which changes nothing.
type hookListener struct {
	port string
	stop func()

	mu      sync.Mutex
	arrived []hookDelivery
	changed chan struct{}
}

type hookDelivery struct {
	listener, method, path, contentType, authorization string
	body                                               []byte
}

// listenForHooks lets a recording's subscriptions have somebody to deliver to.
func listenForHooks(r *replay) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(r.t, err)
	_, port, err := net.SplitHostPort(first.Addr().String())
	require.NoError(r.t, err)
	second, err := net.Listen("tcp", "127.0.0.2:"+port)
	require.NoError(r.t, err)
	h := &hookListener{port: ":" + port, changed: make(chan struct{})}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	var serving sync.WaitGroup
	for _, listener := range []net.Listener{first, second} {
		serving.Go(func() { _ = server.Serve(listener) }) // ends with stop
	}
	h.stop = func() {
		_ = server.Close()
		serving.Wait()
	}
	r.hooks = h
}

func (h *hookListener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // of this program's own requests
	host, _, _ := strings.Cut(r.Host, ":")
	h.mu.Lock()
	defer h.mu.Unlock()
	h.arrived = append(h.arrived, hookDelivery{
		host + recordedHookPort, r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), r.Header.Get("Authorization"), body,
	})
	close(h.changed)
	h.changed = make(chan struct{})
	w.WriteHeader(http.StatusNoContent)
}

// ours puts the port of the listener into a recorded text.
func (h *hookListener) ours(recorded string) string {
	if h == nil {
		return recorded
	}
	return strings.ReplaceAll(recorded, recordedHookPort, h.port)
}

// recorded puts the recorder's port into an answer.
func (h *hookListener) recorded(body []byte) []byte {
	if h == nil {
		return body
	}
	return bytes.ReplaceAll(body, []byte(h.port), []byte(recordedHookPort))
}

// take returns the first delivery that has arrived at a listener by a method and path,
// and forgets it. It waits for it.
func (h *hookListener) take(listener, method, path string, patience time.Duration) (hookDelivery, bool) {
	timeout := time.After(patience)
	for {
		h.mu.Lock()
		changed := h.changed
		for i, d := range h.arrived {
			if d.listener == listener && d.method == method && d.path == path {
				h.arrived = append(h.arrived[:i:i], h.arrived[i+1:]...)
				h.mu.Unlock()
				return d, true
			}
		}
		h.mu.Unlock()
		select {
		case <-changed:
		case <-timeout:
			return hookDelivery{}, false
		}
	}
}

// delivered compares a recorded delivery. Those of several subscriptions come in any
// order.
func (r *replay) delivered(e exchange) {
	d, ok := r.hooks.take(e.Listener, e.Method, r.ours(e.Path), r.patience)
	if !ok {
		r.fail("no delivery %s %s came to %s", e.Method, e.Path, e.Listener)
		return
	}
	if d.contentType != e.Headers["Content-Type"] || d.authorization != e.Headers["Authorization"] {
		r.fail("recorded %q and %q, got %q and %q", e.Headers["Content-Type"], e.Headers["Authorization"], d.contentType, d.authorization)
	}
	if !strings.HasPrefix(e.Headers["Content-Type"], "application/json") {
		if want := r.ours(e.BodyRaw); want != string(d.body) {
			r.fail("recorded body %q, got %q", want, d.body)
		}
		return
	}
	r.failAll(r.json([]byte(e.BodyRaw), d.body))
	if len(e.BodyRaw) != len(d.body) {
		r.fail("recorded %d bytes, got %d: %s", len(e.BodyRaw), len(d.body), short(d.body))
	}
}

// closeHooks ends the listener. Nothing may have come that was not recorded.
func (r *replay) closeHooks() {
	if r.hooks == nil {
		return
	}
	r.hooks.stop()
	r.hooks = nil
}

// nothingElseDelivered checks that all deliveries were compared.
func nothingElseDelivered(r *replay) {
	r.hooks.mu.Lock()
	defer r.hooks.mu.Unlock()
	for _, d := range r.hooks.arrived {
		r.fail("delivery that was not recorded: %s %s at %s", d.method, d.path, d.listener)
	}
}

// longHookBody is a subscription whose body template is too long.
func longHookBody(n int) []byte {
	return fmt.Appendf(nil, `{"name": "x", "service": "http", "events": ["chatd_user_room_message_created"], "config": {
		"url": "http://127.0.0.1:1", "method": "post", "verify_certificate": "false", "body": %q}}`, strings.Repeat("b", n))
}

// webhookScenarios are in the order in which they were recorded.
func webhookScenarios() []scenario {
	return []scenario{
		{file: "webhookd-01-subscription-crud", setup: listenForHooks},
		{file: "webhookd-02-delivery", setup: listenForHooks, before: map[int]func(*replay){29: nothingElseDelivered}},
		{file: "webhookd-03-order", setup: listenForHooks},
		{file: "webhookd-04-retry", setup: listenForHooks},
		{file: "webhookd-05-restart", setup: listenForHooks},
	}
}
