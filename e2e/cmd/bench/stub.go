package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stubserver"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/id"
)

const (
	botUser  = id.UserID("@bot:a.example")
	robin    = id.UserID("@robin:a.example")
	password = "a password"
)

// onStub are the people on a stub homeserver. All rooms are alike: plain, or encrypted ones of a person with a device.
type onStub struct {
	server *stubserver.Server
	person *stubserver.Person // nil: the rooms are plain
}

func openOnStub(ctx context.Context, dir, name, binary string, env map[string]string, encrypted bool) (*contender, error) {
	server, wazo := stubserver.Start(botUser, password), wazotest.New()
	if err := wazo.Start("127.0.0.1:0"); err != nil {
		server.Close()
		return nil, err
	}
	tenant, hired := wazo.AddTenant("bench"), 0
	hire := func(first, last string) wazotest.User {
		hired++
		return wazo.AddUser(wazotest.User{Username: fmt.Sprintf("user%d", hired), Password: password, Firstname: first, Lastname: last, Tenant: tenant})
	}
	people := &onStub{server: server}
	c := &contender{
		people: people, wazo: wazo, author: hire("Alice", "Martin"), own: hire("Matrix", "Relay"), hire: oneByOne(hire),
		server: func() (time.Duration, error) { return 0, nil }, // a part of this process
	}
	settings := map[string]string{
		"MATRIX_USER_ID": botUser.String(), "MATRIX_HOMESERVER_URL": server.URL(), "MATRIX_PASSWORD": password,
		"WAZO_URL": wazo.URL(), "WAZO_USERNAME": c.own.Username, "WAZO_PASSWORD": password, "ADMINS": robin.String(),
	}
	for name, value := range env {
		settings[name] = value
	}
	var err error
	if encrypted {
		if people.person, err = server.NewPerson(ctx, robin); err != nil {
			server.Close()
			wazo.Stop()
			return nil, err
		}
		settings["BARE_CRYPTO"] = "on"
	}
	c.relay, err = harness.StartRelay(ctx, harness.RelayConfig{Binary: binary, Dir: filepath.Join(dir, name), Env: settings})
	c.closer = func() error {
		if c.relay != nil {
			c.relay.Kill() // it has nothing to keep
		}
		wazo.Stop()
		server.Close()
		if name == nameBare {
			return nil
		}
		return server.Faults()
	}
	if err != nil {
		return nil, errors.Join(err, c.closer())
	}
	return c, nil
}

func (p *onStub) link(ctx context.Context, wazoRoom string, _ bool) (room id.RoomID, err error) {
	await := p.server.Await
	if p.person == nil {
		room = p.server.MakeRoom(robin)
	} else if room, err = p.person.MakeRoom(ctx); err != nil {
		return room, err
	} else {
		await = p.person.Await
	}
	says := func(part string) error {
		return await(ctx, func(v *stubserver.View) bool { return v.Says(room, part) })
	}
	if err = says("!wazo link"); err != nil {
		return room, fmt.Errorf("the bot did not say hello: %w", err)
	} else if err = p.say(ctx, room, "!wazo link "+wazoRoom); err != nil {
		return room, err
	} else if err = says("Linked"); err != nil {
		return room, fmt.Errorf("the bot did not confirm the link: %w", err)
	}
	return room, nil
}

func (p *onStub) say(ctx context.Context, room id.RoomID, text string) error {
	if p.person != nil {
		return p.person.Say(ctx, room, text)
	}
	p.server.Say(room, robin, text)
	return nil
}

func (p *onStub) expect(rooms []room, texts [][]string) func(ctx context.Context) (time.Time, error) {
	known, want := make([]int, len(rooms)), 0
	for i := range rooms {
		known[i] = len(p.server.Relayed(rooms[i].matrix))
		want += len(texts[i])
	}
	want += p.server.RelayedInAll()
	return func(ctx context.Context) (shown time.Time, err error) {
		if shown, err = p.awaitShown(ctx, want); err != nil {
			return shown, err
		}
		for i := range rooms {
			if err = compare(p.server.Relayed(rooms[i].matrix)[known[i]:], texts[i]); err != nil {
				return shown, err
			}
		}
		return shown, nil
	}
}

// awaitShown waits until so many messages have been shown in all rooms, and then reads them. It returns when the last
// one was shown.
func (p *onStub) awaitShown(ctx context.Context, want int) (shown time.Time, err error) {
	for { // what the bot says itself is told from what it relays only when it is read
		err = p.server.Await(ctx, func(v *stubserver.View) bool { return v.Relayed()+v.Unread() >= want })
		shown = time.Now()
		if err != nil || p.person == nil {
			return shown, err
		} else if err = p.person.Read(ctx); err != nil || p.server.RelayedInAll() >= want {
			return shown, err
		}
	}
}
