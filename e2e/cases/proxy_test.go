package cases

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
)

// proxy stands between the relay and the homeserver and does what networks and
// proxies do to requests. People don't go through it.
type proxy struct {
	server *httptest.Server

	changes harness.Changes

	mu      sync.Mutex
	away    bool
	refused int                      // requests that came while it was away
	sending int                      // sends that are not answered yet
	swallow int                      // answers to sends that are still to be lost
	lost    int                      // answers to sends that were lost
	limited int                      // sends that the homeserver refused because of its limits
	rewrite func(body []byte) []byte // changes answers of /sync; may be nil
	ahead   time.Duration            // of the homeserver's clock
	leaves  []string                 // bodies of requests to leave a room

	// stands in for the homeserver where it reports true; may be nil.
	instead     func(w http.ResponseWriter, r *http.Request) bool
	intercepted int // how often it did
}

// openBehindProxy opens a fixture whose relay reaches the homeserver through a proxy.
func openBehindProxy(t *testing.T, robin client) (*fixture, *proxy) {
	t.Helper()
	return openBehindProxyOn(t, homeserver, robin)
}

func openBehindProxyOn(t *testing.T, hs *harness.Homeserver, robin client) (*fixture, *proxy) {
	t.Helper()
	return openBehindProxyWith(t, hs, robin, map[string]string{})
}

// openBehindProxyWith is openBehindProxyOn with more of the relay's configuration.
func openBehindProxyWith(t *testing.T, hs *harness.Homeserver, robin client, env map[string]string) (*fixture, *proxy) {
	t.Helper()
	p := &proxy{}
	upstream, err := url.Parse(hs.URL())
	require.NoError(t, err)
	reverse := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: p.answer,
		// What fails here ends like a connection that breaks.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.request(r)
		if isSend(r) {
			p.change(func() { p.sending++ })
			defer p.change(func() { p.sending-- })
		}
		if !p.intercept(w, r) {
			reverse.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(p.server.Close)
	env["MATRIX_HOMESERVER_URL"] = p.server.URL
	s := openOn(t, hs, robin, stage.Config{Env: env})
	return s, p
}

func (p *proxy) change(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
	p.changes.Announce()
}

// until returns when condition, which is called with the lock held, is true.
func (p *proxy) until(ctx context.Context, condition func() bool) error {
	return p.changes.Until(ctx, func() (bool, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return condition(), nil
	})
}

// isSend says whether a request sends a message.
func isSend(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/send/")
}

// request sees a request before the homeserver does.
func (p *proxy) request(r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/leave") {
		body, _ := io.ReadAll(r.Body) // what there is of it
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.change(func() { p.leaves = append(p.leaves, string(body)) })
	}
	away := false
	p.change(func() {
		if away = p.away; away {
			p.refused++
		}
	})
	if away {
		panic(http.ErrAbortHandler)
	}
}

// answerFor answers requests whose path ends so instead of the homeserver.
func (p *proxy) answerFor(suffix string, answer http.HandlerFunc) {
	p.change(func() {
		p.instead = func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, suffix) {
				return false
			}
			answer(w, r)
			return true
		}
	})
}

func (p *proxy) intercept(w http.ResponseWriter, r *http.Request) bool {
	p.mu.Lock()
	instead := p.instead
	p.mu.Unlock()
	if instead == nil || !instead(w, r) {
		return false
	}
	p.change(func() { p.intercepted++ })
	return true
}

// answer sees an answer before the relay does.
func (p *proxy) answer(resp *http.Response) error {
	path := resp.Request.URL.Path
	lost := false
	p.change(func() {
		if lost = p.swallow > 0 && isSend(resp.Request); lost {
			p.swallow--
			p.lost++
		}
		if isSend(resp.Request) && resp.StatusCode == http.StatusTooManyRequests {
			p.limited++
		}
	})
	if lost {
		return errors.New("the answer is lost on its way")
	}
	p.mu.Lock()
	rewrite, ahead := p.rewrite, p.ahead
	p.mu.Unlock()
	if ahead != 0 {
		resp.Header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}
	if rewrite == nil || !strings.HasSuffix(path, "/sync") {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	body = rewrite(body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.Header.Del("Content-Length")
	return nil
}

// goAway cuts all connections and those to come, until the relay has tried often
// enough in vain.
func (p *proxy) goAway(ctx context.Context, tries int) error {
	p.change(func() { p.away = true })
	p.server.CloseClientConnections()
	err := p.until(ctx, func() bool { return p.refused >= tries })
	p.change(func() { p.away = false })
	return err
}

// loseAnswer loses the answer to the next message that the relay sends.
func (p *proxy) loseAnswer(ctx context.Context) error {
	p.change(func() { p.swallow++ })
	return p.until(ctx, func() bool { return p.lost > 0 })
}
