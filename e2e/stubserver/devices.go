package stubserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
)

const (
	encryptedType  = "m.room.encrypted"
	encryptionType = "m.room.encryption"
)

// account is somebody besides the bot who has a device.
type account struct {
	keys     *bottest.KeyServer
	requests *http.ServeMux    // of this account alone
	inbox    []json.RawMessage // the to-device messages that Person.Read has not read yet; guarded by Server.mu
}

// addAccount gives a person a device. The access token is the user id.
func (s *Server) addAccount(user id.UserID, device id.DeviceID) *account {
	added := &account{
		keys:     bottest.NewKeyServer(user, func(*http.Request) string { return device.String() }),
		requests: http.NewServeMux(),
	}
	added.keys.Mount(added.requests)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[user] = added
	return added
}

// byAccount lets the account answer that a request is of. The bot's requests are answered by bot, and those that concern
// the keys of all accounts by the server itself.
func (s *Server) byAccount(bot http.Handler) http.Handler {
	const v3 = "/_matrix/client/v3"
	all := http.NewServeMux()
	all.HandleFunc("POST "+v3+"/keys/query", s.answering(s.queryKeys))
	all.HandleFunc("POST "+v3+"/keys/claim", s.answering(s.claimKeys))
	all.HandleFunc("PUT "+v3+"/sendToDevice/{type}/{txn}", s.answering(s.sendToDevice))
	all.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		by := s.accounts[s.userOf(r)]
		s.mu.Unlock()
		if by != nil {
			by.requests.ServeHTTP(w, r)
			return
		}
		bot.ServeHTTP(w, r)
	})
	return all
}

// userOf returns who makes a request.
func (s *Server) userOf(r *http.Request) id.UserID {
	user := id.UserID(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if s.accounts[user] != nil {
		return user
	}
	return s.account.User
}

// keysOf returns the keys of a user, nil if that has no device.
func (s *Server) keysOf(user id.UserID) *bottest.KeyServer {
	if user == s.account.User {
		return s.account.Keys
	} else if found := s.accounts[user]; found != nil {
		return found.keys
	}
	return nil
}

// queryKeys tells of the devices and the cross-signing identities of users.
func (s *Server) queryKeys(r *http.Request) any {
	var request struct {
		DeviceKeys map[id.UserID]json.RawMessage `json:"device_keys"`
	}
	s.read(r, &request)
	devices, identities := object{}, make(map[string]object)
	for user := range request.DeviceKeys {
		devices[user.String()] = object{}
		keys := s.keysOf(user)
		if keys == nil {
			continue
		}
		keys.Lock()
		devices[user.String()] = maps.Clone(keys.Devices)
		for usage, key := range keys.Identity {
			if identities[usage+"s"] == nil {
				identities[usage+"s"] = object{}
			}
			identities[usage+"s"][user.String()] = key
		}
		keys.Unlock()
	}
	answer := object{"device_keys": devices}
	for usage, found := range identities {
		answer[usage] = found
	}
	return answer
}

// claimKeys gives away a one-time key of each device.
func (s *Server) claimKeys(r *http.Request) any {
	var request struct {
		OneTimeKeys map[id.UserID]map[string]string `json:"one_time_keys"`
	}
	s.read(r, &request)
	claimed := make(map[id.UserID]object)
	for user, devices := range request.OneTimeKeys {
		keys := s.keysOf(user)
		if keys == nil {
			continue
		}
		claimed[user] = object{}
		keys.Lock()
		for device := range devices {
			for name, key := range keys.OneTimeKeys[device] {
				claimed[user][device] = map[string]json.RawMessage{name: key}
				delete(keys.OneTimeKeys[device], name)
				break
			}
		}
		keys.Unlock()
	}
	return object{"one_time_keys": claimed, "failures": object{}}
}

// sendToDevice lets what is sent to the bot's devices come with /sync. Person.Read reads what is sent to people, who
// have one device each.
func (s *Server) sendToDevice(r *http.Request) any {
	var request struct {
		Messages map[id.UserID]map[string]json.RawMessage `json:"messages"`
	}
	s.read(r, &request)
	for user, devices := range request.Messages {
		for device, content := range devices {
			data := toJSON(object{"type": r.PathValue("type"), "sender": s.userOf(r), "content": content})
			if to := s.accounts[user]; to != nil {
				to.inbox = append(to.inbox, data)
			} else if user == s.account.User {
				s.log = append(s.log, logged{device: device, data: data})
			} else {
				s.fault(fmt.Errorf("%s has no device", user))
			}
		}
	}
	s.changes.Announce()
	return object{}
}

// reaches reports whether a to-device message is for a device.
func (l logged) reaches(device string) bool {
	return l.room == nil && (l.device == device || l.device == "*")
}

// oneTimeKeys returns how many one-time keys a device of the bot has left. As long as nobody else has a device, nobody
// takes one, and the result is nil. The bot's mautrix then asks for the number after each answer of /sync; that belongs
// to all that has been measured in plain rooms.
func (s *Server) oneTimeKeys(device string) object {
	if len(s.accounts) == 0 {
		return nil
	}
	return object{"signed_curve25519": s.account.Keys.Count(device)}
}
