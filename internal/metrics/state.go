package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

// scrapeTimeout is how long reading the state may take. Prometheus waits for ten seconds.
const scrapeTimeout = 8 * time.Second

// Watch has the state of the core read whenever Prometheus asks. It must be called once at most.
func (m *Metrics) Watch(snapshot func(context.Context) (relay.Snapshot, error), log zerolog.Logger) {
	m.registry.MustRegister(&state{snapshot, log})
}

// state reads what has a value at a moment.
type state struct {
	snapshot func(context.Context) (relay.Snapshot, error)
	log      zerolog.Logger
}

var _ prometheus.Collector = (*state)(nil)

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
}

var (
	readable       = gauge("database_readable", "Whether the state could be read from the database: 1 or 0. Without that, the other gauges are missing.")
	sideUp         = gauge("side_up", "Whether a side is well, or the relay itself: 1 or 0. /readyz says why not.", "side")
	serviceUp      = gauge("service_up", "Whether what was last tried at a piece of a side has succeeded: 1 or 0.", "service")
	lastSync       = gauge("last_sync_timestamp_seconds", "When the homeserver last answered /sync, as Unix time; 0 if it has not since the start.")
	clockSkew      = gauge("clock_skew_seconds", "By how much the clock of a server is ahead of that of the relay, to the second.", "server")
	probeSuccess   = gauge("probe_success", "Whether the last message of the relay to itself has come back: 1 or 0. It is missing if there was none.", "side")
	probeDuration  = gauge("probe_duration_seconds", "How long the last message of the relay to itself took, or was waited for.", "side")
	probeLast      = gauge("probe_last_success_timestamp_seconds", "When a message of the relay to itself last came back, as Unix time; 0 if none has since the start.", "side")
	queueMessages  = gauge("queue_messages", "Messages in the queues.", "direction", "state")
	queueOldest    = gauge("queue_oldest_age_seconds", "How long the oldest message in the queues has been there; 0 if there is none.", "direction", "state")
	portals        = gauge("portals", "Matrix rooms that are linked with a chat on Wazo, by how that came to be.", "kind")
	portalsPaused  = gauge("portals_paused", "Portals that do not relay until something is repaired, by reason.", "reason")
	logins         = gauge("logins", "People who have logged in with their own Wazo accounts, by whether Wazo accepts that.", "state")
	connections    = gauge("event_connections", "Open connections for events of Wazo.")
	connectionsDue = gauge("event_connections_wanted", "Connections for events of Wazo that should be open.")
	databaseBytes  = gauge("database_bytes", "Size of the database on disk: of its main file, and of the write-ahead log.", "file")
)

// Describe implements prometheus.Collector.
func (s *state) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{readable, sideUp, serviceUp, lastSync, clockSkew, probeSuccess, probeDuration, probeLast, queueMessages, queueOldest, portals, portalsPaused, logins, connections, connectionsDue, databaseBytes} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (s *state) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	now, err := s.snapshot(ctx)
	set := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	set(readable, number(err == nil))
	if err != nil {
		s.log.Err(err).Msg("Failed to read the state for the metrics")
		return
	}
	set(sideUp, number(now.MatrixUp), Matrix)
	set(sideUp, number(now.WazoUp), Wazo)
	set(sideUp, number(now.RelayUp), "relay")
	for server, ahead := range now.ClockSkew {
		set(clockSkew, ahead.Seconds(), string(server))
	}
	for name, up := range now.Services {
		set(serviceUp, number(up), name)
	}
	set(lastSync, unix(now.LastSync))
	for server, result := range now.Probes {
		side := Matrix
		if server == relay.WazoServer {
			side = Wazo
		}
		set(probeSuccess, number(result.OK), side)
		set(probeDuration, result.Took.Seconds(), side)
		set(probeLast, unix(result.LastSuccess), side)
	}
	s.collectQueues(now.Queues, set)
	for kind, n := range now.Portals {
		set(portals, float64(n), string(kind))
	}
	for reason, n := range now.Paused {
		set(portalsPaused, float64(n), string(reason))
	}
	for accountState, n := range now.Logins {
		set(logins, float64(n), string(accountState))
	}
	set(connections, float64(now.Connections))
	set(connectionsDue, float64(now.ConnectionsDue))
	set(databaseBytes, float64(now.DatabaseSize), "main")
	set(databaseBytes, float64(now.WALSize), "wal")
}

// collectQueues sets a value for each direction and state, also for those without messages.
func (s *state) collectQueues(figures []db.QueueFigures, set func(*prometheus.Desc, float64, ...string)) {
	type key struct {
		direction db.Direction
		state     db.State
	}
	known := make(map[key]db.QueueFigures)
	for _, f := range figures {
		known[key{f.Direction, f.State}] = f
	}
	for _, direction := range []db.Direction{db.ToWazo, db.ToMatrix} {
		for _, rowState := range []db.State{db.StateNew, db.StateAttempted, db.StateWaiting, db.StateParked} {
			f, age := known[key{direction, rowState}], 0.0
			if f.Rows > 0 {
				age = max(time.Since(f.Oldest.Time), 0).Seconds()
			}
			set(queueMessages, float64(f.Rows), string(direction), string(rowState))
			set(queueOldest, age, string(direction), string(rowState))
		}
	}
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
