package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// directory finds Wazo rooms and people for those who name them, and names them to people.
type directory struct {
	account *account // whose rooms are found, nil if there is no relay account
	names   *phonebook
	outside *outsideNames
	db      *db.Database
	texts   words.Texts
	log     zerolog.Logger
}

// nameTTL is how long a name of the directory is used before it is read again: the bound for a new name to appear on
// Matrix.
const nameTTL = 5 * time.Minute

// titleNames is how many members a room without name is called by.
const titleNames = 4

// titleFor is how a member of a Wazo room knows it: by its name, else by the names of the other members.
func (d *directory) titleFor(ctx context.Context, room wazoapi.Room, member wazoapi.UUID) string {
	title, err := d.findTitle(ctx, room, member)
	if err != nil {
		d.log.Warn().Err(err).Msg("Failed to look up names for a room's title")
	}
	return title
}

// findTitle is titleFor. After an error the title has short forms of uuids instead of names.
func (d *directory) findTitle(ctx context.Context, room wazoapi.Room, member wazoapi.UUID) (string, error) {
	if name := convert.CleanName(room.Name, convert.MaxProfileBytes); name != "" {
		return name, nil
	}
	if outside, ok := room.Outside(); ok {
		return d.outside.name(ctx, outside.Identity)
	}
	var others []wazoapi.UUID
	for _, user := range room.Users {
		if user.UUID != member {
			others = append(others, user.UUID)
		}
	}
	shown := others[:min(len(others), titleNames)]
	names, err := d.names.Names(ctx, shown...)
	titles := make([]string, len(shown))
	for i, uuid := range shown {
		titles[i] = cmp.Or(convert.CleanName(names[uuid], convert.MaxProfileBytes), convert.ShortUUID(d.texts, string(uuid)))
	}
	title := strings.Join(titles, ", ")
	return d.texts.WithMore(title, len(others)-len(shown)), err
}

// listedRoom is a Wazo room with its title.
type listedRoom struct {
	wazoapi.Room
	title string
}

// sortedRooms lists the rooms of an account by title.
func (d *directory) sortedRooms(ctx context.Context, acc *account) ([]listedRoom, error) {
	rooms, err := acc.listRooms(ctx)
	if err != nil {
		return nil, err
	}
	listed := make([]listedRoom, len(rooms))
	for i, room := range rooms {
		listed[i] = listedRoom{room, d.titleFor(ctx, room, acc.uuid())}
	}
	slices.SortFunc(listed, func(a, b listedRoom) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.title), strings.ToLower(b.title)), strings.Compare(string(a.UUID), string(b.UUID)))
	})
	return listed, nil
}

// Rooms lists the rooms of the relay account as shown to a person, and remembers what their numbers mean.
func (d *directory) Rooms(ctx context.Context, shownTo id.UserID) ([]words.RoomLine, error) {
	if d.account == nil {
		return nil, refuse(d.texts.NoRelayAccount())
	}
	rooms, err := d.sortedRooms(ctx, d.account)
	if err != nil {
		return nil, err
	}
	lines, uuids := make([]words.RoomLine, len(rooms)), make([]string, len(rooms))
	for i, room := range rooms {
		portal, err := d.db.Portal.ByWazoRoom(ctx, string(room.UUID))
		if err != nil {
			return nil, err
		}
		lines[i] = words.RoomLine{Title: room.title, UUID: string(room.UUID), Linked: portal != nil}
		uuids[i] = string(room.UUID)
	}
	return lines, d.db.Listing.Replace(ctx, shownTo, uuids)
}

// FindRoom returns the room of the relay account that a person means by a uuid, a number of the list shown to them, or
// a name. It returns a *UserError if none or several fit.
func (d *directory) FindRoom(ctx context.Context, what string, by id.UserID) (wazoapi.Room, error) {
	if d.account == nil {
		return wazoapi.Room{}, refuse(d.texts.NoRelayAccount())
	}
	room, found, err := d.findRoomOf(ctx, d.account, what, by)
	if err == nil && !found {
		err = refuse(d.texts.NoSuchRoom(what))
	}
	return room, err
}

// findRoomOf is FindRoom for the rooms of any account. It reports false if none fits.
func (d *directory) findRoomOf(ctx context.Context, acc *account, what string, by id.UserID) (wazoapi.Room, bool, error) {
	uuid := wazoapi.NewUUID(what)
	if number, err := strconv.Atoi(what); err == nil {
		listed, err := d.db.Listing.Room(ctx, by, number)
		if err != nil {
			return wazoapi.Room{}, false, err
		}
		uuid = wazoapi.UUID(listed)
	}
	if uuid.Valid() {
		return acc.room(ctx, uuid)
	}
	return d.findRoomByName(ctx, acc, what)
}

// findRoomByName prefers a room that is called exactly so to one whose title contains the name.
func (d *directory) findRoomByName(ctx context.Context, acc *account, name string) (wazoapi.Room, bool, error) {
	rooms, err := d.sortedRooms(ctx, acc)
	if err != nil {
		return wazoapi.Room{}, false, err
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
		return wazoapi.Room{}, false, nil
	case 1:
		return found[0].Room, true, nil
	}
	titles := make([]string, len(found))
	for i, room := range found {
		titles[i] = room.title
	}
	return wazoapi.Room{}, false, refusePrivately(d.texts.ManyRooms(name, titles))
}

