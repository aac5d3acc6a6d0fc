package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// opener opens Matrix rooms for Wazo rooms.
type opener interface {
	// ask stores that a person wants a Wazo room of theirs on Matrix. The person is invited to its Matrix room later,
	// and told so. It returns a *UserError if that cannot be.
	ask(ctx context.Context, room wazoapi.Room, by id.UserID) error
}

// maxOthers is how many people besides oneself a Wazo room can have (docs/wazo.md, "Rooms").
const maxOthers = 99

// starter starts conversations for people who are logged in, each through their own account. It is safe for concurrent
// use.
type starter struct {
	people *people
	opener opener
	making *semaphore.Weighted // held while rooms are listed and one is made: chatd would make two at the same moment

	mu      sync.Mutex
	choices map[id.UserID]*choice
}

func newStarter(people *people, opener opener) *starter {
	return &starter{people: people, opener: opener, making: semaphore.NewWeighted(1), choices: make(map[id.UserID]*choice)}
}

// start is a conversation that a person wants to start.
type start struct {
	by    id.UserID
	acc   *account
	with  []wazoapi.UUID // who was found
	names []string       // who is still to be found
	title string
}

// StartChat starts a conversation of a person with people of Wazo, whom they name, and answers in words. If several
// people match a name, the answer is a numbered list, and StartChat goes on when it is called with only the number. It
// returns a *UserError if the person is not logged in, or if the conversation cannot be.
func (s *starter) StartChat(ctx context.Context, by id.UserID, names []string, title string) (string, error) {
	acc, err := s.people.own(by)
	if err != nil {
		return "", err
	}
	wanted, err := s.request(by, acc, names, title)
	if err != nil {
		return "", err
	}
	return s.goOn(ctx, wanted)
}

// request reads what a person has typed: a number of the list that was shown to them, or names.
func (s *starter) request(by id.UserID, acc *account, names []string, title string) (*start, error) {
	if len(names) == 1 && title == "" {
		if number, err := strconv.Atoi(names[0]); err == nil {
			if wanted := s.chosen(by, acc, number); wanted != nil {
				return wanted, nil
			}
		}
	}
	s.forget(by)
	wanted := &start{by: by, acc: acc, title: convert.CleanName(title, convert.MaxProfileBytes)}
	for _, name := range names {
		if name = convert.CleanName(name, convert.MaxProfileBytes); name != "" {
			wanted.names = append(wanted.names, name)
		}
	}
	switch {
	case len(wanted.names) == 0, title != "" && wanted.title == "":
		return nil, refuse(s.people.texts.StartUsage())
	case len(wanted.names) > maxOthers:
		return nil, refuse(s.people.texts.TooManyMembers(maxOthers))
	default:
		return wanted, nil
	}
}

// goOn finds the people who are still to be found, and then the conversation.
func (s *starter) goOn(ctx context.Context, wanted *start) (string, error) {
	for len(wanted.names) > 0 {
		name := wanted.names[0]
		found, err := s.meant(ctx, wanted.acc, name)
		if err != nil {
			return "", err
		} else if len(found) > 1 {
			return s.letChoose(wanted, name, found), nil
		}
		wanted.names = wanted.names[1:]
		if err = s.add(wanted, found[0]); err != nil {
			return "", err
		}
	}
	if len(wanted.with) == 0 {
		return "", refuse(s.people.texts.OnlyYourself())
	}
	room, err := s.room(ctx, wanted)
	if err != nil {
		return "", err
	}
	return s.open(ctx, wanted, room)
}

// add adds a person who was found. Whoever starts a conversation takes part in it anyway.
func (s *starter) add(wanted *start, found wazoapi.Contact) error {
	switch {
	case s.people.isRelay(found.UUID):
		return refuse(s.people.texts.StartWithRelay())
	case found.UUID != wanted.acc.uuid() && !slices.Contains(wanted.with, found.UUID):
		wanted.with = append(wanted.with, found.UUID)
	}
	return nil
}

// meant returns whom a person may mean by a name: who is called exactly so, else everybody who matches it. The person
// and the relay account are meant only if nobody else can be. It returns a *UserError if nobody matches.
func (s *starter) meant(ctx context.Context, acc *account, name string) ([]wazoapi.Contact, error) {
	if uuid := wazoapi.NewUUID(name); uuid.Valid() {
		return s.known(ctx, acc, uuid)
	}
	found, err := s.people.contacts(ctx, acc, name)
	if err != nil {
		return nil, err
	} else if len(found) == 0 {
		return nil, refuse(s.people.texts.NobodyHasAccount(name))
	}
	others := slices.DeleteFunc(slices.Clone(found), func(c wazoapi.Contact) bool { return c.UUID == acc.uuid() || s.people.isRelay(c.UUID) })
	if len(others) == 0 {
		return found[:1], nil
	}
	exact := slices.DeleteFunc(slices.Clone(others), func(c wazoapi.Contact) bool { return !isExactly(c, name) })
	if len(exact) > 0 {
		return exact, nil
	}
	return others, nil
}

