package bot

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// fetchTimeout is how long a picture from outside may take, from the name to the last byte.
	fetchTimeout   = 10 * time.Second
	fetchRedirects = 3
)

// Why something is not fetched.
var (
	errForbiddenAddress = errors.New("the address is not on the internet, and its host is not in MEDIA_FETCH_HOSTS")
	errForbiddenURL     = errors.New("only https is fetched, without a password in the address")
	errBadDataURL       = errors.New("the data is not written in base64")
	errFetchTooLarge    = errors.New("it is larger than MEDIA_MAX_SIZE")
)

// fetcher gets what strangers name, so that they learn and reach nothing by it: nothing but https, no addresses of this
// machine or its network, no cookies, no proxy, limited in size and time. Hosts that the administrator lists are trusted
// further: they may be on the own network, and be asked by http.
type fetcher struct {
	hosts   []string // name, or name and port
	maxSize int64    // bytes
	client  *http.Client
}

func newFetcher(hosts []string, maxSize int64, userAgent string) *fetcher {
	f := &fetcher{hosts: hosts, maxSize: maxSize}
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

// fetch copies what is behind an address (https, data, and http of listed hosts) to w.
func (f *fetcher) fetch(ctx context.Context, w io.Writer, source string) error {
	from, err := f.open(ctx, source)
	if err != nil {
		return err
	}
	defer from.Close()
	size, err := io.Copy(w, io.LimitReader(from, f.maxSize+1))
	if err != nil {
		return fmt.Errorf("failed to fetch: %w", withoutURL(err))
	} else if size > f.maxSize {
		return errFetchTooLarge
	}
	return nil
}

func (f *fetcher) open(ctx context.Context, source string) (io.ReadCloser, error) {
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
		return nil, fmt.Errorf("failed to fetch: %w", withoutURL(err))
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

// withoutURL takes the address out of an error of net/http: what people write does not reach the log.
func withoutURL(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		return urlErr.Err
	}
	return err
}

// isListed reports whether the administrator lists a host.
func (f *fetcher) isListed(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	return slices.ContainsFunc(f.hosts, func(listed string) bool {
		return strings.EqualFold(listed, host) || strings.EqualFold(listed, name)
	})
}

func (f *fetcher) checkURL(u *url.URL) error {
	if u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !f.isListed(u.Host)) {
		return errForbiddenURL
	}
	return nil
}

func (f *fetcher) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > fetchRedirects {
		return errors.New("too many redirects")
	}
	return f.checkURL(req.URL)
}

// dial connects to a host. What counts is the address that is really dialled: a name may mean another one each time.
func (f *fetcher) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: fetchTimeout}
	if !f.isListed(hostPort) {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			dialled, err := netip.ParseAddrPort(address)
			if err != nil || !isPublic(dialled.Addr()) {
				return errForbiddenAddress
			}
			return nil
		}
	}
	return dialer.DialContext(ctx, network, hostPort)
}

// isPublic reports whether an address is an ordinary one on the internet.
func isPublic(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return false
	}
	if addr.Is6() && !internet6.Contains(addr) {
		return false // also those that stand for an IPv4 address, like 64:ff9b::/96
	}
	return !slices.ContainsFunc(specialNets, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

// internet6 is all of IPv6 that is assigned for the internet.
var internet6 = netip.MustParsePrefix("2000::/3")

// specialNets are networks that look public and are not (IANA's special-purpose registries).
var specialNets = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),   // carrier-grade NAT
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and the broadcast address
	netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4: stands for an IPv4 address
	netip.MustParsePrefix("3fff::/20"),       // documentation
}
