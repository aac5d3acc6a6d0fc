package main

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"wazo-matrix-relay/e2e/crowd"
	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// busy is in how many portals messages are said at once, to measure the rate.
const busy = 32

// paceEvery is how often a message is said in each direction, to measure the latency.
const paceEvery = 40 * time.Millisecond

// measure measures one size.
func measure(ctx context.Context, p plan, progress io.Writer) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	dir, remove, err := harness.TempDir()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	c, err := crowd.Open(dir, p.logins, progress)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	f := &fixture{plan: p, Crowd: c, order: make(map[string][]string)}
	if err = f.openPortals(ctx); err != nil {
		return r, err
	}
	r.plan = p
	for _, step := range []func(context.Context, *result) error{f.measureStart, f.measureIdle, f.measureLatency, f.measureRate, f.measureCut} {
		if err = step(ctx, &r); err != nil {
			return r, err
		}
	}
	rooms := make([]wazotest.Room, len(f.portals))
	for i, p := range f.portals {
		rooms[i] = p.wazo
	}
	_, err = f.RoomsOnMatrix(rooms)
	return r, errors.Join(err, f.awaitOnWazo(ctx, f.portals))
}

// measureStart starts the relay while a message waits on each side, not for the first person nor in one portal.
func (f *fixture) measureStart(ctx context.Context, r *result) error {
	if err := f.Say("measuring a start"); err != nil {
		return err
	}
	toMatrix, toWazo := f.portals[len(f.portals)-1], f.portals[len(f.portals)/2]
	f.sayOnWazo(toMatrix)
	f.sayOnMatrix(toWazo)
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.Relay.Restart(ctx) })
	group.Go(func() error {
		err := errors.Join(f.AwaitShown(ctx), f.awaitOnWazo(ctx, []portal{toWazo}))
		r.start = time.Since(began)
		return err
	})
	return group.Wait()
}

// measureIdle measures a relay to which nothing happens.
func (f *fixture) measureIdle(ctx context.Context, r *result) (err error) {
	if err = errors.Join(f.Say("measuring the memory when nothing happens"), f.AwaitStreams(ctx)); err != nil {
		return err
	} else if r.idle, err = f.SettledMemory(ctx); err != nil {
		return err
	}
	r.goroutines, _, err = f.Relay.Metric(ctx, "go_goroutines")
	return err
}

// measureRate measures how many messages are delivered in a second if they wait.
func (f *fixture) measureRate(ctx context.Context, r *result) error {
	if err := f.Say("measuring how fast %d messages are delivered in each direction", f.messages); err != nil {
		return err
	}
	portals, began := f.pick(busy), time.Now()
	for i := range f.messages {
		f.sayOnWazo(portals[i%len(portals)])
		f.sayOnMatrix(portals[i%len(portals)])
	}
	if err := errors.Join(f.AwaitShown(ctx), f.awaitOnWazo(ctx, portals)); err != nil {
		return err
	}
	r.rate = float64(2*f.messages) / time.Since(began).Seconds()
	return nil
}

// measureLatency measures how long messages take while few come.
func (f *fixture) measureLatency(ctx context.Context, r *result) error {
	if err := f.Say("measuring how long messages take"); err != nil {
		return err
	}
	portals := f.pick(f.paced)
	times := make(chan time.Duration, 2*f.paced)
	group, ctx := errgroup.WithContext(ctx)
	for i := range f.paced {
		p := portals[i%len(portals)]
		began, shown := time.Now(), len(f.Matrix.Relayed(p.matrix))+1
		f.sayOnWazo(p)
		group.Go(func() error {
			err := f.Matrix.AwaitRelayedIn(ctx, p.matrix, shown)
			times <- time.Since(began)
			return err
		})
		if err := crowd.Pause(ctx, paceEvery/2); err != nil {
			break
		}
		beganToWazo := time.Now()
		f.sayOnMatrix(p)
		group.Go(func() error {
			err := f.awaitOnWazo(ctx, []portal{p})
			times <- time.Since(beganToWazo)
			return err
		})
		if err := crowd.Pause(ctx, paceEvery/2); err != nil {
			break
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	close(times)
	var all []time.Duration
	for took := range times {
		all = append(all, took)
	}
	r.ninetyNinth = percentile(all, 0.99)
	return nil
}

// measureCut cuts all connections of the relay at once, waits until it has recovered, and reads how much memory it had
// at most.
func (f *fixture) measureCut(ctx context.Context, r *result) (err error) {
	if err = f.Say("cutting all connections at once"); err != nil {
		return err
	}
	began := time.Now()
	f.Wazo.KillWebsocketd()
	f.Matrix.Cut()
	if err = f.AwaitStreams(ctx); err != nil {
		return err
	}
	portals := f.pick(busy)
	for _, p := range portals {
		f.sayOnWazo(p)
		f.sayOnMatrix(p)
	}
	if err = errors.Join(f.AwaitShown(ctx), f.awaitOnWazo(ctx, portals)); err != nil {
		return err
	}
	r.reconnecting = time.Since(began)
	if _, err = f.SettledMemory(ctx); err != nil {
		return err
	}
	peak, err := f.Relay.PeakMemory()
	r.peak = float64(peak)
	return errors.Join(err, f.Say("it had recovered after %.1f s", r.reconnecting.Seconds()))
}
