package wazoapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"
)

// Client is one Wazo server. It is safe for concurrent use.
type Client struct {
	base *url.URL
	http *http.Client // for requests
	ws   *http.Client // for the connections to wazo-websocketd
	cfg  Config
	log  zerolog.Logger

	connecting *semaphore.Weighted // limits how many event streams are made at once

	noPlugin atomic.Pointer[pluginAnswer] // when Wazo last answered that it has no plugin; nil: it has not

	now       func() time.Time
	maxAnswer int64 // what is read of a success, in bytes
}

// New returns a client for the server of cfg. It makes no request. It returns an
// error if the URL has another form than https://HOST, if it would send
// passwords in clear to another machine, or if the CA file cannot be read or has
// no certificate. What cfg leaves zero gets its default, see [Config].
func New(cfg Config, log zerolog.Logger) (*Client, error) {
	base, err := parseBaseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	trusted, err := loadTrust(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	client := func(transport http.RoundTripper) *http.Client {
		if cfg.Transport != nil {
			transport = cfg.Transport(transport)
		}
		return &http.Client{
			Transport: transport,
			// nginx redirects http to https and paths without their slash
			// (docs/wazo.md, "Redirects and limits of nginx"); a POST would
			// lose its body on the way, and a token must not follow to another
			// host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	// There may be thousands of websockets, whose frames have buffers of their own:
	// those of the transport hold only the upgrade.
	websockets := newTransport(trusted.tlsConfig(base.Hostname()), cfg.Connection)
	websockets.ReadBufferSize, websockets.WriteBufferSize = 512, 512
	return &Client{
		base: base,
		http: client(newTransport(trusted.tlsConfig(base.Hostname()), cfg.Connection)),
		ws:   client(websockets),
		cfg:  cfg.withDefaults(),
		log:  log,
		now:  time.Now,

		connecting: semaphore.NewWeighted(connectingAtOnce),

		maxAnswer: maxAnswer,
	}, nil
}

// CloseIdleConnections closes the connections that are kept for reuse.
func (c *Client) CloseIdleConnections() {
	c.http.CloseIdleConnections()
	c.ws.CloseIdleConnections()
}

func newTransport(tlsConfig *tls.Config, connection func(net.Conn) net.Conn) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err == nil && connection != nil {
			conn = connection(conn)
		}
		return conn, err
	}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dial,
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     tlsConfig,
		MaxIdleConns:        64,
		MaxIdleConnsPerHost: 32, // one server, many rooms and accounts
		// Shorter than nginx's keep-alive (75 s), so that a POST is not written
		// on a connection that the server is just closing: such an outcome
		// would be unknown.
		IdleConnTimeout: 30 * time.Second,
	}
}

// parseBaseURL checks that tokens and passwords are only sent encrypted, or to
// this machine.
func parseBaseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The error of url.Parse repeats the URL, which may hold a password.
		return nil, errors.New("the Wazo URL is not a URL")
	}
	switch {
	case u.Hostname() == "":
		return nil, errors.New("the Wazo URL has no host: it must look like https://HOST")
	case u.User != nil:
		return nil, errors.New("the Wazo URL must not contain a user name or a password")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the Wazo URL must not have a path or a query: it must look like https://HOST")
	case u.Scheme == "https":
	case u.Scheme == "http" && isLoopback(u.Hostname()):
	case u.Scheme == "http":
		return nil, fmt.Errorf("the Wazo URL must use https, because %s is not this machine", u.Hostname())
	default:
		return nil, fmt.Errorf("the Wazo URL has the scheme %q: it must look like https://HOST", u.Scheme)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
