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

// onStub are the people on a stub homeserver.
type onStub struct{ server *stubserver.Server }

func openOnStub(ctx context.Context, dir, name, binary string, env map[string]string) (*contender, error) {
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
	c := &contender{
		people: &onStub{server}, wazo: wazo, author: hire("Alice", "Martin"), own: hire("Matrix", "Relay"), hire: oneByOne(hire),
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

func (p *onStub) link(ctx context.Context, wazoRoom string, _ bool) (id.RoomID, error) {
	room := p.server.MakeRoom(robin)
	says := func(part string) error {
		return p.server.Await(ctx, func(v *stubserver.View) bool { return v.Says(room, part) })
	}
	if err := says("!wazo link"); err != nil {
		return room, fmt.Errorf("the bot did not say hello: %w", err)
	}
	p.server.Say(room, robin, "!wazo link "+wazoRoom)
	if err := says("Linked"); err != nil {
		return room, fmt.Errorf("the bot did not confirm the link: %w", err)
	}
	return room, nil
}

func (p *onStub) say(_ context.Context, room id.RoomID, text string) error {
	p.server.Say(room, robin, text)
	return nil
}

func (p *onStub) expect(rooms []room, texts [][]string) func(ctx context.Context) error {
	known, want := make([]int, len(rooms)), 0
	for i := range rooms {
		known[i] = len(p.server.Relayed(rooms[i].matrix))
		want += len(texts[i])
	}
	before := p.server.RelayedInAll()
	return func(ctx context.Context) error {
		if err := p.server.Await(ctx, func(v *stubserver.View) bool { return v.Relayed() >= before+want }); err != nil {
			return err
		}
		for i := range rooms {
			if err := compare(p.server.Relayed(rooms[i].matrix)[known[i]:], texts[i]); err != nil {
				return err
			}
		}
		return nil
	}
}
