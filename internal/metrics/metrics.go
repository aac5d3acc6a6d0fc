package metrics

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

// namespace is what the names of all metrics of the relay begin with.
const namespace = "wazo_matrix_relay"

// Build is what is told of the program.
type Build struct{ Version, Commit, Go string }

// Metrics are the metrics of one relay. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	accepted  *prometheus.CounterVec
	finished  *prometheus.CounterVec
	delivery  *prometheus.HistogramVec
	retries   *prometheus.CounterVec
	retryWait *prometheus.CounterVec
	limited   *prometheus.CounterVec
	limitWait *prometheus.CounterVec
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	commits   prometheus.Histogram
	active    atomic.Pointer[func() bool] // nil: it is not
}

var _ relay.Observer = (*Metrics)(nil)

// New returns metrics that have counted nothing yet.
func New(build Build) *Metrics {
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		accepted:  counter("messages_accepted_total", "Messages that were stored to be relayed.", "direction"),
		finished:  counter("messages_total", "Messages that have left their queue, or were parked, by what became of them.", "direction", "outcome"),
		delivery:  histogram("delivery_seconds", "Time from the acceptance of a message to its delivery.", []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400}, "direction"),
		retries:   counter("retries_total", "Failures after which a job is tried again.", "job"),
		retryWait: counter("retry_pause_seconds_total", "Pauses after such failures, as they were planned.", "job"),
		limited:   counter("rate_limited_requests_total", "Requests that have waited because the homeserver limits the account.", "limit"),
		limitWait: counter("rate_limit_wait_seconds_total", "Time that these requests have waited.", "limit"),
		requests:  counter("api_requests_total", "Requests to the servers of both sides. The status is that of HTTP, or none if there was no answer.", "side", "method", "endpoint", "status"),
		duration:  histogram("api_request_duration_seconds", "Time from a request to the beginning of its answer.", []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 90}, "side", "method", "endpoint"),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: "database_commit_seconds",
			Help: "Time that the commits took that waited for the disk.", Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info", Help: "What the program is made of. The value is always 1.",
		ConstLabels: prometheus.Labels{"version": build.Version, "commit": build.Commit, "goversion": build.Go}})
	info.Set(1)
	active := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "active",
		Help: "Whether this relay relays: 1 or 0. It is 0 for a stand-by, and while it is not certain that no other relay has taken over."},
		func() float64 { return number(m.isActive()) })
	m.registry.MustRegister(info, active, m.accepted, m.finished, m.delivery, m.retries, m.retryWait, m.limited, m.limitWait, m.requests, m.duration, m.commits,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.begin()
	return m
}

// WatchActive has it asked, whenever Prometheus asks, whether the relay is the active one. Without that it is not.
func (m *Metrics) WatchActive(isActive func() bool) { m.active.Store(&isActive) }

func (m *Metrics) isActive() bool {
	isActive := m.active.Load()
	return isActive != nil && (*isActive)()
}

// begin makes the series that everybody expects, at zero: the rate of a series that appears with its first event begins
// too late.
func (m *Metrics) begin() {
	for _, direction := range []db.Direction{db.ToWazo, db.ToMatrix} {
		m.accepted.WithLabelValues(string(direction))
		m.delivery.WithLabelValues(string(direction))
		for _, outcome := range relay.Outcomes() {
			m.finished.WithLabelValues(string(direction), string(outcome))
		}
		m.retries.WithLabelValues(string(direction))
		m.retryWait.WithLabelValues(string(direction))
	}
	for _, limit := range []string{"send", "invite", "ask"} {
		m.limited.WithLabelValues(limit)
		m.limitWait.WithLabelValues(limit)
	}
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}

// Handler serves the metrics in the formats of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// Accepted implements relay.Observer.
func (m *Metrics) Accepted(direction db.Direction) {
	m.accepted.WithLabelValues(string(direction)).Inc()
}

// Finished implements relay.Observer.
func (m *Metrics) Finished(direction db.Direction, outcome relay.Outcome, after time.Duration) {
	m.finished.WithLabelValues(string(direction), string(outcome)).Inc()
	if outcome == relay.OutcomeDelivered {
		m.delivery.WithLabelValues(string(direction)).Observe(max(after, 0).Seconds())
	}
}

// Retrying implements relay.Observer.
func (m *Metrics) Retrying(job string, pause time.Duration) {
	m.retries.WithLabelValues(job).Inc()
	m.retryWait.WithLabelValues(job).Add(max(pause, 0).Seconds())
}

// RateLimited notes that a request has waited because the homeserver limits what limit names.
func (m *Metrics) RateLimited(limit string, waited time.Duration) {
	m.limited.WithLabelValues(limit).Inc()
	m.limitWait.WithLabelValues(limit).Add(max(waited, 0).Seconds())
}

// Committed notes how long a commit took.
func (m *Metrics) Committed(took time.Duration) { m.commits.Observe(took.Seconds()) }
