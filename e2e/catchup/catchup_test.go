// Package catchup measures what catching up on a long absence costs: the relay
// as a process, between a stub homeserver and an in-memory Wazo, so
// that time and memory are the relay's own. A real homeserver would take minutes
// to store the same messages.
package catchup

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stubserver"
	"wazo-matrix-relay/wazoapi/wazotest"
)

const (
	botUser     = id.UserID("@bot:a.example")
	adminUser   = id.UserID("@robin:a.example")
	botPassword = "the bot's password"

	manyMessages = 50_000
	fewMessages  = 2_000 // with -short
	// peakLimitMB is what the relay's peak resident memory must stay below, in
	// millions of bytes.
	peakLimitMB = 150
	// patience bounds the whole test. It is no requirement: a relay that never
	// gets ready has to fail here and not at the time limit of all tests.
	patience = 8 * time.Minute
)

func TestCatchingUpOnManyMessagesIsCompleteAndLean(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the peak of another process's memory is read from /proc")
	}
	n := manyMessages
	if testing.Short() {
		n = fewMessages
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s := newFixture(ctx, t)
	s.link(ctx)
	require.NoError(t, s.relay.Stop())
	var want []string
	for i := range n {
		want = append(want, s.postOnWazo(i))
	}

	began := time.Now()
	require.NoError(t, s.relay.Restart(ctx))
	s.awaitRelayed(ctx, want[:1])
	first := time.Since(began)
	s.awaitRelayed(ctx, want)
	took := time.Since(began)
	peak, err := s.relay.PeakMemory()
	require.NoError(t, err)
	peakMB := float64(peak) / 1e6
	fmt.Printf("catchup: messages=%d peak_rss_mb=%.1f seconds=%.1f\n", n, peakMB, took.Seconds())
	t.Logf("history read after %.1fs, then %.0f events per second", first.Seconds(), float64(n-1)/(took-first).Seconds())

	// The queue is served in order, so that whatever is delivered twice comes
	// before a message that is posted last.
	want = append(want, s.postOnWazo(n))
	s.awaitRelayed(ctx, want)
	require.NoError(t, s.relay.Stop())
	requireSame(t, want, s.matrix.Relayed(s.place))
	require.Less(t, peakMB, float64(peakLimitMB))
}

// awaitRelayed waits until as many messages as wanted were relayed. If they
// don't come, it shows the first one that is missing.
func (s *fixture) awaitRelayed(ctx context.Context, want []string) {
	s.t.Helper()
	if err := s.matrix.Await(ctx, func(v *stubserver.View) bool { return v.Relayed() >= len(want) }); err != nil {
		requireSame(s.t, want, s.matrix.Relayed(s.place))
		require.NoError(s.t, err)
	}
}

// requireSame compares long lists and shows only where they part.
func requireSame(t *testing.T, want, got []string) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], "event %d of %d", i, len(got))
	}
	require.Len(t, got, len(want))
}

// fixture is one portal between the two servers.
type fixture struct {
	t       *testing.T
	matrix  *stubserver.Server
	place   id.RoomID // the room on Matrix
	wazo    *wazotest.Server
	authors []wazotest.User
	room    wazotest.Room
	relay   *harness.Relay
}

func newFixture(ctx context.Context, t *testing.T) *fixture {
	t.Helper()
	// The race detector multiplies memory: it would not be the relay's that is measured.
	t.Setenv("E2E_RACE", "")
	dir, remove, err := harness.TempDir()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remove()) })
	s := &fixture{t: t, matrix: stubserver.Start(botUser, botPassword), wazo: wazotest.New()}
	t.Cleanup(func() {
		s.matrix.Close()
		require.NoError(t, s.matrix.Faults())
	})
	require.NoError(t, s.wazo.Start("127.0.0.1:0"))
	t.Cleanup(s.wazo.Stop)
	tenant := s.wazo.AddTenant("catchup")
	hire := func(username, first, last string) wazotest.User {
		return s.wazo.AddUser(wazotest.User{Username: username, Password: "secret", Firstname: first, Lastname: last, Tenant: tenant})
	}
	s.authors = []wazotest.User{hire("alice", "Alice", "Martin"), hire("bob", "Bob", "Stone")}
	account := hire("relay", "Matrix", "Relay")
	s.room = s.wazo.CreateRoom("Project X", s.authors[0], s.authors[1], account)
	s.relay, err = harness.StartRelay(ctx, harness.RelayConfig{Dir: filepath.Join(dir, "relay"), Env: map[string]string{
		"MATRIX_USER_ID":        botUser.String(),
		"MATRIX_HOMESERVER_URL": s.matrix.URL(),
		"MATRIX_PASSWORD":       botPassword,
		"WAZO_URL":              s.wazo.URL(),
		"WAZO_USERNAME":         account.Username,
		"WAZO_PASSWORD":         account.Password,
		"ADMINS":                adminUser.String(),
	}})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.relay.End())
		harness.ShowLogIfFailed(t, s.relay.LogFile())
	})
	return s
}

// link makes the portal as a person does: invite the bot, wait for its hello,
// type the command, and wait until the link is confirmed.
func (s *fixture) link(ctx context.Context) {
	s.t.Helper()
	s.place = s.matrix.MakeRoom(adminUser)
	s.awaitNotice(ctx, "!wazo link")
	s.matrix.Say(s.place, adminUser, "!wazo link "+s.room.UUID)
	s.awaitNotice(ctx, "Linked")
}

func (s *fixture) awaitNotice(ctx context.Context, part string) {
	s.t.Helper()
	require.NoError(s.t, s.matrix.Await(ctx, func(v *stubserver.View) bool { return v.Says(s.place, part) }), "the bot did not say %q", part)
}

// postOnWazo lets the two people take turns, and returns the text by which the
// message is shown on Matrix.
func (s *fixture) postOnWazo(i int) string {
	author := s.authors[i%len(s.authors)]
	content := fmt.Sprintf("Message %06d: the offer is ready, %s", i, strings.Repeat("please have a look at it, ", i%4))
	s.wazo.Post(s.room.UUID, author, content, "")
	return author.Firstname + " " + author.Lastname + ": " + content
}
