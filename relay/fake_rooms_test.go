package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// What fakeMatrix does with the rooms of conversations.

func madeRoom(n int) id.RoomID { return id.RoomID(fmt.Sprintf("!made%d:a.example", n)) }

func (f *fakeMatrix) MakeRoom(_ context.Context, plan RoomPlan) (id.RoomID, error) {
	f.mu.Lock()
	makeRoom := f.makeRoom
	f.mu.Unlock()
	var err error
	if makeRoom != nil {
		if err = makeRoom(plan); err != nil && !errors.Is(err, errLost) {
			return "", err
		}
	}
	f.mu.Lock()
	room := madeRoom(len(f.made))
	f.made = append(f.made, plan)
	if f.members == nil {
		f.members, f.named, f.topics = make(map[id.RoomID]map[id.UserID]event.Membership), make(map[id.RoomID]string), make(map[id.RoomID]string)
	}
	f.members[room] = map[id.UserID]event.Membership{}
	f.named[room], f.topics[room] = plan.Name, plan.Topic
	f.mu.Unlock()
	key := func(key string) func(*event.Event) { return func(evt *event.Event) { evt.StateKey = &key } }
	f.add(room, botUser, event.StateCreate, map[string]any{"room_version": "11"}, key(""))
	f.setMember(room, botUser, botUser, event.MembershipJoin)
	f.add(room, botUser, MarkerType, plan.Marker, key(string(plan.Marker.WazoRoom)))
	return room, err
}

// setMember changes somebody's membership in a room that the bot has made.
func (f *fakeMatrix) setMember(room id.RoomID, sender, user id.UserID, membership event.Membership) {
	f.mu.Lock()
	f.members[room][user] = membership
	f.mu.Unlock()
	key := user.String()
	f.add(room, sender, event.StateMember, map[string]any{"membership": membership}, func(evt *event.Event) { evt.StateKey = &key })
}

func (f *fakeMatrix) Invite(_ context.Context, room id.RoomID, user id.UserID, _ bool) error {
	f.mu.Lock()
	invite := f.invite
	f.mu.Unlock()
	if invite != nil {
		if err := invite(user); err != nil {
			return err
		}
	}
	if f.membership(room, user) == event.MembershipJoin {
		return errRefused
	}
	f.setMember(room, botUser, user, event.MembershipInvite)
	return nil
}

func (f *fakeMatrix) Remove(_ context.Context, room id.RoomID, user id.UserID, _ string) error {
	f.mu.Lock()
	refusal := f.removeError
	f.mu.Unlock()
	if refusal != nil {
		return refusal
	}
	f.setMember(room, botUser, user, event.MembershipLeave)
	return nil
}

func (f *fakeMatrix) SetRoomName(_ context.Context, room id.RoomID, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.named[room] = name
	f.signal()
	return nil
}

func (f *fakeMatrix) RoomTopic(_ context.Context, room id.RoomID) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.topics[room], nil
}

func (f *fakeMatrix) SetRoomTopic(_ context.Context, room id.RoomID, topic string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.topics[room] = topic
	f.signal()
	return nil
}

// membership returns somebody's membership in a room that the bot has made.
func (f *fakeMatrix) membership(room id.RoomID, user id.UserID) event.Membership {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.members[room][user]
}

func (f *fakeMatrix) plans() []RoomPlan {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.made)
}

// textsIn returns what the bot shows of Wazo in a room, in order.
func (f *fakeMatrix) textsIn(room id.RoomID) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shownIn(room)
}
