// Package bottest holds what tests of several packages need of a homeserver.
package bottest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
)

// KeyServer is the part of a homeserver that keeps one user's keys: those of devices, of the cross-signing identity,
// and the account data in which secrets are stored. Its fields may be changed between requests, under Lock.
type KeyServer struct {
	sync.Mutex
	User        id.UserID
	Devices     map[string]json.RawMessage            // device id → its keys as uploaded
	Identity    map[string]json.RawMessage            // master_key, self_signing_key, user_signing_key
	AccountData map[string]json.RawMessage            // type → content
	OneTimeKeys map[string]map[string]json.RawMessage // device id → its one-time keys by their ids
	Password    string                                // if set, the identity is published only with it
	ApproveAt   string                                // if set, the identity is published only after an approval there
	Backups     []*Backup                             // the versions of the key backup; nil: it was deleted

	// DeviceOf returns the device that makes a request.
	DeviceOf func(r *http.Request) string
}

// NewKeyServer returns the key server of a user without keys.
func NewKeyServer(user id.UserID, deviceOf func(r *http.Request) string) *KeyServer {
	return &KeyServer{
		User: user, DeviceOf: deviceOf, Devices: make(map[string]json.RawMessage), Identity: make(map[string]json.RawMessage),
		AccountData: make(map[string]json.RawMessage), OneTimeKeys: make(map[string]map[string]json.RawMessage),
	}
}

// Mount adds the endpoints to a homeserver.
func (k *KeyServer) Mount(mux *http.ServeMux) {
	const v3 = "/_matrix/client/v3"
	mux.HandleFunc("POST "+v3+"/keys/upload", k.upload)
	mux.HandleFunc("POST "+v3+"/keys/query", k.query)
	mux.HandleFunc("POST "+v3+"/keys/device_signing/upload", k.uploadIdentity)
	mux.HandleFunc("POST "+v3+"/keys/signatures/upload", k.uploadSignatures)
	k.mountBackup(mux, v3)
	mux.HandleFunc("GET "+v3+"/user/{user}/account_data/{type}", k.getAccountData)
	mux.HandleFunc("PUT "+v3+"/user/{user}/account_data/{type}", k.setAccountData)
}

// DropDevice deletes a device, as a log-out does.
func (k *KeyServer) DropDevice(device string) {
	k.Lock()
	defer k.Unlock()
	delete(k.Devices, device)
	delete(k.OneTimeKeys, device)
}

// Claim takes a device and one of its one-time keys, as somebody who begins a session with it does.
func (k *KeyServer) Claim() (device mautrix.DeviceKeys, oneTime mautrix.OneTimeKey) {
	k.Lock()
	defer k.Unlock()
	for name, keys := range k.Devices {
		must(json.Unmarshal(keys, &device))
		claimed := slices.Min(slices.Collect(maps.Keys(k.OneTimeKeys[name])))
		must(json.Unmarshal(k.OneTimeKeys[name][claimed], &oneTime))
		delete(k.OneTimeKeys[name], claimed)
		break
	}
	return device, oneTime
}

// Count returns how many one-time keys a device has left.
func (k *KeyServer) Count(device string) int {
	k.Lock()
	defer k.Unlock()
	return len(k.OneTimeKeys[device])
}

// CopyTo gives another homeserver the same keys.
func (k *KeyServer) CopyTo(other *KeyServer) {
	k.Lock()
	defer k.Unlock()
	other.Lock()
	defer other.Unlock()
	maps.Copy(other.Devices, k.Devices)
	maps.Copy(other.Identity, k.Identity)
	maps.Copy(other.AccountData, k.AccountData)
	for _, version := range k.Backups {
		other.Backups = append(other.Backups, version.clone())
	}
	for device, keys := range k.OneTimeKeys {
		other.OneTimeKeys[device] = maps.Clone(keys)
	}
}

func (k *KeyServer) upload(w http.ResponseWriter, r *http.Request) {
	var req struct {
		DeviceKeys  json.RawMessage            `json:"device_keys"`
		OneTimeKeys map[string]json.RawMessage `json:"one_time_keys"`
	}
	if !read(w, r, &req) {
		return
	}
	device := k.DeviceOf(r) // it may have a lock of its own
	k.Lock()
	defer k.Unlock()
	if req.DeviceKeys != nil {
		k.Devices[device] = req.DeviceKeys
	}
	if k.OneTimeKeys[device] == nil {
		k.OneTimeKeys[device] = make(map[string]json.RawMessage)
	}
	maps.Copy(k.OneTimeKeys[device], req.OneTimeKeys)
	answer(w, map[string]any{"one_time_key_counts": map[string]int{"signed_curve25519": len(k.OneTimeKeys[device])}})
}

