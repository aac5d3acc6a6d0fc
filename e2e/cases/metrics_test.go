package cases

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
)

// awaitMetrics waits until the relay's metrics are as they should be.
func (s *fixture) awaitMetrics(t *testing.T, what string, are func(harness.Metrics) bool) harness.Metrics {
	t.Helper()
	for {
		metrics, err := s.Relay.Metrics(s.ctx)
		require.NoError(t, err, "while waiting for %s", what)
		if are(metrics) {
			return metrics
		}
		select {
		case <-s.ctx.Done():
			require.Fail(t, "timed out waiting for "+what, "%v", metrics)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// notAtFirst are the metrics of the alert rules that have no series before something happens.
var notAtFirst = []string{"wazo_matrix_relay_rate_limit_wait_seconds_total", "wazo_matrix_relay_clock_skew_seconds"}

// requireMetricsOfTheRules requires that the program has each metric that an alert asks for.
func requireMetricsOfTheRules(t *testing.T, text string) {
	t.Helper()
	rules, err := os.ReadFile("../../deploy/prometheus/alerts.yml")
	require.NoError(t, err)
	names := regexp.MustCompile(`wazo_matrix_relay_[a-z_]+`).FindAllString(string(rules), -1)
	require.NotEmpty(t, names)
	for _, name := range names {
		if !slices.Contains(notAtFirst, name) {
			require.Regexp(t, `(?m)^`+name+`[{ ]`, text)
		}
	}
}

func TestMetricsMove(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{Env: map[string]string{"PROBE_MINUTES": "0.02"}})
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	const toWazo, toMatrix = `{direction="to_wazo"}`, `{direction="to_matrix"}`
	before, err := s.Relay.Metrics(s.ctx)
	require.NoError(t, err)
	require.Zero(t, before["wazo_matrix_relay_messages_accepted_total"+toWazo])
	for range 3 {
		p.requireTalk(t)
	}
	after := s.awaitMetrics(t, "three messages each way", func(m harness.Metrics) bool {
		return m[`wazo_matrix_relay_messages_total{direction="to_wazo",outcome="delivered"}`] >= 3 &&
			m[`wazo_matrix_relay_messages_total{direction="to_matrix",outcome="delivered"}`] >= 3
	})
	for _, direction := range []string{toWazo, toMatrix} {
		require.EqualValues(t, 3, after["wazo_matrix_relay_messages_accepted_total"+direction])
		require.EqualValues(t, 3, after["wazo_matrix_relay_delivery_seconds_count"+direction])
		require.Positive(t, after["wazo_matrix_relay_delivery_seconds_sum"+direction])
	}
	posts := `wazo_matrix_relay_api_requests_total{endpoint="/api/chatd/1.0/users/me/rooms/{}/messages",method="POST",side="wazo",status="201"}`
	require.EqualValues(t, 3, after[posts]-before[posts])
	sends := `wazo_matrix_relay_api_requests_total{endpoint="/_matrix/client/v3/rooms/{}/send/{}/{}",method="PUT",side="matrix",status="200"}`
	require.GreaterOrEqual(t, after[sends]-before[sends], 3.0)
	require.Greater(t, after["wazo_matrix_relay_database_commit_seconds_count"], before["wazo_matrix_relay_database_commit_seconds_count"])
	require.EqualValues(t, 1, after[`wazo_matrix_relay_portals{kind="linked"}`])
	require.EqualValues(t, 1, after[`wazo_matrix_relay_side_up{side="matrix"}`])
	require.EqualValues(t, 1, after[`wazo_matrix_relay_side_up{side="wazo"}`])

	_, text, err := s.Relay.Admin(s.ctx, "/metrics")
	require.NoError(t, err)
	for _, name := range []string{p.Matrix.String(), p.Portal.Wazo, s.Robin.UserID().String(), s.Cast.Relay.UUID} {
		require.NotContains(t, text, name, "who talks where is no business of a monitor")
	}
	s.awaitMetrics(t, "the self-probe", func(m harness.Metrics) bool {
		return m[`wazo_matrix_relay_probe_success{side="matrix"}`] == 1 && m[`wazo_matrix_relay_probe_success{side="wazo"}`] == 1
	})
	_, text, err = s.Relay.Admin(s.ctx, "/metrics")
	require.NoError(t, err)
	requireMetricsOfTheRules(t, text)
	if promtool, err := exec.LookPath("promtool"); err == nil {
		check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
		check.Stdin = strings.NewReader(text)
		output, err := check.CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
}
