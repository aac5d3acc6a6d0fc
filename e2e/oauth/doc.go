// Package oauth puts an OAuth 2.0 provider in front of a homeserver that has none, as the Matrix Authentication Service
// stands in front of Synapse. Its clients find a homeserver without passwords: they register themselves, log in by the
// device authorization grant, and use access tokens that expire.
//
// The provider is that of the library github.com/zitadel/oidc. It makes the tokens, and parses and answers the
// requests. This package keeps its state (storage.go), lets clients register, which the library does not (server.go),
// and translates each access token into one of the homeserver (proxy.go). Tests can make the provider fail in the ways
// of faults.go.
package oauth
