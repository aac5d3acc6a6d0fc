package oauth

import (
	"errors"
	"net"
	"net/url"
	"regexp"
)

// DefaultClientURI is where whoever approves a log-in can read about the client, if no page of the relay's own is
// known.
const DefaultClientURI = "https://wazo-platform.org/"

// clientPath are the paths that the policy of the Matrix Authentication Service accepts (docs/matrix.md, "Log in").
var clientPath = regexp.MustCompile(`^[A-Za-z0-9/.-]*$`)

// clientHost are the hosts that it accepts.
var clientHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)

// CheckClientURI returns why providers may refuse an address as that of a client, nil if it follows the rules of the
// specification (client-server API, "Client registration") and of the Matrix Authentication Service.
func CheckClientURI(address string) error {
	parsed, err := url.Parse(address)
	switch {
	case err != nil || parsed.Scheme != "https" || parsed.Host == "":
		return errors.New("the value is not a URL that begins with https:// and a host")
	case parsed.User != nil, parsed.Port() != "", parsed.RawQuery != "", parsed.ForceQuery, parsed.Fragment != "":
		return errors.New("the value contains more than https://, a host and a path")
	case net.ParseIP(parsed.Hostname()) != nil, !clientHost.MatchString(parsed.Host):
		return errors.New("the host is not a name of small letters, digits, hyphens and dots, with a dot in it")
	case !clientPath.MatchString(parsed.EscapedPath()):
		return errors.New("the path contains something else than letters, digits, hyphens, dots and slashes")
	}
	return nil
}
