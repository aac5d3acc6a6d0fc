package bottest

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"

	"maunium.net/go/mautrix/id"
)

// Backup is a version of the key backup of an account.
type Backup struct {
	Algorithm string          `json:"algorithm"`
	AuthData  json.RawMessage `json:"auth_data"`

	Rooms map[id.RoomID]map[id.SessionID]json.RawMessage `json:"-"`
}

func (b *Backup) clone() *Backup {
	if b == nil {
		return nil
	}
	cloned := &Backup{Algorithm: b.Algorithm, AuthData: b.AuthData, Rooms: make(map[id.RoomID]map[id.SessionID]json.RawMessage)}
	for room, sessions := range b.Rooms {
		cloned.Rooms[room] = maps.Clone(sessions)
	}
	return cloned
}

// mountBackup adds the endpoints of the key backup (client-server API, "Server-side key backups").
func (k *KeyServer) mountBackup(mux *http.ServeMux, v3 string) {
	mux.HandleFunc("POST "+v3+"/room_keys/version", k.createBackup)
	mux.HandleFunc("GET "+v3+"/room_keys/version", k.latestBackup)
	mux.HandleFunc("GET "+v3+"/room_keys/keys", k.getBackup)
	mux.HandleFunc("PUT "+v3+"/room_keys/keys", k.putBackup)
}

// LatestBackup returns the version that is in use, "" and nil if there is none. The lock must be held.
func (k *KeyServer) LatestBackup() (version string, latest *Backup) {
	for i, b := range k.Backups {
		if b != nil {
			version, latest = strconv.Itoa(i+1), b
		}
	}
	return version, latest
}

func (k *KeyServer) createBackup(w http.ResponseWriter, r *http.Request) {
	created := &Backup{Rooms: make(map[id.RoomID]map[id.SessionID]json.RawMessage)}
	if !read(w, r, created) {
		return
	}
	k.Lock()
	defer k.Unlock()
	k.Backups = append(k.Backups, created)
	answer(w, map[string]any{"version": strconv.Itoa(len(k.Backups))})
}

func (k *KeyServer) latestBackup(w http.ResponseWriter, _ *http.Request) {
	k.Lock()
	defer k.Unlock()
	version, latest := k.LatestBackup()
	if latest == nil {
		Refuse(w, http.StatusNotFound, "M_NOT_FOUND")
		return
	}
	answer(w, map[string]any{"algorithm": latest.Algorithm, "auth_data": latest.AuthData, "version": version, "count": 0, "etag": "0"})
}

func (k *KeyServer) getBackup(w http.ResponseWriter, r *http.Request) {
	k.Lock()
	defer k.Unlock()
	version, latest := k.LatestBackup()
	if latest == nil || r.URL.Query().Get("version") != version {
		Refuse(w, http.StatusNotFound, "M_NOT_FOUND")
		return
	}
	rooms := make(map[id.RoomID]any)
	for room, sessions := range latest.Rooms {
		rooms[room] = map[string]any{"sessions": sessions}
	}
	answer(w, map[string]any{"rooms": rooms})
}

func (k *KeyServer) putBackup(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Rooms map[id.RoomID]struct {
			Sessions map[id.SessionID]json.RawMessage `json:"sessions"`
		} `json:"rooms"`
	}
	if !read(w, r, &req) {
		return
	}
	k.Lock()
	defer k.Unlock()
	version, latest := k.LatestBackup()
	if latest == nil || r.URL.Query().Get("version") != version {
		Refuse(w, http.StatusForbidden, "M_WRONG_ROOM_KEYS_VERSION")
		return
	}
	for room, uploaded := range req.Rooms {
		if latest.Rooms[room] == nil {
			latest.Rooms[room] = make(map[id.SessionID]json.RawMessage)
		}
		maps.Copy(latest.Rooms[room], uploaded.Sessions)
	}
	answer(w, map[string]any{"count": 0, "etag": "0"})
}
