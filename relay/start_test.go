package relay

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// fakeOpener notes who wants which room.
type fakeOpener struct {
	mu    sync.Mutex
	asked []string
	err   error
}

func (o *fakeOpener) ask(_ context.Context, room wazoapi.Room, by id.UserID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, string(room.UUID)+" "+by.String())
	return o.err
}

// newStartFixture returns a fixture in which robin has logged in as alice, with a fake opener.
func newStartFixture(t *testing.T) (*fixture, *fakeOpener) {
	f := newAskFixture(t)
	opener := &fakeOpener{}
	f.core.opener = opener
	return f, opener
}

// roomsOf returns the Wazo rooms of exactly these users.
func (f *fixture) roomsOf(users ...wazotest.User) (rooms []wazotest.Room) {
	var wanted []string
	for _, user := range users {
		wanted = append(wanted, user.UUID)
	}
	slices.Sort(wanted)
	for _, room := range f.wazo.Rooms() {
		members := slices.Sorted(slices.Values(room.Members))
		if slices.Equal(members, wanted) {
			rooms = append(rooms, room)
		}
	}
	return rooms
}

// mustStart is StartChat for robin, and must succeed.
func (f *fixture) mustStart(title string, names ...string) string {
	f.Helper()
	answer, err := f.core.StartChat(f.ctx, robinUser, names, title)
	require.NoError(f, err)
	return answer
}

func TestPersonStartsAConversationByName(t *testing.T) {
	t.Parallel()
	f, opener := newStartFixture(t)
	carol := f.hire("carol", "Carol", "Stonewall", "1007")
	require.Equal(t, txt.StartOpening("Team *A*"), f.mustStart("Team\u202e *A*", "Bob Stone", "1007", "alice martin", "bob stone"))
	rooms := f.roomsOf(f.alice, f.bob, carol)
	require.Len(t, rooms, 1)
	require.Equal(t, "Team *A*", *rooms[0].Name)
	require.Equal(t, []string{rooms[0].UUID + " " + robinUser.String()}, opener.asked)

	// The same people are the same room, with its title or none.
	require.Equal(t, txt.StartOpening("Team *A*"), f.mustStart("", carol.UUID, "bob stone"))
	require.Equal(t, txt.StartOpening("Team *A*"), f.mustStart("team *a*", "carol", "bob stone"))
	require.Equal(t, txt.StartOpening("Team *A*"), f.mustStart("Other", "carol", "bob stone"), "Wazo has one room of the same people")
	require.Len(t, f.roomsOf(f.alice, f.bob, carol), 1)

	require.Equal(t, txt.StartOpening("Bob Stone"), f.mustStart("", "bob stone"))
	require.Len(t, f.roomsOf(f.alice, f.bob), 1)
}

func TestConversationThatIsOnMatrixIsFoundThere(t *testing.T) {
	t.Parallel()
	f, opener := newStartFixture(t)
	secret := f.wazo.CreateRoom("Secret", f.alice, f.bob)
	f.logIn(eveUser, f.bob)
	room, err := f.core.RoomToLink(f.ctx, secret.UUID, eveUser)
	require.NoError(t, err)
	_, err = f.core.Link(f.ctx, LinkRequest{Room: roomID, By: eveUser}, room)
	require.NoError(t, err)
	require.Equal(t, txt.StartOpening("Secret"), f.mustStart("", "bob"), "robin is not in that room")
	require.Len(t, opener.asked, 1)
	f.matrix.call(robinUser, "Robin", false)
	require.Equal(t, txt.StartFound("Secret", roomID.String()), f.mustStart("", "bob"))
	require.Len(t, opener.asked, 1)
}

