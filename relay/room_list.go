package relay

import (
	"cmp"
	"slices"
	"strings"

	"wazo-matrix-relay/wazoapi"
)

// roomList is the rooms of an account, sorted by their uuids. An account may have thousands of rooms, and there may be
// a thousand accounts. So only what is asked for is kept, in as few pieces of memory as possible: many small ones would
// lie between those that were needed for a moment, and hold on to all the memory around them.
type roomList []knownRoom

// knownRoom is a room of a list. Its strings share the memory of the list, so they must not be kept elsewhere.
type knownRoom struct {
	uuid    wazoapi.UUID
	name    string
	members []knownMember
}

type knownMember struct {
	uuid     wazoapi.UUID
	identity string
}

// newRoomList returns the list of some rooms. It does not keep anything of them.
func newRoomList(rooms []wazoapi.Room) roomList {
	var texts textPacker
	var total int
	for _, room := range rooms {
		texts.add(string(room.UUID))
		texts.add(room.Name)
		for _, user := range room.Users {
			texts.add(string(user.UUID))
			texts.add(user.Identity)
		}
		total += len(room.Users)
	}
	packed := texts.pack()
	list, members := make(roomList, len(rooms)), make([]knownMember, 0, total)
	for i, room := range rooms {
		first := len(members)
		for _, user := range room.Users {
			members = append(members, knownMember{wazoapi.UUID(packed(string(user.UUID))), packed(user.Identity)})
		}
		list[i] = knownRoom{wazoapi.UUID(packed(string(room.UUID))), packed(room.Name), members[first:len(members):len(members)]}
	}
	slices.SortFunc(list, func(x, y knownRoom) int { return cmp.Compare(x.uuid, y.uuid) })
	return slices.CompactFunc(list, func(x, y knownRoom) bool { return x.uuid == y.uuid })
}

// find returns where a room is in the list, or would be.
func (l roomList) find(uuid wazoapi.UUID) (int, bool) {
	return slices.BinarySearchFunc(l, uuid, func(room knownRoom, uuid wazoapi.UUID) int { return cmp.Compare(room.uuid, uuid) })
}

func (l roomList) has(uuid wazoapi.UUID) bool {
	_, there := l.find(uuid)
	return there
}

// get returns a room, without the tenants and the uuids of its Wazo.
func (l roomList) get(uuid wazoapi.UUID) (wazoapi.Room, bool) {
	i, there := l.find(uuid)
	if !there {
		return wazoapi.Room{}, false
	}
	room := wazoapi.Room{UUID: uuid, Name: strings.Clone(l[i].name), Users: make([]wazoapi.RoomUser, len(l[i].members))}
	for j, member := range l[i].members {
		room.Users[j] = wazoapi.RoomUser{UUID: cloned(member.uuid), Identity: strings.Clone(member.identity)}
	}
	return room, true
}

// with returns the list with a room that was added, or has changed.
func (l roomList) with(room wazoapi.Room) roomList {
	l = l.without(room.UUID)
	i, _ := l.find(room.UUID)
	return slices.Insert(l, i, newRoomList([]wazoapi.Room{room})...)
}

// without returns the list without a room. The list must not be used any more.
func (l roomList) without(uuid wazoapi.UUID) roomList {
	if i, there := l.find(uuid); there {
		return slices.Delete(l, i, i+1)
	}
	return l
}

// missing returns the rooms that are not in another list.
func (l roomList) missing(other roomList) (missing []wazoapi.UUID) {
	for _, room := range l {
		if !other.has(room.uuid) {
			missing = append(missing, cloned(room.uuid))
		}
	}
	return missing
}

func cloned(uuid wazoapi.UUID) wazoapi.UUID { return wazoapi.UUID(strings.Clone(string(uuid))) }

// textPacker puts texts into one piece of memory, equal ones once.
type textPacker struct {
	all strings.Builder
	at  map[string]int // where a text begins
}

func (p *textPacker) add(text string) {
	if p.at == nil {
		p.at = make(map[string]int)
	}
	if _, known := p.at[text]; !known {
		p.at[text] = p.all.Len()
		p.all.WriteString(text)
	}
}

// pack returns a function that returns one of the texts.
func (p *textPacker) pack() func(text string) string {
	all := strings.Clone(p.all.String()) // without what the builder has left
	return func(text string) string {
		at := p.at[text]
		return all[at : at+len(text)]
	}
}
