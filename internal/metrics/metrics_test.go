package metrics

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	return answer.Body.String()
}

// nowhere lets all requests fail.
type nowhere struct{}

// RoundTrip implements http.RoundTripper.
func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("no network") }

// full returns metrics that have values everywhere.
func full() *Metrics {
	m := New(Build{Version: "v1", Commit: "abc", Go: "go1"})
	m.Accepted(db.ToWazo)
	m.Finished(db.ToWazo, relay.OutcomeDelivered, 300*time.Millisecond)
	m.Finished(db.ToMatrix, relay.OutcomeParked, time.Hour)
	m.Retrying("to_wazo", 2*time.Second)
	m.RateLimited("send", 5*time.Second)
	m.Committed(time.Millisecond)
	for _, side := range []string{Matrix, Wazo} {
		client := &http.Client{Transport: m.Transport(side)(nowhere{})}
		_, _ = client.Get("http://127.0.0.1/_matrix/client/v3/sync") // it is counted, whatever becomes of it
	}
	now := time.Now()
	m.Watch(func(context.Context) (relay.Snapshot, error) {
		return relay.Snapshot{
			MatrixUp: true, Services: map[string]bool{"chat": false}, LastSync: now,
			Queues:  []db.QueueFigures{{Direction: db.ToWazo, State: db.StateNew, Rows: 3, Oldest: jsontime.UM(now.Add(-time.Minute))}},
			Portals: map[db.PortalKind]int{db.PortalLinked: 2}, Paused: map[relay.Pause]int{relay.PauseForbidden: 1},
			Logins: map[db.AccountState]int{db.AccountActive: 4}, Connections: 1, ConnectionsDue: 2, DatabaseSize: 4096, Probes: map[relay.Server]relay.ProbeResult{relay.Homeserver: {OK: true, Took: time.Second, LastSuccess: now}, relay.WazoServer: {}}, ClockSkew: map[relay.Server]time.Duration{relay.Homeserver: -time.Hour},
		}, nil
	}, zerolog.Nop())
	return m
}

func TestMetricsHaveTheirValues(t *testing.T) {
	t.Parallel()
	text := scrape(t, full())
	for _, line := range []string{
		`wazo_matrix_relay_build_info{commit="abc",goversion="go1",version="v1"} 1`,
		`wazo_matrix_relay_messages_accepted_total{direction="to_wazo"} 1`,
		`wazo_matrix_relay_messages_accepted_total{direction="to_matrix"} 0`,
		`wazo_matrix_relay_messages_total{direction="to_wazo",outcome="delivered"} 1`,
		`wazo_matrix_relay_messages_total{direction="to_matrix",outcome="parked"} 1`,
		`wazo_matrix_relay_delivery_seconds_bucket{direction="to_wazo",le="0.5"} 1`,
		`wazo_matrix_relay_delivery_seconds_count{direction="to_matrix"} 0`, // what is parked is not delivered
		`wazo_matrix_relay_retries_total{job="to_wazo"} 1`,
		`wazo_matrix_relay_retry_pause_seconds_total{job="to_wazo"} 2`,
		`wazo_matrix_relay_rate_limited_requests_total{limit="send"} 1`,
		`wazo_matrix_relay_rate_limit_wait_seconds_total{limit="send"} 5`,
		`wazo_matrix_relay_database_commit_seconds_count 1`,
		`wazo_matrix_relay_database_readable 1`,
		`wazo_matrix_relay_side_up{side="matrix"} 1`,
		`wazo_matrix_relay_side_up{side="wazo"} 0`,
		`wazo_matrix_relay_probe_success{side="matrix"} 1`,
		`wazo_matrix_relay_probe_duration_seconds{side="matrix"} 1`,
		`wazo_matrix_relay_probe_success{side="wazo"} 0`,
		`wazo_matrix_relay_probe_last_success_timestamp_seconds{side="wazo"} 0`,
		`wazo_matrix_relay_clock_skew_seconds{server="homeserver"} -3600`,
		`wazo_matrix_relay_service_up{service="chat"} 0`,
		`wazo_matrix_relay_queue_messages{direction="to_wazo",state="new"} 3`,
		`wazo_matrix_relay_queue_messages{direction="to_matrix",state="parked"} 0`,
		`wazo_matrix_relay_portals{kind="linked"} 2`,
		`wazo_matrix_relay_portals_paused{reason="forbidden"} 1`,
		`wazo_matrix_relay_logins{state="active"} 4`,
		`wazo_matrix_relay_event_connections 1`,
		`wazo_matrix_relay_event_connections_wanted 2`,
		`wazo_matrix_relay_database_bytes{file="main"} 4096`,
	} {
		require.Contains(t, text, "\n"+line+"\n")
	}
	require.Regexp(t, `queue_oldest_age_seconds\{direction="to_wazo",state="new"\} (59|6\d)`, text)
	require.Contains(t, text, "go_goroutines ")
}

func TestAStateThatCannotBeReadIsShownAsSuch(t *testing.T) {
	t.Parallel()
	m := New(Build{})
	m.Watch(func(context.Context) (relay.Snapshot, error) { return relay.Snapshot{}, errors.New("disk") }, zerolog.Nop())
	text := scrape(t, m)
	require.Contains(t, text, "\nwazo_matrix_relay_database_readable 0\n")
	require.NotContains(t, text, "side_up{")
	require.Contains(t, text, "messages_total{", "what was counted is there all the same")
}

func TestRequestsAreCountedByEndpoint(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	m := New(Build{})
	client := &http.Client{Transport: m.Transport(Wazo)(&http.Transport{})}
	defer client.CloseIdleConnections()
	ask := func() {
		resp, err := client.Get(server.URL + "/api/auth/0.1/token/secret-token")
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
		}
	}
	ask()
	server.Close()
	ask()
	text := scrape(t, m)
	require.Contains(t, text, `wazo_matrix_relay_api_requests_total{endpoint="/api/auth/0.1/token/{}",method="GET",side="wazo",status="418"} 1`)
	require.Contains(t, text, `wazo_matrix_relay_api_requests_total{endpoint="/api/auth/0.1/token/{}",method="GET",side="wazo",status="none"} 1`)
	require.Contains(t, text, `wazo_matrix_relay_api_request_duration_seconds_count{endpoint="/api/auth/0.1/token/{}",method="GET",side="wazo"} 2`)
	require.NotContains(t, text, "secret-token")
}

func TestEndpointsNameNobody(t *testing.T) {
	t.Parallel()
	for path, endpoint := range map[string]string{
		"/_matrix/client/v3/sync": "/_matrix/client/v3/sync",
		"/_matrix/client/v3/rooms/!abc:example.org/send/m.room.message/txn-1": "/_matrix/client/v3/rooms/{}/send/{}/{}",
		"/_matrix/client/v3/rooms/!abc/state/m.room.member/@ann:example.org":  "/_matrix/client/v3/rooms/{}/state/{}/{}",
		"/api/chatd/1.0/users/me/rooms/3f0a/messages":                         "/api/chatd/1.0/users/me/rooms/{}/messages",
		"/api/chatd/1.0/users/3f0a/presences":                                 "/api/chatd/1.0/users/{}/presences",
		"/api/websocketd/":                                                    "/api/websocketd",
		"/":                                                                   "/{}",
	} {
		require.Equal(t, endpoint, endpointOf(path), path)
	}
}

// promtool is part of Prometheus (Debian: the package prometheus).
func TestPromtoolFindsNothingWrong(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(scrape(t, full()))
	output, err := check.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Empty(t, string(output))
}
