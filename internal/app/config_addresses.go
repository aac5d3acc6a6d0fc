package app

import (
	"encoding"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strings"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/bot/oauth"
	"wazo-matrix-relay/wazoapi"
)

// The types of configured addresses, see config_types.go.
var (
	_ encoding.TextUnmarshaler = (*httpURL)(nil)
	_ encoding.TextUnmarshaler = (*clientURI)(nil)
	_ encoding.TextUnmarshaler = (*wazoURL)(nil)
	_ encoding.TextUnmarshaler = (*caFile)(nil)
	_ encoding.TextUnmarshaler = (*publicURL)(nil)
	_ encoding.TextUnmarshaler = (*listenAddress)(nil)
	_ encoding.TextUnmarshaler = (*hosts)(nil)
)

// httpURL is an address that begins with https:// or http://.
type httpURL string

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *httpURL) UnmarshalText(text []byte) error {
	*u = httpURL(text)
	_, err := parseHTTPURL(string(text))
	return err
}

// parseHTTPURL parses an address that begins with https:// or http:// and a host.
func parseHTTPURL(text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("the value is not a valid URL") // the error of url.Parse contains the text
	} else if parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" {
		return nil, errors.New("the value is not a URL that begins with https:// and a host")
	}
	return parsed, nil
}

// clientURI is the address of a page about the relay, as OAuth 2.0 providers accept it.
type clientURI string

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *clientURI) UnmarshalText(text []byte) error {
	*u = clientURI(text)
	return oauth.CheckClientURI(string(text))
}

// wazoURL is the address of Wazo, as the client accepts it.
type wazoURL string

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *wazoURL) UnmarshalText(text []byte) error {
	*u = wazoURL(text)
	_, err := wazoapi.New(wazoapi.Config{URL: string(text)}, zerolog.Nop())
	return err
}

// caFile is a file with certificates, as the client for Wazo accepts it.
type caFile string

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *caFile) UnmarshalText(text []byte) error {
	*f = caFile(text)
	_, err := wazoapi.New(wazoapi.Config{URL: "https://localhost", CAFile: string(text)}, zerolog.Nop()) // the file does not depend on the address
	return err
}

// publicURL is the address at which people on Wazo reach the relay. The zero value means that there is none.
type publicURL struct {
	base string // the address without / at the end
	path string // its path without / at the end
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *publicURL) UnmarshalText(text []byte) error {
	parsed, err := parseHTTPURL(string(text))
	if err != nil {
		return err
	} else if parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil {
		return errors.New("the value contains more than https://, a host and a path")
	}
	trimmed := strings.TrimRight(parsed.Path, "/")
	if trimmed != "" && (path.Clean(trimmed) != trimmed || strings.ContainsAny(trimmed, "{} %")) {
		return errors.New("the path contains braces, or something that browsers change: //, .., % or a space")
	}
	p.base, p.path = strings.TrimRight(string(text), "/"), trimmed
	return nil
}

func (p *publicURL) isSet() bool { return p.base != "" }

// host returns the host without the port.
func (p *publicURL) host() string {
	parsed, err := url.Parse(p.base)
	if err != nil {
		return "" // it was parsed before
	}
	return parsed.Hostname()
}

// isLocal reports whether the address means, on every machine, that machine itself.
func (p *publicURL) isLocal() bool {
	host := p.host()
	return host == localAddress || strings.EqualFold(host, "localhost") || host == "::1"
}

// localAddress is the only address of this machine that webhookd skips (docs/wazo.md, "Deliveries of a webhook").
const localAddress = "127.0.0.1"

// listenAddress is a host, which may be empty, and a port.
type listenAddress string

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *listenAddress) UnmarshalText(text []byte) error {
	*a = listenAddress(text)
	if _, _, err := net.SplitHostPort(string(text)); err != nil {
		return fmt.Errorf("%q is not HOST:PORT", text)
	}
	return nil
}

// hosts are names or addresses of hosts, each with or without a port, separated by commas.
type hosts []string

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *hosts) UnmarshalText(text []byte) (err error) {
	*h, err = splitList(string(text), func(host string) error {
		if parsed, err := url.Parse("https://" + host); err != nil || parsed.Host != host || parsed.Hostname() == "" {
			return fmt.Errorf("%q is not a valid host", host)
		}
		return nil
	})
	return err
}