func TestSeveralPeopleOfANameGiveAChoice(t *testing.T) {
	t.Parallel()
	f, opener := newStartFixture(t)
	f.hire("max1", "Max", "Muster", "1004")
	second := f.hire("max2", "Max", "Muster", "1005")
	f.hire("max3", "Max", "Mustermann", "1006")
	answer := f.mustStart("Both", "Bob Stone", "max muster", "alice")
	require.Equal(t, txt.Choose("max muster", []string{"Max Muster (1004)", "Max Muster (1005)"}, 0), answer)
	require.Empty(t, opener.asked)

	// A number means the list that was shown to the person.
	f.logIn(eveUser, f.bob)
	_, err := f.core.StartChat(f.ctx, eveUser, []string{"9"}, "")
	requireRefused(t, err, txt.NobodyHasAccount("9"))
	require.Equal(t, txt.StartOpening("Both"), f.mustStart("", "2"))
	require.Len(t, f.roomsOf(f.alice, f.bob, second), 1)

	// A number is used once. Then it is an extension again.
	_, err = f.core.StartChat(f.ctx, robinUser, []string{"7"}, "")
	requireRefused(t, err, txt.NobodyHasAccount("7"))
	// A list ends after ten minutes, and when another conversation is started.
	f.mustStart("", "max muster")
	f.core.choices[robinUser].until = time.Now().Add(-time.Second)
	require.Contains(t, f.mustStart("", "1"), "Several people match", "a part of several extensions")
	f.mustStart("", "max muster")
	f.mustStart("", "bob stone")
	require.Empty(t, f.core.choices[robinUser])
}

func TestConversationsThatCannotBe(t *testing.T) {
	t.Parallel()
	f, opener := newStartFixture(t)
	other := f.wazo.AddUser(wazotest.User{Username: "other", Password: "p", Firstname: "Otto", Lastname: "Globex", Tenant: f.wazo.AddTenant("globex")})
	before := len(f.wazo.Rooms())
	many := make([]string, maxOthers+1)
	for i := range many {
		many[i] = fmt.Sprint("name ", i)
	}
	for _, test := range []struct {
		name  string
		names []string
		title string
		want  string
	}{
		{"nobody", []string{"zebulon"}, "", txt.NobodyHasAccount("zebulon")},
		{"one of several is nobody", []string{"bob stone", "zebulon"}, "", txt.NobodyHasAccount("zebulon")},
		{"a uuid that nobody has", []string{"00000000-0000-4000-8000-000000000001"}, "", txt.NobodyHasAccount("00000000-0000-4000-8000-000000000001")},
		{"somebody of another tenant", []string{other.UUID}, "", txt.NobodyHasAccount(other.UUID)},
		{"oneself", []string{"alice martin"}, "", txt.OnlyYourself()},
		{"the relay account", []string{"bob stone", "matrix relay"}, "", txt.StartWithRelay()},
		{"too many", many, "", txt.TooManyMembers(maxOthers)},
		{"a name that nobody sees", []string{"\u200b\x00"}, "", txt.StartUsage()},
		{"a title that nobody sees", []string{"bob stone"}, "\u202e", txt.StartUsage()},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := f.core.StartChat(f.ctx, robinUser, test.names, test.title)
			requireRefused(t, err, test.want)
		})
	}
	require.Len(t, f.wazo.Rooms(), before)
	require.Empty(t, opener.asked)
	opener.err = refuse("no")
	_, err := f.core.StartChat(f.ctx, robinUser, []string{"bob stone"}, "")
	requireRefused(t, err, "no")
}

func TestStartsAtTheSameMomentMakeOneRoom(t *testing.T) {
	t.Parallel()
	f, _ := newStartFixture(t)
	f.logIn(eveUser, f.bob)
	var wg sync.WaitGroup
	for i := range 8 {
		by, name := robinUser, "bob stone"
		if i%2 == 0 {
			by, name = eveUser, "alice martin"
		}
		wg.Go(func() {
			if _, err := f.core.StartChat(f.ctx, by, []string{name}, ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, f.roomsOf(f.alice, f.bob), 1)
	const create = "POST /api/chatd/1.0/users/me/rooms"
	require.Equal(t, 1, f.wazo.Requests()[create], "the others find it")
}

// chatd stores a room although the answer is an error.
func TestRoomWhoseMakingSeemedToFailIsFound(t *testing.T) {
	t.Parallel()
	f, opener := newStartFixture(t)
	f.wazo.Faults().RoomPublishFails(wazotest.Times(1))
	f.mustStart("", "bob stone")
	require.Len(t, f.roomsOf(f.alice, f.bob), 1)
	require.Len(t, opener.asked, 1)
}