// CreateRoom makes the Wazo room of some directory people and the relay account, or finds it: the same people always
// mean the same room (docs/wazo.md, "Create rooms"). It returns a *UserError if a name fits nobody or several; that one
// contains e-mail addresses only if nobody but the person who asked reads it (private).
func (d *directory) CreateRoom(ctx context.Context, names []string, title string, private bool) (wazoapi.Room, error) {
	if d.account == nil {
		return wazoapi.Room{}, refuse(d.texts.NoRelayAccount())
	}
	members := []wazoapi.UUID{d.account.uuid()}
	for _, name := range names {
		contact, err := d.findContact(ctx, name, private)
		if err != nil {
			return wazoapi.Room{}, err
		}
		if !slices.Contains(members, contact.UUID) {
			members = append(members, contact.UUID)
		}
	}
	if len(members) < 2 {
		return wazoapi.Room{}, refuse(d.texts.OnlyMember())
	}
	room, err := d.account.api.CreateRoom(ctx, title, members)
	if err != nil {
		return wazoapi.Room{}, fmt.Errorf("failed to create a room: %w", err)
	} else if !room.SameMembers(members) {
		return wazoapi.Room{}, refuse(d.texts.WrongMembers())
	}
	d.account.addRoom(room)
	return room, nil
}

// maxListed is how many people are listed if a name fits several.
const maxListed = 5

// findContact returns the one person of the directory that a name, e-mail address or extension means.
func (d *directory) findContact(ctx context.Context, name string, private bool) (wazoapi.Contact, error) {
	found, asked, err := d.names.Search(ctx, name)
	if err != nil {
		return wazoapi.Contact{}, fmt.Errorf("failed to search the directory: %w", err)
	} else if !asked {
		return wazoapi.Contact{}, refuse(d.texts.NoDirectory())
	}
	found = withoutRepetitions(found)
	exact := slices.DeleteFunc(slices.Clone(found), func(c wazoapi.Contact) bool {
		return !strings.EqualFold(c.Name(), name) && !strings.EqualFold(c.Email, name) && c.Exten != name
	})
	if len(exact) == 1 {
		return exact[0], nil
	}
	// The relay account is in every chat already, so it is meant only if nobody else can be.
	others := slices.DeleteFunc(slices.Clone(found), func(c wazoapi.Contact) bool { return c.UUID == d.account.uuid() })
	if len(others) > 0 {
		found = others
	}
	switch len(found) {
	case 0:
		return wazoapi.Contact{}, refuse(d.texts.NobodyFound(name))
	case 1:
		return found[0], nil
	}
	shown := make([]string, min(len(found), maxListed))
	for i := range shown {
		shown[i] = d.contactLine(found[i], private)
	}
	return wazoapi.Contact{}, refuse(d.texts.ManyFound(name, shown, len(found)-len(shown)))
}

// withoutRepetitions leaves out whom several directories contain, or one directory twice.
func withoutRepetitions(contacts []wazoapi.Contact) []wazoapi.Contact {
	seen := make(map[wazoapi.UUID]bool, len(contacts))
	return slices.DeleteFunc(contacts, func(c wazoapi.Contact) bool {
		repeated := seen[c.UUID]
		seen[c.UUID] = true
		return repeated
	})
}

// contactLine shows a person of the directory with what tells them from others of the same name: the extension, and the
// e-mail address if nobody but the person who asked reads it.
func (d *directory) contactLine(contact wazoapi.Contact, private bool) string {
	if !private {
		if strings.EqualFold(contact.Name(), contact.Email) {
			contact.FirstName, contact.LastName = "", ""
		}
		contact.Email = ""
	}
	name := contact.Name()
	details := slices.DeleteFunc([]string{contact.Exten, contact.Email}, func(detail string) bool { return detail == "" || detail == name })
	line := cmp.Or(convert.CleanName(name, convert.MaxProfileBytes), convert.ShortUUID(d.texts, string(contact.UUID)))
	if len(details) > 0 {
		line += " (" + strings.Join(details, ", ") + ")"
	}
	return line
}

// nameTimeout is how long a message waits for its sender's name: a message without the right name is better than none.
const nameTimeout = 5 * time.Second

// profileName is how a Wazo author is called: as in the directory, else by alias, else by a short form of the uuid.
func (d *directory) profileName(ctx context.Context, message wazoapi.Message) string {
	lookup, cancel := lookupContext(ctx, nameTimeout)
	defer cancel()
	names, err := d.names.Names(lookup, message.UserUUID)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up a name in the directory")
	}
	if name := convert.CleanName(names[message.UserUUID], convert.MaxProfileBytes); name != "" {
		return name
	}
	if name := convert.CleanName(message.Alias, convert.MaxProfileBytes); name != "" {
		return name
	}
	return convert.ShortUUID(d.texts, string(message.UserUUID))
}

// parkedName is how the author of a row is called. The row can perhaps not even be parsed.
func (d *directory) parkedName(ctx context.Context, row *db.Row) string {
	var message wazoapi.Message
	if json.Unmarshal([]byte(row.Payload), &message) != nil {
		message.UserUUID = wazoapi.UUID(row.Author)
	}
	return d.profileName(ctx, message)
}
