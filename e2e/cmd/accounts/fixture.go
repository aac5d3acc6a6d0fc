package main

import (
	"fmt"

	"wazo-matrix-relay/e2e/crowd"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// plan is how much is measured.
type plan struct{ logins, portals, messages int }

// fixture is a crowd in rooms with a colleague who has no account on Matrix.
type fixture struct {
	plan
	*crowd.Crowd
	colleague wazotest.User // is in every room
	rooms     []wazotest.Room
	posted    []int // how many messages were posted in each room
}

// makeRooms makes the rooms on Wazo. Two people who have logged in are in each of them, and no two rooms have the same
// people.
func (f *fixture) makeRooms() {
	for i := range f.portals {
		one := i % f.logins
		other := (one + 1 + i/f.logins) % f.logins
		f.rooms = append(f.rooms, f.Wazo.CreateRoom(fmt.Sprintf("Project %d", i), f.People[one], f.People[other], f.colleague))
	}
	f.posted = make([]int, f.portals)
}

// post lets the colleague say something in a room.
func (f *fixture) post(room int) {
	f.Post(f.rooms[room], f.colleague, fmt.Sprintf("Message %d of project %d", f.posted[room], room))
	f.posted[room]++
}