func (k *KeyServer) query(w http.ResponseWriter, r *http.Request) {
	var req struct {
		DeviceKeys map[id.UserID]json.RawMessage `json:"device_keys"`
	}
	if !read(w, r, &req) {
		return
	}
	k.Lock()
	defer k.Unlock()
	devices := make(map[id.UserID]any)
	found := map[string]any{"device_keys": devices}
	for user := range req.DeviceKeys {
		devices[user] = map[string]any{} // somebody without devices
		if user != k.User {
			continue
		}
		devices[user] = k.Devices
		for usage, key := range k.Identity {
			found[usage+"s"] = map[id.UserID]json.RawMessage{user: key}
		}
	}
	answer(w, found)
}

func (k *KeyServer) uploadIdentity(w http.ResponseWriter, r *http.Request) {
	var req map[string]json.RawMessage
	if !read(w, r, &req) {
		return
	}
	k.Lock()
	defer k.Unlock()
	var auth struct {
		Password string `json:"password"`
	}
	_ = json.Unmarshal(req["auth"], &auth) // none: no password
	if k.ApproveAt != "" {
		w.WriteHeader(http.StatusUnauthorized)
		answer(w, map[string]any{
			"session": "1", "flows": []any{map[string]any{"stages": []string{"m.oauth"}}}, "params": map[string]any{"m.oauth": map[string]any{"url": k.ApproveAt}},
		})
		return
	}
	if k.Password != "" && auth.Password != k.Password || k.Identity["master_key"] != nil && auth.Password == "" {
		w.WriteHeader(http.StatusUnauthorized)
		answer(w, map[string]any{"session": "1", "flows": []any{map[string]any{"stages": []string{"m.login.password"}}}, "params": map[string]any{}})
		return
	}
	delete(req, "auth")
	maps.Copy(k.Identity, req)
	answer(w, map[string]any{})
}

func (k *KeyServer) uploadSignatures(w http.ResponseWriter, r *http.Request) {
	var req map[id.UserID]map[string]json.RawMessage
	if !read(w, r, &req) {
		return
	}
	k.Lock()
	defer k.Unlock()
	for name, signed := range req[k.User] {
		if device, ok := k.Devices[name]; ok {
			k.Devices[name] = withSignatures(device, signed)
		} else {
			k.Identity["master_key"] = withSignatures(k.Identity["master_key"], signed)
		}
	}
	answer(w, map[string]any{"failures": map[string]any{}})
}

// withSignatures adds to an object the signatures of a copy of it.
func withSignatures(object, signed json.RawMessage) json.RawMessage {
	type signatures = map[string]map[string]string
	var fields map[string]json.RawMessage
	var old, added struct {
		Signatures signatures `json:"signatures"`
	}
	for data, into := range map[*json.RawMessage]any{&object: &old, &signed: &added} {
		must(json.Unmarshal(*data, into))
	}
	must(json.Unmarshal(object, &fields))
	if old.Signatures == nil {
		old.Signatures = make(signatures)
	}
	for user, keys := range added.Signatures {
		if old.Signatures[user] == nil {
			old.Signatures[user] = make(map[string]string)
		}
		maps.Copy(old.Signatures[user], keys)
	}
	fields["signatures"] = encode(old.Signatures)
	return encode(fields)
}

func (k *KeyServer) getAccountData(w http.ResponseWriter, r *http.Request) {
	k.Lock()
	defer k.Unlock()
	content, ok := k.AccountData[r.PathValue("type")]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		answer(w, map[string]string{"errcode": "M_NOT_FOUND", "error": "no"})
		return
	}
	answer(w, content)
}

func (k *KeyServer) setAccountData(w http.ResponseWriter, r *http.Request) {
	var content json.RawMessage
	if !read(w, r, &content) {
		return
	}
	k.Lock()
	defer k.Unlock()
	k.AccountData[r.PathValue("type")] = content
	answer(w, map[string]any{})
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]string{"errcode": "M_NOT_JSON", "error": err.Error()})
		return false
	}
	return true
}

func answer(w http.ResponseWriter, v any) {
	_, _ = w.Write(encode(v)) // the asker is gone: nothing to do
}

func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	must(err)
	return data
}

// must panics on what cannot happen with what this package has encoded itself, or decoded before.
func must(err error) {
	if err != nil {
		panic(fmt.Errorf("bottest: %w", err))
	}
}
