package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"wazo-matrix-relay/e2e/bench"
	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/id"
)

// The names of what is measured.
const (
	nameBare  = "bare"
	nameRelay = "relay"
	nameOther = "other"
)

// people are those on Matrix.
type people interface {
	// link makes a room and links it with a room on Wazo.
	link(ctx context.Context, wazoRoom string, encrypted bool) (id.RoomID, error)
	// say lets a person say something.
	say(ctx context.Context, room id.RoomID, text string) error
	// expect returns a function that waits until all texts are shown in their rooms, in order. It returns when the last
	// one was shown.
	expect(rooms []room, texts [][]string) func(ctx context.Context) (shown time.Time, err error)
}

// room is a portal.
type room struct {
	matrix id.RoomID
	wazo   string
}

// contender is a program that carries messages, between a Wazo of its own and a homeserver.
type contender struct {
	name   string
	people people
	wazo   *wazotest.Server
	author wazotest.User // who says something on Wazo
	own    wazotest.User // the program's account there
	hire   func(first, last string) wazotest.User
	relay  *harness.Relay
	server func() (time.Duration, error) // of a processor, by the homeserver's process
	closer func() error

	rooms map[bool][]room // by whether they are encrypted
}

// contenders are all that are measured, in the order in which they take turns.
type contenders struct {
	all    []*contender
	closer func() error // of what they share
	said   int          // how many bursts there were
	found  []bench.Figures
}

func openContenders(ctx context.Context, p plan, on part, dir string) (c *contenders, err error) {
	c = &contenders{closer: func() error { return nil }}
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	kinds := []struct {
		name, binary string
		env          map[string]string
	}{
		{nameBare, self, map[string]string{bareVariable: "1"}},
		{nameRelay, "", p.env},
	}
	if p.other != "" {
		kinds = append(kinds, struct {
			name, binary string
			env          map[string]string
		}{nameOther, p.other, p.env})
	}
	open := func(ctx context.Context, dir, name, binary string, env map[string]string) (*contender, error) {
		return openOnStub(ctx, dir, name, binary, env, slices.Contains(on.encryption, encryptedRooms))
	}
	if on.homeserver != stubHomeserver {
		var server *harness.Homeserver
		if server, err = harness.StartHomeserver(ctx, dir); err != nil {
			return c, err
		}
		c.closer = server.Stop
		open = func(ctx context.Context, dir, name, binary string, env map[string]string) (*contender, error) {
			return openOnHomeserver(ctx, server, dir, name, binary, env)
		}
	}
	for _, kind := range kinds {
		one, err := open(ctx, dir, kind.name, kind.binary, kind.env)
		if err != nil {
			return c, err
		}
		one.name, one.rooms = kind.name, make(map[bool][]room)
		c.all = append(c.all, one)
	}
	return c, nil
}

func (c *contenders) close() (err error) {
	for _, one := range c.all {
		err = errors.Join(err, one.closer())
	}
	return errors.Join(err, c.closer())
}

// linkAtOnce is how many rooms are linked at once.
const linkAtOnce = 8

