package wazotest

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newReplay starts a simulator with the accounts of the recordings.
func newReplay(t *testing.T) *replay {
	r := startReplay(t, time.Date(2026, 11, 21, 19, 22, 5, 917492000, time.UTC), accounts)
	r.bindTenants()
	return r
}

// startReplay starts a simulator with the accounts that people makes, at a time.
func startReplay(t *testing.T, at time.Time, people func(*Server) map[string]User) *replay {
	t.Helper()
	clock := NewManualClock(at)
	server := New(WithClock(clock), WithPingInterval(0))
	require.NoError(t, server.Start("127.0.0.1:0"))
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		server.Stop()
		transport.CloseIdleConnections()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	r := &replay{
		t: t, ctx: ctx, server: server, clock: clock, comparer: newComparer(), users: people(server),
		patience: 30 * time.Second, smsIDs: map[string]string{},
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	r.bindServer()
	return r
}

// replays returns one replay for each server that was recorded.
func replays(t *testing.T) []*replay {
	first, second := newReplay(t), newConnectorReplay(t)
	first.scenarios, second.scenarios = scenarios(), connectorScenarios()
	return []*replay{first, second}
}

// TestContract replays the recordings of the real services.
func TestContract(t *testing.T) {
	t.Parallel()
	replayed, of, skipped := 0, 0, 0
	for _, r := range replays(t) {
		r.runAll()
		for _, diff := range r.diffs {
			t.Error(diff)
		}
		for _, s := range r.skipped {
			t.Log("skipped ", s)
		}
		replayed, of, skipped = replayed+r.replayed, of+r.of, skipped+len(r.skipped)
	}
	line := fmt.Sprintf("contract: replayed=%d of=%d skipped=%d", replayed, of, skipped)
	fmt.Println(line)
	t.Log(line)
	assert.Equal(t, of, replayed+skipped)
	assert.GreaterOrEqual(t, of, 250, "exchanges on endpoints that the relay calls")
	assert.Less(t, skipped*10, of, "skipped exchanges")
}

// TestContractSeesBrokenAnswers breaks the simulator in small ways, one at
// a time, and expects the comparison to notice each.
func TestContractSeesBrokenAnswers(t *testing.T) {
	t.Parallel()
	replace := func(from, to string) func(*answer) {
		return func(a *answer) { a.body = []byte(strings.ReplaceAll(string(a.body), from, to)) }
	}
	for _, test := range []struct {
		name  string
		route string
		spoil func(*answer)
	}{
		{"another error id", "POST /api/chatd/1.0/users/me/rooms", replace("duplicate-user", "duplicated-user")},
		{"another message", "POST /api/chatd/1.0/users/me/rooms", replace("Duplicate user detected", "Duplicate user")},
		{"another status", "POST /api/chatd/1.0/users/me/rooms", func(a *answer) { a.status++ }},
		{"another content type", "POST /api/chatd/1.0/users/me/rooms", func(a *answer) { a.contentType += "; charset=utf-8" }},
		{"a key too many", "POST /api/chatd/1.0/users/me/rooms", replace(`"resource":`, `"kind":null,"resource":`)},
		{"a key renamed", "POST /api/chatd/1.0/users/me/rooms", replace(`"error_id"`, `"error"`)},
		{"keys in another order", "POST /api/chatd/1.0/users/me/rooms",
			replace(`"error_id":"duplicate-user","details":{}`, `"details":{},"error_id":"duplicate-user"`)},
		{"an object instead of a list", "POST /api/chatd/1.0/users/me/rooms", replace(`"users":[`, `"users":{},"list":[`)},
		{"a number instead of null", "POST /api/chatd/1.0/users/me/rooms", replace(`"identity":null`, `"identity":0`)},
		{"a timestamp without fraction", "POST /api/chatd/1.0/users/me/rooms", func(a *answer) {
			a.body = regexp.MustCompile(`("timestamp":\d+)\.\d+`).ReplaceAll(a.body, []byte("$1"))
		}},
		{"another user in a room", "POST /api/chatd/1.0/users/me/rooms",
			replace("8fe5931d-1002-44c3-9b26-c9ed82a5ea08", "8fe5931d-1002-44c3-9b26-c9ed82a5ea09")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newReplay(t)
			broken := 0
			r.server.tamper = func(route string, a *answer) {
				before := string(a.body) + a.contentType + fmt.Sprint(a.status)
				if route == test.route {
					test.spoil(a)
				}
				if before != string(a.body)+a.contentType+fmt.Sprint(a.status) {
					broken++
				}
			}
			r.run(scenario{file: "chatd-01-room-create"})
			require.Positive(t, broken, "the hook changed nothing")
			assert.NotEmpty(t, r.diffs)
		})
	}
}

// TestContractSeesBrokenEvents drops one event and expects the comparison to
// notice that it is missing.
func TestContractSeesBrokenEvents(t *testing.T) {
	t.Parallel()
	r := newReplay(t)
	r.run(scenario{file: "chatd-01-room-create"})
	require.Empty(t, r.diffs)
	r.server.Faults().NoEvent(Times(1))
	r.patience = 100 * time.Millisecond // the event that is waited for does not come
	r.run(scenario{file: "ws-01-v2-normal-user"})
	assert.NotEmpty(t, r.diffs)
}

// TestEveryRecordingIsReplayed finds recordings that the contract test leaves out.
func TestEveryRecordingIsReplayed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "recordings", "*.json"))
	require.NoError(t, err)
	var have []string
	replayed := []string{"ws-08-keepalive"} // websocketd_test.go has it
	for _, file := range files {
		have = append(have, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	for _, sc := range append(scenarios(), connectorScenarios()...) {
		replayed = append(replayed, sc.file)
	}
	assert.ElementsMatch(t, have, replayed)
}