// known returns the person with a uuid. chatd would make a room also with a uuid that nobody has (docs/wazo.md,
// "Rooms").
func (s *starter) known(ctx context.Context, acc *account, uuid wazoapi.UUID) ([]wazoapi.Contact, error) {
	names, err := contactsOf(acc).Names(ctx, uuid)
	if err != nil {
		return nil, s.people.explain(ctx, acc, err)
	}
	name, ok := names[uuid]
	if !ok {
		return nil, refuse(s.people.texts.NobodyHasAccount(string(uuid)))
	}
	return []wazoapi.Contact{{UUID: uuid, FirstName: name}}, nil
}

// room returns the Wazo room of exactly these people, and of the title if one is wanted. It makes the room if there is
// none.
func (s *starter) room(ctx context.Context, wanted *start) (wazoapi.Room, error) {
	if err := s.making.Acquire(ctx, 1); err != nil {
		return wazoapi.Room{}, err
	}
	defer s.making.Release(1)
	acc := wanted.acc
	members := append([]wazoapi.UUID{acc.uuid()}, wanted.with...)
	if room, found, err := s.existing(ctx, wanted, members); err != nil || found {
		return room, err
	}
	room, err := acc.api.CreateRoom(ctx, wanted.title, members)
	if err != nil && wazoapi.OutcomeUnknown(err) { // perhaps it is there all the same (docs/wazo.md, "Unknown outcomes")
		if room, found, listErr := s.existing(ctx, wanted, members); listErr == nil && found {
			return room, nil
		}
	}
	if err != nil {
		err = s.people.explain(ctx, acc, err)
		if refused := (*UserError)(nil); errors.As(err, &refused) {
			return wazoapi.Room{}, err
		}
		return wazoapi.Room{}, fmt.Errorf("failed to create a room: %w", err)
	} else if !room.SameMembers(members) {
		return wazoapi.Room{}, refuse(s.people.texts.LargerChat())
	}
	acc.addRoom(room)
	return room, nil
}

// existing returns a room of exactly these people, and of the title if one is wanted. Of several it prefers one that is
// linked.
func (s *starter) existing(ctx context.Context, wanted *start, members []wazoapi.UUID) (wazoapi.Room, bool, error) {
	rooms, err := wanted.acc.listRooms(ctx)
	if err != nil {
		return wazoapi.Room{}, false, s.people.explain(ctx, wanted.acc, err)
	}
	rooms = slices.DeleteFunc(rooms, func(room wazoapi.Room) bool {
		return room.HasIdentities() || !room.SameMembers(members) || wanted.title != "" && !strings.EqualFold(room.Name, wanted.title)
	})
	if len(rooms) == 0 {
		return wazoapi.Room{}, false, nil
	}
	slices.SortFunc(rooms, func(a, b wazoapi.Room) int { return cmp.Compare(a.UUID, b.UUID) })
	for _, room := range rooms {
		portal, err := s.people.db.Portal.ByWazoRoom(ctx, string(room.UUID))
		if err != nil || portal != nil {
			return room, err == nil, err
		}
	}
	return rooms[0], true, nil
}

// open shows a person the Matrix room of a Wazo room, or has one opened.
func (s *starter) open(ctx context.Context, wanted *start, room wazoapi.Room) (string, error) {
	portal, err := s.people.db.Portal.ByWazoRoom(ctx, string(room.UUID))
	if err != nil {
		return "", err
	}
	title := s.people.titleFor(ctx, room, wanted.acc.uuid())
	if in, err := s.isIn(ctx, portal, wanted.by); err != nil {
		return "", err
	} else if in {
		return s.people.texts.StartFound(title, portal.MatrixRoom.String()), nil
	} else if err = s.opener.ask(ctx, room, wanted.by); err != nil {
		return "", err
	}
	return s.people.texts.StartOpening(title), nil
}

func (s *starter) isIn(ctx context.Context, portal *db.Portal, user id.UserID) (bool, error) {
	if portal == nil {
		return false, nil
	}
	return s.people.isIn(ctx, portal, user)
}
