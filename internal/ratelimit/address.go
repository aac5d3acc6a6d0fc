package ratelimit

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Address returns the address from which a request comes, to limit how often it may try, or "" if that is not known.
// Only a reverse proxy on this machine or in its network is believed when it names another one. What is left of a chain
// of proxies is an address of such a network, too: it stands for everybody, so it is of no use. An IPv6 address stands
// for its network.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if peer = peer.Unmap(); isNear(peer) {
		forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		// The last one was added by the proxy itself; those before it are what the client says.
		client, err := netip.ParseAddr(strings.TrimSpace(forwarded[len(forwarded)-1]))
		if err != nil || isNear(client.Unmap()) {
			return ""
		}
		peer = client.Unmap()
	}
	peer = peer.WithZone("")
	if peer.Is6() {
		if network, err := peer.Prefix(64); err == nil {
			return network.String()
		}
	}
	return peer.String()
}

// isNear reports whether an address is of this machine or of a private network, as those of reverse proxies are.
func isNear(addr netip.Addr) bool {
	return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast()
}
