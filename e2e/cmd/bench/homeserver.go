package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// onHomeserver are the people on a real homeserver.
type onHomeserver struct{ *stage.Stage }

func openOnHomeserver(ctx context.Context, server *harness.Homeserver, dir, name, binary string, env map[string]string) (*contender, error) {
	env = maps.Clone(env)
	if name == nameBare {
		env["BARE_CRYPTO"] = "on"
	}
	dir = filepath.Join(dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	s, err := stage.Open(ctx, stage.Config{Homeserver: server, Dir: dir, Suffix: name, Env: env, RelayBinary: binary})
	if err != nil {
		return nil, err
	}
	return &contender{
		people: &onHomeserver{s}, wazo: s.Wazo, author: s.Cast.Alice, own: s.Cast.Relay, hire: oneByOne(s.Hire), relay: s.Relay,
		server: server.CPUTime, closer: s.Close,
	}, nil
}

// oneByOne lets a function be called by one goroutine at a time.
func oneByOne(hire func(first, last string) wazotest.User) func(first, last string) wazotest.User {
	var mu sync.Mutex
	return func(first, last string) wazotest.User {
		mu.Lock()
		defer mu.Unlock()
		return hire(first, last)
	}
}

func (p *onHomeserver) link(ctx context.Context, wazoRoom string, encrypted bool) (id.RoomID, error) {
	portal, err := p.Link(ctx, p.Robin, harness.RoomOptions{Encrypted: encrypted}, wazoRoom)
	return portal.Matrix, err
}

func (p *onHomeserver) say(ctx context.Context, room id.RoomID, text string) error {
	_, err := p.Robin.Send(ctx, room, text)
	return err
}

func (p *onHomeserver) expect(rooms []room, texts [][]string) func(ctx context.Context) (time.Time, error) {
	return func(ctx context.Context) (time.Time, error) {
		group, ctx := errgroup.WithContext(ctx)
		for i, want := range texts {
			tag := want[0][:len("burst 0000")]
			says := harness.All(p.FromWazo(), func(evt *event.Event) bool { return harness.Says(tag)(evt) })
			group.Go(func() error {
				entries, err := p.Robin.WaitMany(ctx, rooms[i].matrix, len(want), says)
				if err != nil {
					return fmt.Errorf("not all messages were shown: %w", err)
				}
				var got []string
				for _, entry := range entries {
					got = append(got, entry.Content.AsMessage().Body)
				}
				return compare(got, want)
			})
		}
		err := group.Wait()
		return time.Now(), err
	}
}
