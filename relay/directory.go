package relay

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// titleNames is how many members a room without name is called by.
const titleNames = 4

// roomTitle is how people know a Wazo room: its name, else its members' names without the relay account's.
func (r *Relay) roomTitle(ctx context.Context, room wazoapi.Room) string {
	if name := convert.CleanName(room.Name, convert.MaxProfileBytes); name != "" {
		return name
	}
	var others []wazoapi.UUID
	for _, user := range room.Users {
		if user.UUID != r.account.uuid() {
			others = append(others, user.UUID)
		}
	}
	shown := others[:min(len(others), titleNames)]
	names, err := r.names.Names(ctx, shown...)
	if err != nil {
		r.log.Warn().Err(err).Msg("Failed to look up names for a room's title")
	}
	titles := make([]string, len(shown))
	for i, uuid := range shown {
		titles[i] = cmp.Or(convert.CleanName(names[uuid], convert.MaxProfileBytes), convert.ShortUUID(string(uuid)))
	}
	title := strings.Join(titles, ", ")
	if more := len(others) - len(shown); more > 0 {
		title += fmt.Sprintf(" and %d more", more)
	}
	return title
}

// listedRoom is a Wazo room with its title.
type listedRoom struct {
	wazoapi.Room
	title string
}

// sortedRooms lists the rooms of the relay account by title.
func (r *Relay) sortedRooms(ctx context.Context) ([]listedRoom, error) {
	rooms, err := r.account.listRooms(ctx)
	if err != nil {
		return nil, err
	}
	listed := make([]listedRoom, len(rooms))
	for i, room := range rooms {
		listed[i] = listedRoom{room, r.roomTitle(ctx, room)}
	}
	slices.SortFunc(listed, func(a, b listedRoom) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.title), strings.ToLower(b.title)), strings.Compare(string(a.UUID), string(b.UUID)))
	})
	return listed, nil
}

// Rooms lists the rooms of the relay account as shown to a person, and remembers what their numbers mean.
func (r *Relay) Rooms(ctx context.Context, shownTo id.UserID) ([]words.RoomLine, error) {
	rooms, err := r.sortedRooms(ctx)
	if err != nil {
		return nil, err
	}
	lines, uuids := make([]words.RoomLine, len(rooms)), make([]string, len(rooms))
	for i, room := range rooms {
		portal, err := r.db.Portal.ByWazoRoom(ctx, string(room.UUID))
		if err != nil {
			return nil, err
		}
		lines[i] = words.RoomLine{Title: room.title, UUID: string(room.UUID), Linked: portal != nil}
		uuids[i] = string(room.UUID)
	}
	return lines, r.db.Listing.Replace(ctx, shownTo, uuids)
}

// FindRoom returns the room of the relay account that a person means by a uuid, a number of the list shown to them, or a
// name. It returns a *UserError if none or several fit.
func (r *Relay) FindRoom(ctx context.Context, what string, by id.UserID) (wazoapi.Room, error) {
	uuid := wazoapi.NewUUID(what)
	if number, err := strconv.Atoi(what); err == nil {
		listed, err := r.db.Listing.Room(ctx, by, number)
		if err != nil {
			return wazoapi.Room{}, err
		}
		uuid = wazoapi.UUID(listed)
	}
	if uuid.Valid() {
		room, ok, err := r.account.room(ctx, uuid)
		if err != nil {
			return wazoapi.Room{}, err
		} else if !ok {
			return wazoapi.Room{}, refuse(r.texts.NoSuchRoom(what))
		}
		return room, nil
	}
	return r.findRoomByName(ctx, what)
}

// findRoomByName prefers a room that is called exactly so to one whose title contains the name.
func (r *Relay) findRoomByName(ctx context.Context, name string) (wazoapi.Room, error) {
	rooms, err := r.sortedRooms(ctx)
	if err != nil {
		return wazoapi.Room{}, err
	}
	var exact, partial []listedRoom
	for _, room := range rooms {
		if strings.EqualFold(room.title, name) {
			exact = append(exact, room)
		} else if strings.Contains(strings.ToLower(room.title), strings.ToLower(name)) {
			partial = append(partial, room)
		}
	}
	found := exact
	if len(found) == 0 {
		found = partial
	}
	switch len(found) {
	case 0:
		return wazoapi.Room{}, refuse(r.texts.NoSuchRoom(name))
	case 1:
		return found[0].Room, nil
	}
	titles := make([]string, len(found))
	for i, room := range found {
		titles[i] = room.title
	}
	return wazoapi.Room{}, refuse(r.texts.ManyRooms(name, titles))
}

// CreateRoom makes the Wazo room of some directory people and the relay account, or finds it: the same people always mean
// the same room (docs/wazo.md, "Create rooms"). It returns a *UserError if a name fits nobody or several.
func (r *Relay) CreateRoom(ctx context.Context, names []string, title string) (wazoapi.Room, error) {
	members := []wazoapi.UUID{r.account.uuid()}
	for _, name := range names {
		contact, err := r.findContact(ctx, name)
		if err != nil {
			return wazoapi.Room{}, err
		}
		if !slices.Contains(members, contact.UUID) {
			members = append(members, contact.UUID)
		}
	}
	if len(members) < 2 {
		return wazoapi.Room{}, refuse(r.texts.OnlyMember())
	}
	room, err := r.account.api.CreateRoom(ctx, title, members)
	if err != nil {
		return wazoapi.Room{}, fmt.Errorf("failed to create a room: %w", err)
	} else if !room.SameMembers(members) {
		return wazoapi.Room{}, refuse(r.texts.WrongMembers())
	}
	r.account.addRoom(room)
	return room, nil
}

// findContact returns the one person of the directory that a name, e-mail address or extension means.
func (r *Relay) findContact(ctx context.Context, name string) (wazoapi.Contact, error) {
	found, err := r.names.Search(ctx, name)
	if err != nil {
		return wazoapi.Contact{}, fmt.Errorf("failed to search the directory: %w", err)
	}
	exact := slices.DeleteFunc(slices.Clone(found), func(c wazoapi.Contact) bool {
		return !strings.EqualFold(c.Name(), name) && !strings.EqualFold(c.Email, name) && c.Exten != name
	})
	if len(exact) == 1 {
		found = exact
	}
	switch len(found) {
	case 0:
		return wazoapi.Contact{}, refuse(r.texts.NobodyFound(name))
	case 1:
		return found[0], nil
	}
	people := make([]string, len(found))
	for i, contact := range found {
		people[i] = contact.Name()
		if contact.Email != "" {
			people[i] += " (" + contact.Email + ")"
		}
	}
	return wazoapi.Contact{}, refuse(r.texts.ManyFound(name, people))
}
