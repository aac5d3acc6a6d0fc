package wazoapi

import (
	"crypto/rand"
	"crypto/sha1" // demanded by RFC 6455; nothing secret depends on it
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/net/http/httpguts"
)

// handshakeGUID is what a server appends to the key (RFC 6455, section 1.3).
const handshakeGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// newHandshakeKey returns what the server proves with that it knows websockets.
func newHandshakeKey() string {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // it never fails
	return base64.StdEncoding.EncodeToString(key)
}

// checkHandshake checks that the server has agreed to a websocket without
// extensions and subprotocols, as none was asked for (RFC 6455, section 4.1).
func checkHandshake(resp *http.Response, key string) error {
	proof := sha1.Sum([]byte(key + handshakeGUID))
	switch h := resp.Header; {
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return fmt.Errorf("the server answered with the status %d", resp.StatusCode)
	case !httpguts.HeaderValuesContainsToken(h["Connection"], "Upgrade"), !httpguts.HeaderValuesContainsToken(h["Upgrade"], "websocket"):
		return errors.New("the server switched to another protocol")
	case h.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(proof[:]):
		return errors.New("the server answered with a wrong key")
	case h.Get("Sec-WebSocket-Extensions") != "", h.Get("Sec-WebSocket-Protocol") != "":
		return errors.New("the server uses an extension or a subprotocol that was not asked for")
	}
	return nil
}
