package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBucketLimitsLikeSynapse(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer upstream.Close()
	b, err := startBucket(upstream.URL)
	require.NoError(t, err)
	defer b.server.Close()
	const rooms = "/_matrix/client/v3/rooms/!a:b"
	status := func(method, path string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, b.server.URL+path, strings.NewReader("{}"))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusTooManyRequests {
			var answer struct {
				Code string `json:"errcode"`
				Wait int    `json:"retry_after_ms"`
			}
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
			require.Equal(t, "M_LIMIT_EXCEEDED", answer.Code)
			require.InDelta(t, 5000, answer.Wait, 1000)
		}
		return resp.StatusCode
	}
	for range burst + 1 {
		require.Equal(t, http.StatusNoContent, status(http.MethodPut, rooms+"/send/m.room.message/1"), "it does not limit yet")
	}
	b.limited.Store(true)
	require.Equal(t, http.StatusNoContent, status(http.MethodPost, "/_matrix/client/v3/join/!a:b"))
	require.Equal(t, http.StatusNoContent, status(http.MethodPost, rooms+"/join"))
	for range burst - 2 {
		require.Equal(t, http.StatusNoContent, status(http.MethodPut, rooms+"/send/m.room.message/1"))
	}
	require.Equal(t, http.StatusTooManyRequests, status(http.MethodPut, rooms+"/send/m.room.message/1"))
	require.Equal(t, http.StatusNoContent, status(http.MethodGet, rooms+"/state/m.room.name"), "reading is not limited")
	require.Equal(t, http.StatusNoContent, status(http.MethodPut, "/_matrix/client/v3/sendToDevice/m.room_key/1"))
}

func TestBucketFillsAgain(t *testing.T) {
	b, err := startBucket("http://127.0.0.1:1")
	require.NoError(t, err)
	defer b.server.Close()
	now := time.Now()
	for range burst {
		require.Zero(t, b.take(now))
	}
	require.InDelta(t, 5*time.Second, b.take(now), float64(time.Millisecond))
	require.InDelta(t, time.Second, b.take(now.Add(4*time.Second)), float64(time.Millisecond))
	require.Zero(t, b.take(now.Add(5*time.Second)))
	require.Positive(t, b.take(now.Add(6*time.Second)))
	for range burst {
		require.Zero(t, b.take(now.Add(5*time.Second+quiet)))
	}
}