// link links as many rooms as are needed.
func (c *contenders) link(ctx context.Context, encrypted bool, n int) error {
	for _, one := range c.all {
		rooms := make([]room, n)
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(linkAtOnce)
		for i := range rooms {
			group.Go(func() error {
				peer := one.hire("Person", fmt.Sprintf("Number %d %t", i, encrypted))
				wazoRoom := one.wazo.CreateRoom(fmt.Sprintf("Bench %d %t", i, encrypted), one.author, peer, one.own).UUID
				matrix, err := one.people.link(ctx, wazoRoom, encrypted)
				rooms[i] = room{matrix, wazoRoom}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return fmt.Errorf("%s: %w\n%s", one.name, err, harness.LogTail(one.relay.LogFile()))
		}
		one.rooms[encrypted] = rooms
	}
	return nil
}

// measure measures all in one cell, in turns, and prints what comes of that. It returns the result of the relay.
func (c *contenders) measure(ctx context.Context, p plan, cell bench.Cell, stdout io.Writer) (relay bench.Result, err error) {
	n := p.messages
	if cell.Homeserver != stubHomeserver {
		n = p.slow
	}
	runs := make(map[string]*bench.Run)
	for _, one := range c.all {
		runs[one.name] = &bench.Run{}
		if _, err = one.burst(ctx, cell, c.tag(), cell.Rooms*2); err != nil { // opens connections and sessions
			return relay, fmt.Errorf("%s: %w\n%s", one.name, err, harness.LogTail(one.relay.LogFile()))
		}
	}
	for range p.bursts {
		for _, one := range c.all {
			burst, err := one.burst(ctx, cell, c.tag(), n)
			if err != nil {
				return relay, fmt.Errorf("%s: %w\n%s", one.name, err, harness.LogTail(one.relay.LogFile()))
			}
			runs[one.name].Bursts = append(runs[one.name].Bursts, burst)
		}
	}
	if err = c.pace(ctx, p, cell, runs); err != nil {
		return relay, err
	}
	for _, one := range c.all {
		run := runs[one.name]
		if run.Resident, err = one.relay.ResidentMemory(); err != nil {
			return relay, err
		} else if _, run.Commits, err = one.commits(ctx); err != nil {
			return relay, err
		} else if one.name == nameBare {
			continue
		}
		result := bench.Result{Cell: cell, Run: *run, Bare: *runs[nameBare]}
		c.found = append(c.found, result.Figures(one.name, p.fsyncDelay))
		prefix := ""
		if one.name == nameRelay {
			relay = result
		} else {
			prefix = "other"
		}
		if _, err = fmt.Fprintln(stdout, named(prefix, result.String())+"\n"+named(prefix, result.Share())); err != nil {
			return relay, err
		}
	}
	return relay, nil
}

// named lets a line tell of another program than the relay.
func named(prefix, line string) string {
	if prefix == "" {
		return line
	}
	return prefix + "-" + line
}

// tag begins the texts of a burst. It has always the same length.
func (c *contenders) tag() string {
	c.said++
	return fmt.Sprintf("burst %04d", c.said)
}

// pace measures the times of messages that come one after the other. The contenders take turns.
func (c *contenders) pace(ctx context.Context, p plan, cell bench.Cell, runs map[string]*bench.Run) error {
	for i := range p.paced {
		for _, one := range c.all {
			began := time.Now()
			burst, err := one.burstIn(ctx, cell, c.tag(), one.rooms[cell.Encrypted][i%cell.Rooms:][:1], 1)
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", one.name, err, harness.LogTail(one.relay.LogFile()))
			}
			runs[one.name].Paced = append(runs[one.name].Paced, burst.Took)
			time.Sleep(p.pace/time.Duration(len(c.all)) - time.Since(began))
		}
	}
	return nil
}

// burstTimeout is how long a burst may take before the run is given up.
const burstTimeout = 2 * time.Minute

// burst lets n messages be said at once in the rooms of a cell, and measures until all have arrived.
func (c *contender) burst(ctx context.Context, cell bench.Cell, tag string, n int) (bench.Burst, error) {
	before, err := c.usage(ctx)
	if err != nil {
		return bench.Burst{}, err
	}
	burst, err := c.burstIn(ctx, cell, tag, c.rooms[cell.Encrypted][:cell.Rooms], n)
	if err != nil {
		return burst, err
	}
	after, err := c.usage(ctx)
	burst.CPU, burst.Servers, burst.Commits = after.own-before.own, after.servers-before.servers, after.commits-before.commits
	return burst, err
}

// burstIn is burst without what it costs.
func (c *contender) burstIn(ctx context.Context, cell bench.Cell, tag string, rooms []room, n int) (burst bench.Burst, err error) {
	ctx, cancel := context.WithTimeout(ctx, burstTimeout)
	defer cancel()
	texts := make([][]string, len(rooms))
	for i := range n {
		texts[i%len(rooms)] = append(texts[i%len(rooms)], fmt.Sprintf("%s message %05d", tag, i))
	}
	burst.Messages = n
	if cell.Direction == "wazo-to-matrix" {
		await := c.people.expect(rooms, texts)
		began := time.Now()
		for i := range n {
			c.wazo.Post(rooms[i%len(rooms)].wazo, c.author, texts[i%len(rooms)][i/len(rooms)], "")
		}
		shown, err := await(ctx)
		burst.Took = shown.Sub(began)
		return burst, err
	}
	await := c.expectOnWazo(rooms, texts)
	began := time.Now()
	group, groupCtx := errgroup.WithContext(ctx)
	for i, said := range texts {
		group.Go(func() error {
			for _, text := range said {
				if err := c.people.say(groupCtx, rooms[i].matrix, text); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = errors.Join(await(ctx), group.Wait())
	burst.Took = time.Since(began)
	return burst, err
}

// usage is what was used since the start.
type usage struct {
	own, servers time.Duration // of a processor
	commits      float64
}

func (c *contender) usage(ctx context.Context) (u usage, err error) {
	if u.own, err = c.relay.CPUTime(); err != nil {
		return u, err
	} else if u.servers, err = c.server(); err != nil {
		return u, err
	}
	var self syscall.Rusage
	if err = syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		return u, err
	}
	u.servers += time.Duration(self.Utime.Nano() + self.Stime.Nano())
	u.commits, _, err = c.commits(ctx)
	return u, err
}

// commits returns how often the database was committed. It reports false if the program does not count that.
func (c *contender) commits(ctx context.Context) (float64, bool, error) {
	if c.name == nameBare {
		return 0, false, nil
	}
	return c.relay.Metric(ctx, "wazo_matrix_relay_database_commit_seconds_count")
}
