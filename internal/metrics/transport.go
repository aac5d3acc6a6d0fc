package metrics

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The sides whose requests are counted.
const (
	Matrix = "matrix"
	Wazo   = "wazo"
)

// Transport returns what is put around the requests to a side, to count them.
func (m *Metrics) Transport(side string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper { return &transport{m, side, next} }
}

// transport counts requests.
type transport struct {
	metrics *Metrics
	side    string
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := t.next.RoundTrip(r)
	status := "none"
	if err == nil {
		status = strconv.Itoa(resp.StatusCode)
	}
	endpoint := endpointOf(r.URL.Path)
	t.metrics.requests.WithLabelValues(t.side, r.Method, endpoint, status).Inc()
	t.metrics.duration.WithLabelValues(t.side, r.Method, endpoint).Observe(time.Since(began).Seconds())
	return resp, err
}

// CloseIdleConnections closes what http.Client.CloseIdleConnections is to close.
func (t *transport) CloseIdleConnections() {
	if closer, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// endpointOf returns what of a path is the same in all requests of a kind. Whatever is not one of the words below, such
// as the id of a room, of a person or of a token, becomes {}: so the number of endpoints is bounded, and no secret is
// shown.
func endpointOf(path string) string {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for i, segment := range segments {
		if !words[segment] {
			segments[i] = "{}"
		}
	}
	return "/" + strings.Join(segments, "/")
}

var words = wordSet(`
	_matrix client media .well-known versions v1 v3 r0 unstable
	account whoami capabilities deactivate devices delete_devices login logout refresh register auth_metadata
	sync events rooms room_keys keys version backup createRoom join join_rules joined_rooms joined_members leave invite kick ban forget members messages event state send redact
	receipt read_markers typing aliases directory publicRooms upgrade context relations
	keys upload query claim changes device_signing signatures sendToDevice
	profile displayname avatar_url user account_data filter pushrules presence
	config create download thumbnail
	api auth chatd dird webhookd websocketd 0.1 1.0
	token tokens scopes check users me sessions policies
	rooms messages presences reactions replies reply
	directories default sources backends wazo contacts lookup
	subscriptions logs services
`)

func wordSet(list string) map[string]bool {
	set := make(map[string]bool)
	for _, word := range strings.Fields(list) {
		set[word] = true
	}
	return set
}
