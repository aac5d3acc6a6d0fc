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
	case !strings.HasPrefix(path, "/api/chatd/"):
		return other
	case strings.Contains(path, "/messages/") && r.Method != http.MethodGet:
		return wazoRelate
	case strings.HasSuffix(path, "/reactions"), strings.HasSuffix(path, "/replies"):
		return wazoRelated
	case !strings.HasSuffix(path, "/messages"):
		return other
	case r.Method == http.MethodPost:
		return wazoPost
	default:
		return wazoPages
	}
}

// roomOf returns the Wazo room of a request about its messages.
func roomOf(r *http.Request) string {
	_, path, _ := strings.Cut(r.URL.Path, "/rooms/")
	room, _, _ := strings.Cut(path, "/")
	return room
}
