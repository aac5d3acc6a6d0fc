package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/relay"

	"maunium.net/go/mautrix/id"
)

// madeRooms are the Matrix rooms that the homeserver has made for the bot, whether or
// not the relay has come to know that.
type madeRooms struct {
	changes harness.Changes

	mu      sync.Mutex
	rooms   map[string][]id.RoomID // by Wazo room, in the order in which they were made
	entered map[id.RoomID]int      // how many people have joined
}

func newMadeRooms() *madeRooms {
	return &madeRooms{rooms: make(map[string][]id.RoomID), entered: make(map[id.RoomID]int)}
}

// note notes the homeserver's answer to a request to make a room.
func (m *madeRooms) note(request []byte, resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var made struct {
		Room id.RoomID `json:"room_id"`
	}
	wazoRoom := markedRoom(request)
	if resp.StatusCode != http.StatusOK || json.Unmarshal(body, &made) != nil || made.Room == "" || wazoRoom == "" {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rooms[wazoRoom] = append(m.rooms[wazoRoom], made.Room)
	m.changes.Announce()
	return nil
}

// markedRoom returns the Wazo room for which a request makes a room, "" if it is for
// something else.
func markedRoom(request []byte) string {
	var asked struct {
		InitialState []struct {
			Type     string `json:"type"`
			StateKey string `json:"state_key"`
		} `json:"initial_state"`
	}
	if json.Unmarshal(request, &asked) != nil {
		return ""
	}
	for _, state := range asked.InitialState {
		if state.Type == relay.MarkerType.Type {
			return state.StateKey
		}
	}
	return ""
}

// of returns the rooms that were made for a Wazo room.
func (m *madeRooms) of(wazoRoom string) []id.RoomID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.rooms[wazoRoom])
}

// next returns the nth room that is made for a Wazo room, counted from 0, as soon as it
// is made.
func (m *madeRooms) next(ctx context.Context, wazoRoom string, n int) (room id.RoomID, err error) {
	err = m.changes.Until(ctx, func() (bool, error) {
		rooms := m.of(wazoRoom)
		if len(rooms) <= n {
			return false, nil
		}
		room = rooms[n]
		return true, nil
	})
	return room, err
}

// enter notes that a person has joined a room.
func (m *madeRooms) enter(room id.RoomID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entered[room]++
	m.changes.Announce()
}

// complete returns a room for a Wazo room as soon as so many people have joined it.
func (m *madeRooms) complete(ctx context.Context, wazoRoom string, people int) (room id.RoomID, err error) {
	err = m.changes.Until(ctx, func() (bool, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		at := slices.IndexFunc(m.rooms[wazoRoom], func(room id.RoomID) bool { return m.entered[room] >= people })
		if at >= 0 {
			room = m.rooms[wazoRoom][at]
		}
		return at >= 0, nil
	})
	return room, err
}
