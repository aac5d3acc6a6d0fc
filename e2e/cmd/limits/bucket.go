package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Synapse's default rc_message.
const (
	perSecond = 0.2
	burst     = 10
)

// bucket is a proxy in front of a homeserver that limits, for one account, what
// Synapse counts as sending.
type bucket struct {
	server  *httptest.Server
	tokens  *rate.Limiter
	limited atomic.Bool
}

// startBucket starts a proxy that does not limit yet.
func startBucket(homeserver string) (*bucket, error) {
	upstream, err := url.Parse(homeserver)
	if err != nil {
		return nil, err
	}
	b := &bucket{tokens: rate.NewLimiter(perSecond, burst)}
	reverse := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		// What fails here ends like a connection that breaks.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	b.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b.limited.Load() && isSending(r) {
			if wait := b.take(time.Now()); wait > 0 {
				refuse(w, wait)
				return
			}
		}
		reverse.ServeHTTP(w, r)
	}))
	return b, nil
}

// isSending says whether Synapse counts a request as sending.
func isSending(r *http.Request) bool {
	path := r.URL.Path
	switch r.Method {
	case http.MethodPut:
		return strings.Contains(path, "/rooms/") && (strings.Contains(path, "/send/") || strings.Contains(path, "/state/"))
	case http.MethodPost:
		return strings.Contains(path, "/join/") || strings.HasSuffix(path, "/join") || strings.HasSuffix(path, "/createRoom")
	default:
		return false
	}
}

// take takes a token. If there is none it returns how long it takes until there is.
func (b *bucket) take(now time.Time) time.Duration {
	reservation := b.tokens.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

func refuse(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusTooManyRequests)
	// The client sees a connection that breaks if this fails.
	_ = json.NewEncoder(w).Encode(map[string]any{
		"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": wait.Milliseconds() + 1,
	})
}
