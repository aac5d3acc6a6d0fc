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
	// fetchTimeout is how long a fetch may take, from the look-up of the host's name to the last byte.
	fetchTimeout = 10 * time.Second
	// maxRedirects is how many redirects are followed.
	maxRedirects = 3
)

// Why something is not fetched. Nothing else reaches the log, because the errors of net/http contain what people wrote.
var (
	errForbiddenAddress = errors.New("the address is not a public one on the internet, and its host is not listed in MEDIA_FETCH_HOSTS")
	errForbiddenURL     = errors.New("the address must begin with https and must not contain a password")
	errBadDataURL       = errors.New("the data is not written in base64")
	errFetchTooLarge    = errors.New("the picture is larger than MEDIA_MAX_SIZE")
	errTooManyRedirects = errors.New("there are too many redirects")
	errNameNotFound     = errors.New("the name of the host was not found")
	errCannotConnect    = errors.New("the host cannot be reached")
	errNotTrusted       = errors.New("the certificate of the host is not trusted")
	errFetchTimeout     = errors.New("the host takes too long to answer")
	errBadAnswer        = errors.New("the answer of the host cannot be understood, or breaks off")
)

// Fetcher gets what strangers name, without letting them reach or learn anything of the network of this machine. The
// rules are in the comment of the package. Make it with NewFetcher.
type Fetcher struct {
	hosts     []string // that the administrator lists: name, or name and port
	maxSize   int64    // bytes
	client    *http.Client
	internet  *ssrf.Guardian
	addresses func() ([]net.Addr, error) // of this machine, with their networks
}

// NewFetcher returns a fetcher of files of at most maxSize bytes. The hosts, each a name or a name and a port, may be
// on a private network and may be asked by http. Every host is told the user agent.
func NewFetcher(hosts []string, maxSize int64, userAgent string) *Fetcher {
	f := &Fetcher{hosts: hosts, maxSize: maxSize, internet: ssrf.New(ssrf.WithAnyPort()), addresses: net.InterfaceAddrs}
	f.client = &http.Client{
		Timeout:       fetchTimeout,
		CheckRedirect: f.checkRedirect,
		Transport: &headers{userAgent, &http.Transport{
			// There is no Proxy, because the proxy would dial, and the address could not be checked.
			DialContext:            f.dial,
			DisableKeepAlives:      true,
			DisableCompression:     true, // pictures are compressed already, and a small answer cannot become a huge one
			MaxResponseHeaderBytes: 64 << 10,
			TLSHandshakeTimeout:    fetchTimeout,
		}},
	}
	return f
}

// headers gives each request the same headers and no others, so that cookies and the referrer of a redirect are left
// out.
type headers struct {
	userAgent string
	http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (h *headers) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header = http.Header{"User-Agent": {h.userAgent}, "Accept": {"image/png, image/jpeg, image/gif, image/webp"}}
	return h.RoundTripper.RoundTrip(req)
}

// Fetch copies what is behind an address (https, data, and http of listed hosts) to w. Its errors do not contain the
// address.
func (f *Fetcher) Fetch(ctx context.Context, w io.Writer, source string) error {
	from, err := f.open(ctx, source)
	if err != nil {
		return err
	}
	defer from.Close()
	size, err := io.Copy(w, io.LimitReader(from, f.maxSize+1))
	if err != nil {
		return fetchError(err)
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
		return nil, fetchError(err)
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		err = fmt.Errorf("the host answered with status %d", resp.StatusCode)
	case resp.ContentLength > f.maxSize:
		err = errFetchTooLarge
	default:
		return resp.Body, nil
	}
	resp.Body.Close()
	return nil, err
}

// openData reads a data URL (RFC 2397) without its scheme. The type that it claims is ignored.
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

// fetchError returns the error above that describes an error of net/http. An error of writing the file on this machine
// is kept.
func fetchError(err error) error {
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
		return fmt.Errorf("failed to store what was fetched: %w", file.Err)
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

// checkURL returns errForbiddenURL unless a URL may be fetched.
func (f *Fetcher) checkURL(u *url.URL) error {
	if u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !f.isListed(u.Host)) {
		return errForbiddenURL
	}
	return nil
}

func (f *Fetcher) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errTooManyRedirects
	}
	return f.checkURL(req.URL)
}

// dial connects to a host. It checks the address that is really dialled, because a name may lead to another one each
// time.
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

// isOwn reports whether an address belongs to this machine, or to a network that this machine is in. Such addresses may
// be public ones, and they may change.
func (f *Fetcher) isOwn(addr netip.Addr) bool {
	own, err := f.addresses()
	if err != nil {
		return true // perhaps it is
	}
	ip := net.IP(addr.Unmap().AsSlice())
	return slices.ContainsFunc(own, func(a net.Addr) bool {
		network, ok := a.(*net.IPNet)
		return ok && network.Contains(ip)
	})
}

// isPublic reports whether an address is an ordinary one on the internet. An IPv6 address that stands for an IPv4
// address is not.
func (f *Fetcher) isPublic(addr netip.Addr) bool {
	return f.internet.SafeAddr(addr.Unmap().WithZone("")) == nil
}
