package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Entry is an event as a client came to know it.
type Entry struct {
	*event.Event
	// Seen is when the client got the event from /sync, or decrypted it if the
	// key came later.
	Seen time.Time
}

// timelines is what a client has seen of each room, in the order of arrival. An
// encrypted event keeps its place when it is decrypted later.
type timelines struct {
	changes Changes

	mu      sync.Mutex
	rooms   map[id.RoomID][]Entry
	index   map[id.EventID]int
	settled map[id.RoomID]bool // joined, and one answer with it completely processed

	// decrypts says that mautrix hands over each encrypted event twice, the
	// second time in clear if it has the key. held is the one whose second time
	// may be about to come: nobody should see it encrypted for that moment.
	decrypts bool
	held     *event.Event
}

func newTimelines(decrypts bool) *timelines {
	return &timelines{
		decrypts: decrypts,
		rooms:    make(map[id.RoomID][]Entry),
		index:    make(map[id.EventID]int),
		settled:  make(map[id.RoomID]bool),
	}
}

// handle is mautrix's listener for all events; only those of rooms are kept.
func (t *timelines) handle(_ context.Context, evt *event.Event) {
	if evt.RoomID == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.release(evt.ID)
	if t.decrypts && evt.Type == event.EventEncrypted {
		t.held = evt
		return
	}
	t.add(evt)
	t.changes.Announce()
}

// release adds the event that was held, unless next is it in clear.
func (t *timelines) release(next id.EventID) {
	if t.held != nil && t.held.ID != next {
		t.add(t.held)
	}
	t.held = nil
}

// settle notes the rooms that an answer showed as joined.
func (t *timelines) settle(resp *mautrix.RespSync) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.release("")
	for room := range resp.Rooms.Join {
		t.settled[room] = true
	}
	for room := range resp.Rooms.Leave {
		delete(t.settled, room)
	}
	t.changes.Announce()
}

func (t *timelines) add(evt *event.Event) {
	entry := Entry{Event: evt, Seen: time.Now()}
	// The stripped state of an invitation has no event ids.
	if at, known := t.index[evt.ID]; known && evt.ID != "" {
		if t.rooms[evt.RoomID][at].Type != event.EventEncrypted || evt.Type == event.EventEncrypted {
			return
		}
		t.rooms[evt.RoomID][at] = entry
	} else {
		t.index[evt.ID] = len(t.rooms[evt.RoomID])
		t.rooms[evt.RoomID] = append(t.rooms[evt.RoomID], entry)
	}
}

func (t *timelines) snapshot(room id.RoomID) []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.rooms[room])
}

// waitSettled returns when the client has joined the room and knows its state.
func (t *timelines) waitSettled(ctx context.Context, room id.RoomID) error {
	return t.changes.Until(ctx, func() (bool, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.settled[room], nil
	})
}

// unjoined returns a room with a matching event that the client is not in, "" if
// there is none.
func (t *timelines) unjoined(match Match) id.RoomID {
	t.mu.Lock()
	defer t.mu.Unlock()
	for room, entries := range t.rooms {
		if !t.settled[room] && slices.ContainsFunc(entries, func(entry Entry) bool { return match(entry.Event) }) {
			return room
		}
	}
	return ""
}

// wait returns the first entry of room, known or still to come, that matches.
func (t *timelines) wait(ctx context.Context, room id.RoomID, match Match) (found Entry, err error) {
	err = t.changes.Until(ctx, func() (bool, error) {
		entries := t.snapshot(room)
		at := slices.IndexFunc(entries, func(entry Entry) bool { return match(entry.Event) })
		if at >= 0 {
			found = entries[at]
		}
		return at >= 0, nil
	})
	if err != nil {
		return Entry{}, fmt.Errorf("no matching event in %s: %w; seen:\n%s", room, err, digest(t.snapshot(room)))
	}
	return found, nil
}

// digest shows the end of a timeline, a line per event.
func digest(entries []Entry) string {
	const shown = 20
	var lines strings.Builder
	for _, entry := range entries[max(0, len(entries)-shown):] {
		fmt.Fprintf(&lines, "  %s %s %s", entry.Sender, entry.Type.Type, entry.GetStateKey())
		if content := entry.Content.AsMessage(); entry.Type == event.EventMessage {
			fmt.Fprintf(&lines, " %s %q", content.MsgType, content.Body)
		}
		lines.WriteByte('\n')
	}
	return lines.String()
}
