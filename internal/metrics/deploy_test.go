package metrics

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// deployed are the files for monitoring that the repository offers.
const (
	rulesFile     = "../../deploy/prometheus/alerts.yml"
	dashboardFile = "../../deploy/grafana/wazo-matrix-relay.json"
	administrator = "../../docs/administration.md"
)

// known returns the names of all series, and those of all metrics, of which some are several series.
func known(t *testing.T) (series, metrics []string) {
	t.Helper()
	families, err := full().registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		metrics = append(metrics, family.GetName())
		series = append(series, family.GetName())
		if family.GetType().String() == "HISTOGRAM" {
			series = append(series, family.GetName()+"_bucket", family.GetName()+"_sum", family.GetName()+"_count")
		}
	}
	return series, metrics
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(content)
}

var ownName = regexp.MustCompile(namespace + `_[a-z_]+`)

func TestRulesAndDashboardNameMetricsThatExist(t *testing.T) {
	t.Parallel()
	series, _ := known(t)
	for _, file := range []string{rulesFile, filepath.Join(filepath.Dir(rulesFile), "alerts_test.yml"), dashboardFile} {
		names := ownName.FindAllString(read(t, file), -1)
		require.Greater(t, len(names), 5, file)
		for _, name := range names {
			require.True(t, slices.Contains(series, name), "%s names %s", file, name)
		}
	}
}

// Each alert leads somewhere.
func TestEachAlertHasItsPath(t *testing.T) {
	t.Parallel()
	text := read(t, "../../docs/troubleshooting.md")
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(read(t, rulesFile), -1)
	require.NotEmpty(t, alerts)
	for _, alert := range alerts {
		require.Contains(t, text, "| `"+alert[1]+"` | ")
	}
	for _, named := range regexp.MustCompile("`(WazoMatrixRelay\\w+)`").FindAllStringSubmatch(text, -1) {
		require.Contains(t, read(t, rulesFile), "- alert: "+named[1]+"\n")
	}
}

// expressions returns what the dashboard asks Prometheus for.
func expressions(t *testing.T) (list []string) {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Type    string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, dashboardFile)), &dashboard))
	for _, panel := range dashboard.Panels {
		require.Equal(t, panel.Type == "row", len(panel.Targets) == 0)
		for _, target := range panel.Targets {
			list = append(list, target.Expr)
		}
	}
	return list
}

// The dashboard shows all that there is.
func TestDashboardShowsEachMetric(t *testing.T) {
	t.Parallel()
	shown := strings.Join(expressions(t), "\n")
	_, metrics := known(t)
	for _, name := range metrics {
		if strings.HasPrefix(name, namespace) && !slices.Contains(notShown, name) {
			require.True(t, strings.Contains(shown, name), name)
		}
	}
}

// notShown are the metrics that only alerts use, or that another one contains.
var notShown = []string{namespace + "_database_readable", namespace + "_retry_pause_seconds_total"}

func TestEachMetricIsExplainedToAdministrators(t *testing.T) {
	t.Parallel()
	_, metrics := known(t)
	text := read(t, administrator)
	for _, name := range metrics {
		if short, own := strings.CutPrefix(name, namespace+"_"); own {
			require.True(t, strings.Contains(text, "`"+short+"`"), "%s does not explain %s", administrator, short)
		}
	}
}

func TestPromtoolAcceptsTheRulesAndWhatTheDashboardAsks(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	// promtool knows rules only, so each question of the dashboard becomes one.
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule
	variables := strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*")
	for i, expr := range expressions(t) {
		rules = append(rules, rule{fmt.Sprintf("dashboard:%d", i), variables.Replace(expr)})
	}
	asked, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	require.NoError(t, os.WriteFile(file, asked, 0o600))
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}, {"check", "rules", "--lint=none", file}} {
		check := exec.CommandContext(t.Context(), promtool, args...)
		check.Dir = filepath.Dir(rulesFile)
		output, err := check.CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
}
