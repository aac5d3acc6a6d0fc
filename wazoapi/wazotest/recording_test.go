package wazotest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// recording is one file of testdata/recordings; its README explains the form.
type recording struct {
	file      string
	Exchanges []exchange `json:"exchanges"`
}

type exchange struct {
	Note     string  `json:"note"`
	Millis   float64 `json:"t_ms"`
	Request  *recordedRequest
	Response *recordedResponse

	Connection string `json:"connection"`
	Direction  string `json:"direction"`
	URL        string `json:"url"`
	Headers    textHeaders
	Status     int             `json:"status"`
	Frame      json.RawMessage `json:"frame"`
	Code       int             `json:"code"`
	Reason     string          `json:"reason"`

	Method   string          `json:"method"` // of a delivery of webhookd, as what follows
	Listener string          `json:"listener"`
	Path     string          `json:"path"`
	BodyRaw  string          `json:"body_raw"`
	Offsets  json.RawMessage `json:"offsets_s"` // of a measurement: seconds between attempts, from the first on
}

// textHeaders leaves out the headers of messages on the bus that are no texts. Those of
// deliveries of webhookd are a list of pairs.
type textHeaders map[string]string

func (h *textHeaders) UnmarshalJSON(data []byte) error {
	var pairs [][2]string
	if json.Unmarshal(data, &pairs) == nil {
		*h = textHeaders{}
		for _, pair := range pairs {
			(*h)[pair[0]] = pair[1]
		}
		return nil
	}
	var all map[string]any
	err := json.Unmarshal(data, &all)
	*h = textHeaders{}
	for name, value := range all {
		if text, ok := value.(string); ok {
			(*h)[name] = text
		}
	}
	return err
}

type recordedRequest struct {
	Method  string
	Path    string
	Base    string
	Headers map[string]string
	Body    json.RawMessage
	BodyRaw bool `json:"body_raw"`
}

type recordedResponse struct {
	Status  int
	Headers map[string]string
	Body    json.RawMessage
}

func loadRecording(t *testing.T, file string) recording {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "recordings", file+".json"))
	require.NoError(t, err)
	rec := recording{file: file}
	require.NoError(t, json.Unmarshal(raw, &rec), file)
	return rec
}

// counts tells whether an exchange is one that the relay makes: a request to an
// endpoint that it calls, or a WebSocket frame or close that it gets.
func (e exchange) counts() bool {
	switch e.Direction {
	case "handshake", "handshake_failed", "received", "closed", "received_by_listener":
		return true
	case "":
		return e.Request != nil && isCalled(e.Request.Path)
	}
	return false
}

// isCalled tells whether the relay calls the endpoint of a path.
func isCalled(path string) bool {
	path, _, _ = strings.Cut(path, "?")
	for _, prefix := range []string{
		"/api/auth/0.1/token", "/api/auth/0.1/users",
		"/api/chatd/1.0/users/me/rooms", "/api/chatd/1.0/users/me/identities",
		"/api/chatd/1.0/identities", "/api/chatd/1.0/connectors", // of which the outcome of the rest depends
		"/api/chatd/1.0/users/presences", "/api/chatd/1.0/status",
		"/api/webhookd/1.0/users/me/subscriptions", "/api/confd/1.1/infos", "/api/websocketd", "/api/nosuch", "/1.0/users/me/rooms",
	} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	if strings.HasPrefix(path, "/api/webhookd/1.0/subscriptions") {
		return !strings.HasSuffix(path, "/logs") && !strings.HasSuffix(path, "/services") // which only people read
	}
	rest, isDird := strings.CutPrefix(path, "/api/dird")
	if rest2, isDirect := strings.CutPrefix(path, "/0.1"); isDirect && !isDird {
		rest, isDird = "/0.1"+rest2, true
	}
	segments := strings.Split(rest, "/")
	return strings.HasPrefix(path, "/api/chatd/1.0/users/") && strings.HasSuffix(path, "/presences") ||
		isDird && (strings.HasSuffix(path, "/contacts") ||
			strings.Contains(path, "/directories/") && strings.HasSuffix(path, "/sources") ||
			strings.Contains(path, "/directories/lookup/") && len(segments) == 5)
}
