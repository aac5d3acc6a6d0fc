package app

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

// another returns the fixture of a second relay between the same servers and with the same configuration, on another
// machine.
func (f *fixture) another() *fixture {
	second := *f
	second.env = maps.Clone(f.env)
	second.env["ADMIN_LISTEN"] = freeAddress(f.T)
	return &second
}

// ask asks the relay at its local listener.
func (f *fixture) ask(path string) (status int, body string) {
	f.Helper()
	status, answer, err := get(f.Context(), "http://"+f.env["ADMIN_LISTEN"]+path)
	require.NoError(f, err)
	return status, string(answer)
}

// awaitStandby waits until the relay that serve started is a stand-by.
func (f *fixture) awaitStandby() {
	f.Helper()
	await.Until(f, "a stand-by", func() bool {
		_, answer, err := get(f.Context(), "http://"+f.env["ADMIN_LISTEN"]+"/readyz")
		return err == nil && strings.Contains(string(answer), `"role":"stand-by"`)
	})
}

func TestStandbyTakesOver(t *testing.T) {
	t.Parallel()
	first := newFixture(t)
	first.onPostgres()
	first.env["PUBLIC_URL"], first.env["LISTEN"] = "https://relay.example.org", freeAddress(t)
	second := first.another()
	stopFirst := first.serve()
	first.awaitWell()
	_, body := first.ask("/metrics")
	require.Contains(t, body, "\nwazo_matrix_relay_active 1\n")

	stopSecond := second.serve() // LISTEN is the same: a stand-by does not listen there
	second.awaitStandby()
	status, body := second.ask("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "This relay is the stand-by.")
	require.Contains(t, body, `"ok":false`)
	status, body = second.ask("/healthz")
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"alive":true}`, body)
	_, body = second.ask("/metrics")
	require.Contains(t, body, "\nwazo_matrix_relay_active 0\n")
	require.NoError(t, second.healthcheck(), "a stand-by is not to be started again")

	require.NoError(t, stopFirst().err)
	second.awaitWell()
	await.Until(t, "the stand-by to be active", func() bool {
		status, body := second.ask("/readyz")
		return status == http.StatusOK && strings.Contains(body, `"role":"active"`)
	})
	_, body = second.ask("/metrics")
	require.Contains(t, body, "\nwazo_matrix_relay_active 1\n")
	require.Equal(t, 1, first.homeserver.logins, "both use the same device")
	out := stopSecond()
	require.NoError(t, out.err)
	require.Equal(t, 1, strings.Count(out.stderr, "Stand-by: another relay is active"), out.stderr)
	require.Contains(t, out.stderr, "taking over")
	require.Contains(t, out.stderr, "Relay started")
}

func TestStandbyThatIsStopped(t *testing.T) {
	t.Parallel()
	first := newFixture(t)
	first.onPostgres()
	second := first.another()
	stopFirst := first.serve()
	first.awaitWell()
	stopSecond := second.serve()
	second.awaitStandby()
	out := stopSecond()
	require.NoError(t, out.err, "being stopped is no failure")
	require.NotContains(t, out.stderr, "Relay started")
	require.NoError(t, stopFirst().err)
}

func TestStandbyWhosePortIsTaken(t *testing.T) {
	t.Parallel()
	first := newFixture(t)
	first.onPostgres()
	stop := first.serve()
	first.awaitWell()
	failure, hint := first.fails()
	require.Contains(t, failure, "address already in use")
	require.NotContains(t, failure, "database")
	require.Contains(t, hint, "set ADMIN_LISTEN")
	require.NoError(t, stop().err)
}

// A relay that cannot confirm that it is active says so, and makes no request.
func TestRelayThatIsNotCertainToBeActive(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	location := f.onPostgres()
	stop := f.serve()
	f.awaitWell()
	conn, err := pgx.Connect(t.Context(), location)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "BEGIN; LOCK TABLE lease")
	require.NoError(t, err)
	await.Until(t, "the lease to end", func() bool {
		_, body := f.ask("/metrics")
		return strings.Contains(body, "\nwazo_matrix_relay_active 0\n")
	})
	status, body := f.ask("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "makes no requests at the moment")
	await.Until(t, "the last request to be answered", func() bool { return f.homeserver.asked.Load() == 0 })
	before := f.homeserver.requests.Load()
	_, err = conn.Exec(t.Context(), "SELECT pg_sleep(1)")
	require.NoError(t, err)
	require.Equal(t, before, f.homeserver.requests.Load())
	_, err = conn.Exec(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	f.awaitWell()
	await.Until(t, "requests", func() bool { return f.homeserver.requests.Load() > before })
	require.NoError(t, stop().err)
}
