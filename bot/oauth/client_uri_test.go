package oauth

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckClientURI(t *testing.T) {
	t.Parallel()
	for _, accepted := range []string{DefaultClientURI, "https://relay.example.org", "https://relay.example.org/", "https://www.example.org/help/relay.html"} {
		require.NoError(t, CheckClientURI(accepted), accepted)
	}
	for _, refused := range []string{
		"", ":", "relay.example.org", "http://relay.example.org/", "https://", "https://localhost/", "https://127.0.0.1/", "https://[::1]/",
		"https://10.0.0.5/", "https://relay/", "https://relay.example.org:8443/", "https://relay.example.org:443/", "https://user@relay.example.org/",
		"https://relay.example.org/?a=b", "https://relay.example.org/?", "https://relay.example.org/#a", "https://relay.example.org/the_relay",
		"https://relay.example.org/%20", "https://the_relay.example.org/", "https://Relay.example.org/", "https://relay.example.org./",
	} {
		require.Error(t, CheckClientURI(refused), refused)
	}
}
