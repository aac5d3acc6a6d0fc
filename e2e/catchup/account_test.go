package catchup

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"maunium.net/go/mautrix/id"
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

func (h *homeserver) uploadKeys(r *http.Request) any {
	var request struct {
		DeviceKeys  json.RawMessage            `json:"device_keys"`
		OneTimeKeys map[string]json.RawMessage `json:"one_time_keys"`
	}
	h.read(r, &request)
	if request.DeviceKeys != nil {
		h.keys[device(r)] = request.DeviceKeys
	}
	// Nobody ever claims one: there are always enough.
	return object{"one_time_key_counts": map[string]int{"signed_curve25519": max(50, len(request.OneTimeKeys))}}
}

func (h *homeserver) queryKeys(r *http.Request) any {
	var request struct {
		DeviceKeys map[id.UserID]json.RawMessage `json:"device_keys"`
	}
	h.read(r, &request)
	found := make(map[id.UserID]any)
	for user := range request.DeviceKeys {
		found[user] = object{} // somebody without devices
		if user == botUser {
			found[user] = maps.Clone(h.keys) // written to the answer when the lock is free again
		}
	}
	return object{"device_keys": found}
}
