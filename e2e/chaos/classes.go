package chaos

import (
	"net/http"
	"strings"
)

// classifyMatrix tells the requests of the client-server API apart.
func classifyMatrix(r *http.Request) class {
	path := r.URL.Path
	switch {
	case r.Method == http.MethodPut && strings.Contains(path, "/send/"):
		return matrixSend
	case strings.HasSuffix(path, "/sync"):
		return matrixSync
	case r.Method == http.MethodGet && strings.HasSuffix(path, "/messages"):
		return matrixPages
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/createRoom"):
		return matrixRooms
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/invite"), r.Method == http.MethodPut && strings.Contains(path, "/state/m.room.member/"):
		return matrixInvites
	default:
		return other
	}
}

// classifyWazo tells the requests to chatd apart
// (docs/wazo.md, "Post messages"; docs/wazo.md, "Read history").
func classifyWazo(r *http.Request) class {
	path := r.URL.Path
	switch {
	case !strings.HasPrefix(path, "/api/chatd/") || !strings.HasSuffix(path, "/messages"):
		return other
	case r.Method == http.MethodPost:
		return wazoPost
	default:
		return wazoPages
	}
}

// roomOf returns the Wazo room of a request that posts a message.
func roomOf(r *http.Request) string {
	segments := strings.Split(r.URL.Path, "/")
	return segments[len(segments)-2]
}
