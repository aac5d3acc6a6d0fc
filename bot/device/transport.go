package device

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/bot/session"
)

// transport makes the requests of the client. Before a request by which others see a change of the device's keys, it
// has the generation raised. The change is in the database by then (docs/matrix.md, "Own device").
type transport struct {
	*http.Transport
	secure  func(ctx context.Context) error
	retired atomic.Bool                     // the keys are out of date: others must not see them any more
	session atomic.Pointer[session.Session] // gives requests their access token; nil: they have one that does not expire
}

func newTransport(secure func(ctx context.Context) error, connection func(net.Conn) net.Conn) *transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	dial := (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil && connection != nil {
			conn = connection(conn)
		}
		return conn, err
	}
	return &transport{Transport: t, secure: secure}
}

var errRetired = errors.New("the device is about to be replaced")

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var err error
	switch {
	case t.retired.Load() && (isClaim(r) || showsKeys(r)):
		err = errRetired
	case showsKeys(r):
		err = t.secure(r.Context())
	}
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // nothing was read from it
		}
		return nil, err
	}
	if s := t.session.Load(); s != nil && r.Header.Get("Authorization") != "" {
		return s.RoundTrip(r, t.Transport)
	}
	return t.Transport.RoundTrip(r)
}

// isClaim reports whether a request begins sessions with other devices.
func isClaim(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/keys/claim") }

// showsKeys reports whether a request uses sessions with other devices, or publishes one-time keys.
func showsKeys(r *http.Request) bool {
	switch {
	case strings.Contains(r.URL.Path, "/sendToDevice/"+event.ToDeviceEncrypted.Type+"/"):
		return true
	case !strings.HasSuffix(r.URL.Path, "/keys/upload"):
		return false
	case r.GetBody == nil:
		return true
	}
	body, err := r.GetBody()
	if err != nil {
		return true
	}
	var upload struct {
		OneTimeKeys map[string]json.RawMessage `json:"one_time_keys"`
	}
	err = json.NewDecoder(body).Decode(&upload)
	return err != nil || len(upload.OneTimeKeys) > 0
}
