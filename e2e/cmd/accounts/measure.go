package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxIdleKB is what a log-in must cost less than, in thousands of bytes.
const maxIdleKB = 150

// measure takes the measurements, prints them, and judges them.
func (f *fixture) measure(ctx context.Context, stdout io.Writer) error {
	idle, err := f.measureIdle(ctx)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(stdout, "accounts: idle_kb_per_login=%.0f\n", idle); err != nil {
		return err
	}
	start, err := f.measureStart(ctx)
	if err != nil {
		return err
	}
	rate, err := f.measureRate(ctx)
	if err != nil {
		return err
	}
	resident, err := f.SettledMemory(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "accounts: logins=%d portals=%d start_s=%.1f rss_mb=%.1f msgs_s=%.0f\n", f.logins, f.portals, start.Seconds(), resident/1e6, rate)
	if err != nil {
		return err
	} else if _, err = f.RoomsOnMatrix(f.rooms); err == nil && idle >= maxIdleKB {
		err = fmt.Errorf("a log-in costs %.0f kB, and must cost less than %d", idle, maxIdleKB)
	}
	return err
}

// measureIdle returns what a log-in without portals costs, in thousands of bytes. The people are logged in then.
func (f *fixture) measureIdle(ctx context.Context) (kb float64, err error) {
	if err = f.Say("measuring a relay without log-ins"); err != nil {
		return 0, err
	}
	if err = f.Start(ctx); err != nil {
		return 0, err
	}
	without, err := f.SettledMemory(ctx)
	if err != nil {
		return 0, err
	}
	if err = errors.Join(f.Relay.Stop(), f.Say("logging %d people in, and measuring a relay with them", f.logins)); err != nil {
		return 0, err
	} else if err = f.LogIn(ctx); err != nil {
		return 0, err
	} else if err = f.Relay.Restart(ctx); err != nil {
		return 0, err
	} else if err = f.AwaitStreams(ctx); err != nil {
		return 0, err
	}
	with, err := f.SettledMemory(ctx)
	return (with - without) / float64(f.logins) / 1e3, err
}

// measureStart has the relay open all rooms, and returns how long a start takes then.
func (f *fixture) measureStart(ctx context.Context) (time.Duration, error) {
	f.makeRooms()
	if err := f.Say("letting the relay open %d rooms", f.portals); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := f.postEverywhere(ctx); err != nil {
		return 0, err
	}
	if err := errors.Join(f.Say("it took %.1fs; measuring a start", time.Since(began).Seconds()), f.Relay.Stop()); err != nil {
		return 0, err
	}
	for room := range f.rooms {
		f.post(room)
	}
	began = time.Now()
	if err := f.Relay.Restart(ctx); err != nil {
		return 0, err
	}
	err := f.AwaitShown(ctx)
	return time.Since(began), err
}

// postEverywhere posts a message in each room and waits until all are shown.
func (f *fixture) postEverywhere(ctx context.Context) error {
	for room := range f.rooms {
		f.post(room)
	}
	return f.AwaitShown(ctx)
}

// measureRate returns how many messages are shown in a second.
func (f *fixture) measureRate(ctx context.Context) (float64, error) {
	if err := f.Say("measuring %d messages", f.messages); err != nil {
		return 0, err
	}
	began := time.Now()
	for i := range f.messages {
		f.post(i % f.portals)
	}
	err := f.AwaitShown(ctx)
	return float64(f.messages) / time.Since(began).Seconds(), err
}
