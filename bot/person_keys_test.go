package bot

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/id"
)

// devicesOf stands in for the homeserver's keys of one person: it tells of the devices that there are, hands out
// one-time keys, and counts how often each device is given the key of a room.
type devicesOf struct {
	*testing.T
	user id.UserID

	mu       sync.Mutex
	accounts map[id.DeviceID]*crypto.OlmAccount
	given    map[id.DeviceID]int
	claiming func() // called, without the lock, before one-time keys are handed out; may be nil
}

func newDevicesOf(t *testing.T, user id.UserID, devices ...id.DeviceID) *devicesOf {
	d := &devicesOf{T: t, user: user, accounts: make(map[id.DeviceID]*crypto.OlmAccount), given: make(map[id.DeviceID]int)}
	for _, device := range devices {
		d.add(device)
	}
	return d
}

func (d *devicesOf) add(device id.DeviceID) {
	account := crypto.NewOlmAccount()
	require.NoError(d, account.Internal.GenOneTimeKeys(10))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accounts[device] = account
}

func (d *devicesOf) timesGiven(device id.DeviceID) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.given[device]
}

func (d *devicesOf) signed(device id.DeviceID, object map[string]any) map[string]any {
	signature, err := d.accounts[device].SignJSON(object)
	assert.NoError(d, err)
	object["signatures"] = map[string]any{d.user.String(): map[string]any{"ed25519:" + device.String(): signature}}
	return object
}

// serve answers requests about keys; it is an interceptor of the fake homeserver, whose bot has no devices then.
func (d *devicesOf) serve(w http.ResponseWriter, r *http.Request) bool {
	answer := func(v any) bool {
		_, _ = w.Write(toJSON(v)) // the bot hung up: nothing to do
		return true
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/keys/query"):
		d.mu.Lock()
		defer d.mu.Unlock()
		devices := make(map[id.DeviceID]any)
		for device, account := range d.accounts {
			devices[device] = d.signed(device, map[string]any{
				"user_id": d.user, "device_id": device, "algorithms": []id.Algorithm{id.AlgorithmOlmV1, id.AlgorithmMegolmV1},
				"keys": map[string]any{"curve25519:" + device.String(): account.IdentityKey(), "ed25519:" + device.String(): account.SigningKey()},
			})
		}
		return answer(map[string]any{"device_keys": map[id.UserID]any{d.user: devices, botUser: map[string]any{}}})
	case strings.HasSuffix(r.URL.Path, "/keys/claim"):
		var req struct {
			OneTimeKeys map[id.UserID]map[id.DeviceID]string `json:"one_time_keys"`
		}
		assert.NoError(d, json.NewDecoder(r.Body).Decode(&req))
		if d.claiming != nil {
			d.claiming()
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		claimed := make(map[id.DeviceID]any)
		for device := range req.OneTimeKeys[d.user] {
			keys, err := d.accounts[device].Internal.OneTimeKeys()
			assert.NoError(d, err)
			for keyID, key := range keys {
				claimed[device] = map[string]any{"signed_curve25519:" + keyID: d.signed(device, map[string]any{"key": key})}
			}
		}
		return answer(map[string]any{"one_time_keys": map[id.UserID]any{d.user: claimed}})
	case strings.Contains(r.URL.Path, "/sendToDevice/m.room.encrypted/"):
		var req struct {
			Messages map[id.UserID]map[id.DeviceID]json.RawMessage `json:"messages"`
		}
		assert.NoError(d, json.NewDecoder(r.Body).Decode(&req))
		d.mu.Lock()
		defer d.mu.Unlock()
		for device := range req.Messages[d.user] {
			d.given[device]++
		}
		return answer(map[string]any{})
	}
	return false
}
