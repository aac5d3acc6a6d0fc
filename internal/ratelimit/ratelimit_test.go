package ratelimit

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 19, 0, 0, 0, time.UTC)
	limit := New[string](2, time.Minute, func() time.Time { return now })
	require.Zero(t, limit.Take("a"))
	now = now.Add(10 * time.Second)
	require.Zero(t, limit.Take("a"))
	require.Equal(t, 50*time.Second, limit.Take("a"))
	require.Equal(t, 50*time.Second, limit.Wait("a"))
	require.Zero(t, limit.Take("b"), "each key has its own")
	limit.GiveBack("a")
	require.Zero(t, limit.Take("a"))
	now = now.Add(time.Minute)
	require.Zero(t, limit.Wait("a"))
	now = now.Add(time.Minute + time.Second)
	require.Zero(t, limit.Wait("c"))
	require.Empty(t, limit.times, "keys that nobody asks for any more are forgotten")
}

func TestProxyIsBelievedOnlyFromItsOwnNetwork(t *testing.T) {
	for _, test := range []struct{ peer, forwarded, want string }{
		{"198.51.100.7:1", "", "198.51.100.7"},
		{"198.51.100.7:1", "203.0.113.9", "198.51.100.7"},
		{"127.0.0.1:1", "203.0.113.9", "203.0.113.9"},
		{"10.1.2.3:1", "192.0.2.1, 203.0.113.9", "203.0.113.9"},
		{"[::1]:1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"[2001:db8:1:2:9::1]:1", "", "2001:db8:1:2::/64"},
		{"[::ffff:127.0.0.1]:1", "203.0.113.9", "203.0.113.9"},
		{"127.0.0.1:1", "unknown", ""},
		{"127.0.0.1:1", "", ""},
		{"172.17.0.1:1", "203.0.113.9, 10.0.0.2", ""}, // two proxies
		{"[fe80::1%eth0]:1", "::ffff:10.0.0.2", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.peer
		if test.forwarded != "" {
			r.Header.Set("X-Forwarded-For", test.forwarded)
		}
		assert.Equal(t, test.want, Address(r), "%+v", test)
	}
}
