package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stubserver"
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
	resident, err := f.settledMemory(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "accounts: logins=%d portals=%d start_s=%.1f rss_mb=%.1f msgs_s=%.0f\n", f.logins, f.portals, start.Seconds(), resident/1e6, rate)
	if err = errors.Join(err, f.compare()); err == nil && idle >= maxIdleKB {
		err = fmt.Errorf("a log-in costs %.0f kB, and must cost less than %d", idle, maxIdleKB)
	}
	return err
}

// measureIdle returns what a log-in without portals costs, in thousands of bytes. The people are logged in then.
func (f *fixture) measureIdle(ctx context.Context) (kb float64, err error) {
	if err = f.say("measuring a relay without log-ins"); err != nil {
		return 0, err
	}
	if f.relay, err = harness.StartRelay(ctx, f.config); err != nil {
		return 0, err
	}
	without, err := f.settledMemory(ctx)
	if err != nil {
		return 0, err
	}
	if err = errors.Join(f.relay.Stop(), f.say("logging %d people in, and measuring a relay with them", f.logins)); err != nil {
		return 0, err
	} else if err = f.logIn(ctx); err != nil {
		return 0, err
	} else if err = f.relay.Restart(ctx); err != nil {
		return 0, err
	} else if err = f.awaitStreams(ctx); err != nil {
		return 0, err
	}
	with, err := f.settledMemory(ctx)
	return (with - without) / float64(f.logins) / 1e3, err
}

// awaitStreams waits until everybody who has logged in has a connection for events.
func (f *fixture) awaitStreams(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, person := range f.people {
		for f.wazo.WebsocketsOf(person) == 0 {
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return fmt.Errorf("%s has no connection for events: %w", person.Username, err)
			}
		}
	}
	return nil
}

// measureStart has the relay open all rooms, and returns how long a start takes then.
func (f *fixture) measureStart(ctx context.Context) (time.Duration, error) {
	f.makeRooms()
	if err := f.say("letting the relay open %d rooms", f.portals); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := f.postEverywhere(ctx); err != nil {
		return 0, err
	}
	if err := errors.Join(f.say("it took %.1fs; measuring a start", time.Since(began).Seconds()), f.relay.Stop()); err != nil {
		return 0, err
	}
	for room := range f.rooms {
		f.post(room)
	}
	began = time.Now()
	if err := f.relay.Restart(ctx); err != nil {
		return 0, err
	}
	err := f.awaitShown(ctx)
	return time.Since(began), err
}

// postEverywhere posts a message in each room and waits until all are shown.
func (f *fixture) postEverywhere(ctx context.Context) error {
	for room := range f.rooms {
		f.post(room)
	}
	return f.awaitShown(ctx)
}

// measureRate returns how many messages are shown in a second.
func (f *fixture) measureRate(ctx context.Context) (float64, error) {
	if err := f.say("measuring %d messages", f.messages); err != nil {
		return 0, err
	}
	began := time.Now()
	for i := range f.messages {
		f.post(i % f.portals)
	}
	err := f.awaitShown(ctx)
	return float64(f.messages) / time.Since(began).Seconds(), err
}

// awaitShown waits until as many messages are shown as were posted.
func (f *fixture) awaitShown(ctx context.Context) error {
	want := f.total()
	if err := f.matrix.Await(ctx, func(v *stubserver.View) bool { return v.Relayed() >= want }); err != nil {
		return fmt.Errorf("not all messages were shown: %w\n%s", err, harness.LogTail(f.relay.LogFile()))
	}
	return nil
}

// compare checks that each room on Wazo has one room on Matrix, which shows its messages in order.
func (f *fixture) compare() error {
	shown := make(map[string][]string) // the messages by the first of them
	for _, room := range f.matrix.Rooms() {
		if texts := f.matrix.Relayed(room); len(texts) > 0 {
			if shown[texts[0]] != nil {
				return fmt.Errorf("two rooms on Matrix begin with %q", texts[0])
			}
			shown[texts[0]] = texts
		}
	}
	for room := range f.rooms {
		want := make([]string, f.posted[room])
		for i := range want {
			want[i] = f.colleague.Firstname + " " + f.colleague.Lastname + ": " + f.text(room, i)
		}
		if got := shown[want[0]]; !slices.Equal(want, got) {
			return fmt.Errorf("project %d: %d messages were posted, and %d are shown, or in another order", room, len(want), len(got))
		}
	}
	return nil
}

const (
	settled  = 10               // samples in a row that must be alike
	alike    = 0.01             // how far they may be apart, as a share
	settling = 90 * time.Second // how long that may take
)

// settledMemory returns the resident memory of the relay in bytes, when it does not change any more, or at the end of a
// time.
func (f *fixture) settledMemory(ctx context.Context) (float64, error) {
	var samples []float64
	for end := time.Now().Add(settling); ; {
		now, err := f.relay.ResidentMemory()
		if err != nil {
			return 0, err
		}
		samples = append(samples, float64(now))
		if n := len(samples); n >= settled {
			last := samples[n-settled:]
			if low := slices.Min(last); slices.Max(last)-low < alike*low || time.Now().After(end) {
				return float64(now), nil
			}
		}
		if err = pause(ctx, time.Second); err != nil {
			return 0, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
