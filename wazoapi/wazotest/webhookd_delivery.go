package wazotest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// What webhookd does with a delivery (docs/wazo.md, "Deliveries of a webhook").
const (
	hookWorkers   = 3
	hookAttempts  = 10
	hookPatience  = 15 * time.Second
	hookRedirects = 30
)

// hookTask is one event on its way to one subscription. It lives on when the
// subscription is deleted.
type hookTask struct {
	sub      subscription
	event    event
	attempts int
}

// webhooks delivers events to the subscriptions of webhookd. Tasks outlive
// [Server.Stop], as they are kept by RabbitMQ.
type webhooks struct {
	server *Server
	client *http.Client
	once   sync.Once // listen

	mu            sync.Mutex      // guards what follows
	subscriptions []*subscription // the oldest first
	ctx           context.Context
	stop          context.CancelFunc // nil while the server is stopped
	tasks         []*hookTask
	working       int
	workers       sync.WaitGroup
}

var _ listener = (*webhooks)(nil)

func newWebhooks(s *Server) *webhooks {
	return &webhooks{server: s, client: &http.Client{
		Timeout:   hookPatience,
		Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, DisableKeepAlives: true},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > hookRedirects {
				return errors.New("Exceeded 30 redirects.")
			}
			return nil
		},
	}}
}

// listen begins to hear events, with the first subscription.
func (w *webhooks) listen() { w.once.Do(func() { w.server.bus.join(w) }) }

func (w *webhooks) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.stop = context.WithCancel(context.Background())
	w.work()
}

// halt stops all deliveries; they are tried again after start.
func (w *webhooks) halt() {
	w.mu.Lock()
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
	w.mu.Unlock()
	w.workers.Wait()
}

// offer makes a task for each subscription that an event is for. What happens while
// webhookd is away is lost: its queue on the bus goes away with it.
func (w *webhooks) offer(e event) {
	s := w.server
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop == nil || s.faults.fires(webhookdDown, faultScope{}) != nil {
		return
	}
	for _, sub := range w.subscriptions {
		switch {
		case sub.unbound, sub.service != "http", !slices.Contains(sub.events, e.name), sub.ownerTenant != e.tenant:
		case sub.eventsUser != "" && sub.eventsUser != e.addressee: // events for everybody ("*") don't come, either
		case s.faults.fires(dropHook, faultScope{user: sub.eventsUser}) != nil:
		default:
			w.add(&hookTask{sub: *sub, event: e})
		}
	}
	w.work()
}

// add adds a new task. The caller holds w.mu.
func (w *webhooks) add(task *hookTask) {
	if fault := w.server.faults.fires(lateHook, faultScope{user: task.sub.eventsUser}); fault != nil {
		w.server.clock.AfterFunc(fault.delay, func() { w.enqueue(task) })
		return
	}
	w.tasks = append(w.tasks, task)
}

// work starts workers for what waits. The caller holds w.mu.
func (w *webhooks) work() {
	for w.stop != nil && len(w.tasks) > 0 && w.working < hookWorkers {
		task := w.tasks[0]
		w.tasks = w.tasks[1:]
		w.working++
		ctx := w.ctx
		w.workers.Go(func() { w.deliver(ctx, task) })
	}
}

// deliver tries a task once. A worker is free again while a task waits for its next
// attempt.
func (w *webhooks) deliver(ctx context.Context, task *hookTask) {
	again := w.attempt(ctx, task)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.working--
	switch {
	case again && ctx.Err() != nil:
		w.tasks = append(w.tasks, task) // webhookd was stopped, and does it after its next start
	case again && task.attempts < hookAttempts:
		w.server.clock.AfterFunc(time.Second<<(task.attempts-1), func() { w.enqueue(task) })
	}
	w.work()
}

func (w *webhooks) enqueue(task *hookTask) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tasks = append(w.tasks, task)
	w.work()
}

// attempt sends a task's request. It reports whether it must be tried again.
func (w *webhooks) attempt(ctx context.Context, task *hookTask) (again bool) {
	req, err := w.request(ctx, task)
	if err != nil {
		task.attempts++
		return false // a broken template, or a URL on this machine
	}
	resp, err := w.client.Do(req)
	if ctx.Err() != nil {
		if err == nil {
			_ = resp.Body.Close()
		}
		return true
	}
	task.attempts++
	if err != nil {
		return true
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // the answer's body does not matter
	_ = resp.Body.Close()
	return resp.StatusCode >= http.StatusBadRequest && resp.StatusCode != http.StatusGone
}

var errOnThisMachine = errors.New("the URL of a user's subscription is on this machine")

func (w *webhooks) request(ctx context.Context, task *hookTask) (*http.Request, error) {
	var envelope struct {
		Origin string `json:"origin_uuid"`
		Data   json.RawMessage
	}
	if err := json.Unmarshal(task.event.payload, &envelope); err != nil {
		return nil, err
	}
	var data any
	if err := json.Unmarshal(envelope.Data, &data); err != nil {
		return nil, err
	}
	names := map[string]any{"event_name": task.event.name, "wazo_uuid": envelope.Origin, "event": data}
	config := task.sub.config
	target, err := renderHook(config.url, names)
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(target); task.sub.ownerUser != "" && err == nil && (u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost") {
		return nil, errOnThisMachine
	}
	body, contentType := pythonJSON(envelope.Data), "application/json"
	if config.body != nil {
		contentType = "text/plain"
		if body, err = renderHook(*config.body, names); err != nil {
			return nil, err
		}
	}
	if config.contentType != nil {
		contentType = *config.contentType
	}
	req, err := http.NewRequestWithContext(ctx, config.hookMethod(), target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "python-requests/2.28.1")
	req.Header.Set("Accept", "*/*")
	req.Header.Set("Content-Type", contentType+"; charset=utf-8")
	return req, nil
}

// PendingWebhooks returns how many deliveries wait for a worker. Those that wait for
// their next attempt are not counted.
func (s *Server) PendingWebhooks() int {
	s.webhooks.mu.Lock()
	defer s.webhooks.mu.Unlock()
	return len(s.webhooks.tasks) + s.webhooks.working
}
