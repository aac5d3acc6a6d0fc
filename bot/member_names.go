package bot

import (
	"cmp"
	"context"
	"maps"
	"sync"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/convert"
)

// memberNames knows how the members of rooms are called, and which of them share a name. It follows the timeline, so
// that a message keeps the name that its sender had, whatever happened to them since. What it knows of a room comes
// from the state store at first, and is lost when the bot stops.
type memberNames struct {
	*homeserver

	mu    sync.Mutex
	rooms map[id.RoomID]*nameTable
}

// table returns what is known of a room at the present end of its timeline, nil if that cannot be found out.
func (n *memberNames) table(ctx context.Context, roomID id.RoomID) *nameTable {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.rooms[roomID] != nil {
		return n.rooms[roomID]
	}
	members, err := n.client.StateStore.GetAllMembers(ctx, roomID)
	if err != nil {
		n.log.Err(err).Stringer("room_id", roomID).Msg("Failed to look up the members of a room")
		return nil
	}
	table := &nameTable{members: make(map[id.UserID]namedMember, len(members)), called: make(map[string]int, len(members))}
	for user, member := range members {
		table.set(user, namedMember{member.Displayname, isPresent(member.Membership)})
	}
	if n.rooms == nil {
		n.rooms = make(map[id.RoomID]*nameTable)
	}
	n.rooms[roomID] = table
	return table
}

// noteState notes an event of the state of a room before its timeline. A table that is not there yet is made from the
// state store later, which has it by then.
func (n *memberNames) noteState(evt *event.Event) {
	n.mu.Lock()
	table := n.rooms[evt.RoomID]
	n.mu.Unlock()
	if table == nil {
		return
	}
	table.mu.Lock()
	defer table.mu.Unlock()
	table.note(evt)
}

// forget forgets a room that the bot has left: what happens there from now on, it is not told.
func (n *memberNames) forget(roomID id.RoomID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.rooms, roomID)
}

// nameTable knows how the members of one room are called at some place of its timeline.
type nameTable struct {
	mu      sync.Mutex
	members map[id.UserID]namedMember
	called  map[string]int // how many of those who are present are called so
}

// namedMember is a member as far as names are concerned. Those who have left have no name of their own; they count only
// for what they said before.
type namedMember struct {
	displayName string
	present     bool // joined or invited: only these count for whether a name is shared
}

func isPresent(membership event.Membership) bool {
	return membership == event.MembershipJoin || membership == event.MembershipInvite
}

// shownName is what people see of a name. Nothing is seen of some display names.
func shownName(user id.UserID, displayName string) string {
	return cmp.Or(convert.CleanName(displayName, convert.MaxProfileBytes), user.Localpart())
}

// clone returns a copy of the table, nil of nil.
func (t *nameTable) clone() *nameTable {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return &nameTable{members: maps.Clone(t.members), called: maps.Clone(t.called)}
}

// nameSenders notes in events, which are in the order of the timeline, how their senders were called at that place, and
// moves the table to the end of the events. It may have been there already.
func (t *nameTable) nameSenders(events []relay.Event) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	rewound := make(map[id.UserID]bool)
	for _, evt := range events {
		if user, ok := memberOf(evt); ok && !rewound[user] {
			rewound[user] = true
			if before := evt.Unsigned.PrevContent; before != nil {
				t.set(user, parseMember(before.Raw))
			}
		}
	}
	for i, evt := range events {
		if _, ok := memberOf(evt); ok {
			t.note(evt.Event)
		} else if evt.ParseError == nil && evt.StateKey == nil {
			events[i].SenderName = t.of(evt.Sender)
		}
	}
}

// memberOf returns whose membership or name an event changes.
func memberOf(evt relay.Event) (user id.UserID, ok bool) {
	if evt.ParseError != nil || evt.StateKey == nil || evt.Type.Type != event.StateMember.Type {
		return "", false
	}
	return id.UserID(*evt.StateKey), true
}

// note notes an event that may be about a member.
func (t *nameTable) note(evt *event.Event) {
	if user, ok := memberOf(relay.Event{Event: evt}); ok {
		t.set(user, parseMember(evt.Content.Raw))
	}
}

// parseMember reads the content of m.room.member, of which anything may be wrong.
func parseMember(content map[string]any) namedMember {
	name, _ := content["displayname"].(string)
	membership, _ := content["membership"].(string)
	return namedMember{name, isPresent(event.Membership(membership))}
}

func (t *nameTable) set(user id.UserID, member namedMember) {
	if before := t.members[user]; before.present {
		t.called[shownName(user, before.displayName)]--
	}
	if member.present {
		t.called[shownName(user, member.displayName)]++
	}
	t.members[user] = member
}

// of returns how a person is called, nil if they are not known.
func (t *nameTable) of(user id.UserID) *relay.SenderName {
	member, ok := t.members[user]
	if !ok {
		return nil
	}
	others := t.called[shownName(user, member.displayName)]
	if member.present {
		others--
	}
	return &relay.SenderName{Name: member.displayName, Shared: others > 0}
}
