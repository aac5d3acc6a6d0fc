package wazotest

import (
	"crypto/x509"
	"io"
	"log"
	"time"
)

// Option changes a server at its creation.
type Option func(*Server)

// WithClock replaces the system's clock, for all times that the server states and
// for all that it waits for; see [ManualClock].
func WithClock(clock Clock) Option {
	return func(s *Server) { s.clock = clock }
}

// WithTLS serves https with a self-signed certificate that names the loopback
// addresses and is its own authority; see [Server.CAPEM].
func WithTLS() Option {
	return func(s *Server) { s.certificate = selfSigned(authority) }
}

// WithInstallerCertificate serves https with a certificate like that of a new
// Wazo: it is self-signed, names only localhost and is not an authority
// (docs/wazo.md, "TLS certificates"). The server's URL does not contain that
// name. See [Server.CAPEM].
func WithInstallerCertificate() Option {
	return func(s *Server) { s.certificate = selfSigned(func(*x509.Certificate) {}) }
}

// WithTokenChecks replaces [DynamicTokenChecks]. Given how long the token of a
// connection still lives, after returns how long websocketd waits until it
// checks that token again.
func WithTokenChecks(after func(remaining time.Duration) time.Duration) Option {
	return func(s *Server) { s.checkAfter = after }
}

// WithPingInterval changes how often websocketd pings, 20 s by default, which
// is also how long it then waits for the pong. Zero switches pings off.
func WithPingInterval(d time.Duration) Option {
	return func(s *Server) { s.pingEvery, s.pongWithin = d, d }
}

// DynamicTokenChecks returns how long websocketd waits until its next check of a
// token that lives for another remaining: its default since 23.10
// (docs/wazo.md, "Token renewal"). Below 15 s a recorded connection was checked
// at the very expiry.
func DynamicTokenChecks(remaining time.Duration) time.Duration {
	switch {
	case remaining > 16*time.Hour:
		return 12 * time.Hour
	case remaining > 80*time.Second:
		return remaining * 3 / 4
	case remaining > 0:
		return min(remaining, time.Minute)
	default:
		return 15 * time.Second
	}
}

// silentLog keeps net/http from writing about connections that faults cut.
func silentLog() *log.Logger { return log.New(io.Discard, "", 0) }
