package catchup

import (
	"fmt"
	"net/http"
	"strings"
)

// The bot's account. An access token names its device, which is all that has to
// be known of it: the test is not about rights.

const tokenPrefix = "token-of-"

func device(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "+tokenPrefix)
}

func (h *homeserver) login(r *http.Request) any {
	var request struct {
		Password string `json:"password"`
		Device   string `json:"device_id"`
	}
	h.read(r, &request)
	if request.Password != botPassword {
		return refusal{http.StatusForbidden, "M_FORBIDDEN"}
	}
	h.logins++
	if request.Device == "" {
		request.Device = fmt.Sprintf("DEVICE%d", h.logins)
	}
	return object{"user_id": botUser, "device_id": request.Device, "access_token": tokenPrefix + request.Device}
}

func (h *homeserver) whoami(r *http.Request) any {
	return object{"user_id": botUser, "device_id": device(r)}
}

func (h *homeserver) displayName(*http.Request) any { return object{"displayname": "Wazo"} }
