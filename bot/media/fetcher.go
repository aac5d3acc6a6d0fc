package media

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

const (
	// fetchTimeout is how long a picture from outside may take, from the name to the last byte.
	fetchTimeout   = 10 * time.Second
	fetchRedirects = 3
)

// Why something is not fetched. Nothing else reaches the log: the errors of net/http name what people wrote.
var (
	errForbiddenAddress = errors.New("the address is not on the internet, and its host is not in MEDIA_FETCH_HOSTS")
	errForbiddenURL     = errors.New("only https is fetched, without a password in the address")
	errBadDataURL       = errors.New("the data is not written in base64")
	errFetchTooLarge    = errors.New("it is larger than MEDIA_MAX_SIZE")
	errTooManyRedirects = errors.New("too many redirects")
	errNameNotFound     = errors.New("the name of its host was not found")
	errCannotConnect    = errors.New("its host cannot be reached")
	errNotTrusted       = errors.New("the certificate of its host is not trusted")
	errFetchTimeout     = errors.New("it takes too long")
	errBadAnswer        = errors.New("its host's answer cannot be understood, or breaks off")
)

// Fetcher gets what strangers name, so that they learn and reach nothing by it: nothing but https, no addresses of this
// machine or its network, no cookies, no proxy, limited in size and time. Hosts that the administrator lists are trusted
// further: they may be on the own network, and be asked by http.
type Fetcher struct {
	hosts     []string // name, or name and port
	maxSize   int64    // bytes
	client    *http.Client
	internet  *ssrf.Guardian
	addresses func() ([]net.Addr, error) // of this machine, with their networks
}

// NewFetcher returns a fetcher that trusts hosts further, and fetches at most maxSize bytes.
func NewFetcher(hosts []string, maxSize int64, userAgent string) *Fetcher {
	f := &Fetcher{hosts: hosts, maxSize: maxSize, internet: ssrf.New(ssrf.WithAnyPort()), addresses: net.InterfaceAddrs}
	f.client = &http.Client{
		Timeout:       fetchTimeout,
		CheckRedirect: f.checkRedirect,
		Transport: &agent{userAgent, &http.Transport{
			// No Proxy: it would be the proxy that dials.
			DialContext:            f.dial,
			DisableKeepAlives:      true,
			DisableCompression:     true, // pictures are compressed already, and a bomb is not unpacked
			MaxResponseHeaderBytes: 64 << 10,
			TLSHandshakeTimeout:    fetchTimeout,
		}},
	}
	return f
}

// agent names the relay in each request.
type agent struct {
	name string
	http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (a *agent) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header = http.Header{"User-Agent": {a.name}, "Accept": {"image/png, image/jpeg, image/gif, image/webp"}}
	return a.RoundTripper.RoundTrip(req)
}

// Fetch copies what is behind an address (https, data, and http of listed hosts) to w.
func (f *Fetcher) Fetch(ctx context.Context, w io.Writer, source string) error {
	from, err := f.open(ctx, source)
	if err != nil {
		return err
	}
	defer from.Close()
	size, err := io.Copy(w, io.LimitReader(from, f.maxSize+1))
	if err != nil {
		return whyNotFetched(err)
	} else if size > f.maxSize {
		return errFetchTooLarge
	}
	return nil
}

func (f *Fetcher) open(ctx context.Context, source string) (io.ReadCloser, error) {
	parsed, err := url.Parse(source)
	if err != nil {
		return nil, errForbiddenURL
	} else if parsed.Scheme == "data" {
		return openData(parsed.Opaque)
	} else if err = f.checkURL(parsed); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, parsed.String(), nil)
	if err != nil {
		return nil, errForbiddenURL
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, whyNotFetched(err)
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		err = fmt.Errorf("failed to fetch: status %d", resp.StatusCode)
	case resp.ContentLength > f.maxSize:
		err = errFetchTooLarge
	default:
		return resp.Body, nil
	}
	resp.Body.Close()
	return nil, err
}

// openData reads a data: URL (RFC 2397) without its scheme. The type that it gives is of no interest.
func openData(opaque string) (io.ReadCloser, error) {
	head, data, found := strings.Cut(opaque, ",")
	if !found || !strings.HasSuffix(strings.ToLower(head), ";base64") {
		return nil, errBadDataURL
	}
	data, err := url.PathUnescape(data)
	if err != nil {
		return nil, errBadDataURL
	}
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(data, "="))
	if err != nil {
		return nil, errBadDataURL
	}
	return io.NopCloser(strings.NewReader(string(decoded))), nil
}

// whyNotFetched returns the one of the errors above that an error of fetching is, or one of this machine's.
func whyNotFetched(err error) error {
	for _, own := range []error{errForbiddenAddress, errForbiddenURL, errTooManyRedirects, context.Canceled} {
		if errors.Is(err, own) {
			return own
		}
	}
	var timeout net.Error
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var connection *net.OpError
	var file *fs.PathError
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return errFetchTimeout
	case errors.As(err, &name):
		return errNameNotFound
	case errors.As(err, &certificate):
		return errNotTrusted
	case errors.As(err, &connection) && connection.Op == "dial":
		return errCannotConnect
	case errors.As(err, &file):
		return fmt.Errorf("failed to store what is fetched: %w", file.Err)
	default:
		return errBadAnswer
	}
}

// isListed reports whether the administrator lists a host.
func (f *Fetcher) isListed(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	return slices.ContainsFunc(f.hosts, func(listed string) bool {
		return strings.EqualFold(listed, host) || strings.EqualFold(strings.Trim(listed, "[]"), name)
	})
}

func (f *Fetcher) checkURL(u *url.URL) error {
	if u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !f.isListed(u.Host)) {
		return errForbiddenURL
	}
	return nil
}

func (f *Fetcher) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > fetchRedirects {
		return errTooManyRedirects
	}
	return f.checkURL(req.URL)
}

// dial connects to a host. What counts is the address that is really dialled: a name may mean another one each time.
func (f *Fetcher) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: fetchTimeout}
	if !f.isListed(hostPort) {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			dialled, err := netip.ParseAddrPort(address)
			if err != nil || !f.isPublic(dialled.Addr()) || f.isOwn(dialled.Addr()) {
				return errForbiddenAddress
			}
			return nil
		}
	}
	return dialer.DialContext(ctx, network, hostPort)
}

// isOwn reports whether an address is one of this machine, or of a network that it is in. These may be public ones, and change.
func (f *Fetcher) isOwn(addr netip.Addr) bool {
	own, err := f.addresses()
	if err != nil {
		return true // perhaps
	}
	ip := net.IP(addr.Unmap().AsSlice())
	return slices.ContainsFunc(own, func(a net.Addr) bool {
		network, ok := a.(*net.IPNet)
		return ok && network.Contains(ip)
	})
}

// isPublic reports whether an address is an ordinary one on the internet. IPv6 forms that stand for an IPv4 address are none.
func (f *Fetcher) isPublic(addr netip.Addr) bool {
	return f.internet.SafeAddr(addr.Unmap().WithZone("")) == nil
}
