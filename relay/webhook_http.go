package relay

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"wazo-matrix-relay/internal/ratelimit"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// Limits of what comes to the address of the webhook.
const (
	maxEvent       = 8 << 20 // bytes: a message of almost 1 MiB may become several times as long as escaped JSON
	parallelEvents = 8       // that are read or stored at once; webhookd has up to five workers
	// eventsPerSubscription is within a minute. webhookd tries again what was refused, and the history is read anyway.
	eventsPerSubscription = 6000
)

// Handler serves POST <path>/<secret>: the requests of wazo-webhookd. It answers 204 when the event is stored.
// Otherwise webhookd sends it again, unless the answer is 410: that is the answer to what is not the relay's own
// (docs/wazo.md, "Deliveries of a webhook").
func (w *Webhook) Handler(path string) http.Handler {
	return &webhookHandler{
		webhook: w, prefix: path + "/", parallel: semaphore.NewWeighted(parallelEvents),
		events: ratelimit.New[string](eventsPerSubscription, time.Minute, time.Now), warnings: ratelimit.New[string](1, time.Minute, time.Now),
	}
}

// webhookHandler is the address of the webhook.
type webhookHandler struct {
	webhook  *Webhook
	prefix   string
	parallel *semaphore.Weighted
	events   *ratelimit.Limit[string] // by secret
	warnings *ratelimit.Limit[string] // of requests with a wrong secret, by address
}

// ServeHTTP implements http.Handler.
func (h *webhookHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, h.webhook.texts.Say(words.WebhookHere), http.StatusMethodNotAllowed)
		return
	}
	secret, _ := strings.CutPrefix(r.URL.Path, h.prefix)
	if err := h.parallel.Acquire(r.Context(), 1); err != nil {
		return // whoever asked is gone
	}
	defer h.parallel.Release(1)
	err := h.webhook.Receive(secret, func() ([]byte, error) {
		if h.events.Take(secret) > 0 {
			return nil, errTooManyEvents
		}
		return io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	})
	status, address := statusOfEvent(err), ratelimit.Address(r)
	switch {
	case status == http.StatusServiceUnavailable:
		h.webhook.log.Debug().Err(err).Msg("Did not take an event of wazo-webhookd, which sends it again")
	case status == http.StatusGone && h.warnings.Take(address) == 0:
		h.webhook.log.Warn().Str("address", address).Msg("Refused a request at the address of the webhook")
	}
	w.WriteHeader(status)
}

var errTooManyEvents = errors.New("too many events")

// statusOfEvent is how the relay answers to a request of which err has become.
func statusOfEvent(err error) int {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return http.StatusNoContent
	case errors.Is(err, wazoapi.ErrNotSubscribed):
		return http.StatusGone
	case errors.Is(err, wazoapi.ErrUnreadableEvent):
		return http.StatusBadRequest
	case errors.Is(err, errTooManyEvents):
		return http.StatusTooManyRequests
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	default:
		return http.StatusServiceUnavailable
	}
}
