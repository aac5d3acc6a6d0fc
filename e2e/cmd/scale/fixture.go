package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/e2e/crowd"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// portal is a conversation of two people, one of whom has logged in.
type portal struct {
	person    wazotest.User // who has logged in
	colleague wazotest.User
	wazo      wazotest.Room
	matrix    id.RoomID
}

// fixture is a crowd with portals, and with what was said in them.
type fixture struct {
	plan
	*crowd.Crowd
	portals []portal

	mu    sync.Mutex
	order map[string][]string // by room on Wazo: what was said on Matrix
	count int
}

// perPerson is how many portals a person has: so many colleagues have a conversation with everybody.
func (f *fixture) perPerson() int { return (f.plan.portals + len(f.People) - 1) / len(f.People) }

// openPortals has the relay open all portals, and stops it.
func (f *fixture) openPortals(ctx context.Context) error {
	if err := errors.Join(f.Say("letting the relay open %d portals for %d people", f.plan.portals, f.logins), f.Start(ctx)); err != nil {
		return err
	} else if err = f.Relay.Stop(); err != nil {
		return err
	} else if err = f.LogIn(ctx); err != nil {
		return err
	} else if err = f.Relay.Restart(ctx); err != nil {
		return err
	} else if err = f.AwaitStreams(ctx); err != nil {
		return err
	}
	var colleagues []wazotest.User
	for i := range f.perPerson() {
		colleagues = append(colleagues, f.Hire(fmt.Sprintf("colleague%d", i), "Colleague", fmt.Sprint("Number ", i)))
	}
	rooms := make([]wazotest.Room, f.plan.portals)
	for i := range f.plan.portals {
		p := portal{person: f.People[i%f.logins], colleague: colleagues[i/f.logins]}
		p.wazo = f.Wazo.CreateRoom("", p.person, p.colleague)
		f.portals, rooms[i] = append(f.portals, p), p.wazo
		f.Post(p.wazo, p.colleague, fmt.Sprintf("The first message of portal %d", i))
	}
	if err := f.AwaitShown(ctx); err != nil {
		return err
	}
	onMatrix, err := f.RoomsOnMatrix(rooms)
	if err != nil {
		return err
	}
	for i := range f.portals {
		f.portals[i].matrix = onMatrix[i]
	}
	return errors.Join(f.Relay.Stop(), f.WithDatabase(ctx, settle))
}

// settle has the database be as it is some minutes after the last message.
func settle(database *db.Database) error {
	_, err := database.Exec(context.Background(), `UPDATE portal SET settled = true`)
	return err
}

// sayOnWazo lets the colleague of a portal say something.
func (f *fixture) sayOnWazo(p portal) {
	f.Post(p.wazo, p.colleague, f.text("From Wazo"))
}

// sayOnMatrix lets the person of a portal say something.
func (f *fixture) sayOnMatrix(p portal) {
	text := f.text("From Matrix")
	f.mu.Lock()
	f.order[p.wazo.UUID] = append(f.order[p.wazo.UUID], text)
	f.mu.Unlock()
	f.Matrix.Say(p.matrix, crowd.MatrixUser(p.person), text)
}

// text returns a text that was not said yet.
func (f *fixture) text(from string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	return fmt.Sprintf("%s, message %d", from, f.count)
}

// pick returns some portals, evenly spread over all.
func (f *fixture) pick(n int) []portal {
	n = min(n, len(f.portals))
	picked := make([]portal, n)
	for i := range picked {
		picked[i] = f.portals[i*len(f.portals)/n]
	}
	return picked
}

// awaitOnWazo waits until everything that was said on Matrix in some portals is on Wazo, in order.
func (f *fixture) awaitOnWazo(ctx context.Context, portals []portal) error {
	for _, p := range portals {
		f.mu.Lock()
		want := slices.Clone(f.order[p.wazo.UUID])
		f.mu.Unlock()
		if len(want) == 0 {
			continue
		}
		last := want[len(want)-1]
		if _, err := f.Wazo.WaitMessage(ctx, p.wazo.UUID, func(m wazotest.Message) bool { return m.Content == last }); err != nil {
			return fmt.Errorf("%q did not come to Wazo: %w", last, err)
		}
		var got []string
		for _, m := range f.Wazo.Messages(p.wazo.UUID) {
			if m.UserUUID == p.person.UUID {
				got = append(got, m.Content)
			}
		}
		if !slices.Equal(want, got) {
			return fmt.Errorf("in one room %d messages were said on Matrix, and %d are on Wazo, or in another order", len(want), len(got))
		}
	}
	return nil
}
