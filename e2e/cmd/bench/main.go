// Command bench measures how many messages a second the relay carries, how long one
// takes, and what it costs, against the least that could carry them: a mautrix client
// and a client for Wazo with nothing between them (package bare). Both run in turns on
// the same homeserver. It prints a line for each cell:
//
//	bench: homeserver=… direction=… rooms=… encrypted=… rate=… bare=… ratio=… p50_ms=… p99_ms=… cpu_ms_per_msg=… fsyncs_per_msg=… rss_mb=…
//
// "rate" and "bare" are messages a second, the median of some bursts. The times are
// those of messages that come ten times a second, one after the other. fsyncs_per_msg
// counts the commits of the relay's database that wait for the disk, each of which is one
// fsync of SQLite's write-ahead log; checkpoints, after every thousand pages, come on top
// of it. A line
// "share: …" follows, with how much longer a message takes than through the bare
// client, and with how much of the processors' time went to the simulator of Wazo, the
// homeserver and the people, which share the machine with what is measured.
//
// With -other, the program at a path is measured in the same way, and its lines begin
// with "other: " and "other-share: ". It must take the same configuration: it is another
// version of the relay, or something that wraps another relay.
//
// The databases are in memory where the system offers that, so that fsync costs
// little. E2E_TEMP in the environment names a directory on a disk instead, and
// -fsync-delay lets each fsync of the relay take longer.
//
// On the stub homeserver one person, with one device, is in all encrypted rooms. The
// device has mautrix's crypto machine, with all keys in memory. The measured time
// includes that the person encrypts (less than 0.1 ms a message), as on Dendrite, and
// that both sides make and send a new room key after a hundred messages. It ends when
// the last message has arrived. Only then the person decrypts, and compares what came
// with what was said. All that the person does is in the line "share: …". Plain and
// encrypted rooms are measured one after the other, each with a new stub and new
// programs, because the bare client has more to do in plain rooms, too, when it can
// encrypt.
//
// The exit code is 1 if an overhead exceeds -max-overhead, if a message is lost,
// doubled or out of order, or if anything fails.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"wazo-matrix-relay/e2e/bench"
	"wazo-matrix-relay/e2e/bench/bare"
	"wazo-matrix-relay/e2e/harness"
)

// bareVariable makes this program the bare client, in a process of its own.
const bareVariable = "BENCH_BARE"

func main() {
	if os.Getenv(bareVariable) != "" {
		harness.Command(func(ctx context.Context, _ []string, _, _ io.Writer) error { return bare.Run(ctx) })
	}
	harness.Command(run)
}

// maxBurst is how many events fit into one answer of /sync. The bare client does not read what is left out of it.
const maxBurst = 500

const (
	stubHomeserver = "stub"
	encryptedRooms = "encrypted" // among the rooms that are measured
)

// plan is what is measured, and how much.
type plan struct {
	homeservers []string
	rooms       []int
	encryption  []string
	directions  []string
	messages    int // of a burst
	slow        int // of a burst on Dendrite
	bursts      int
	paced       int
	pace        time.Duration
	other       string
	env         map[string]string // of the relay and the other program
	fsyncDelay  time.Duration     // by which each fsync of theirs takes longer
	limit       time.Duration
	json        string // file for the figures; empty: none
}

// part is what is measured on one homeserver, by the same programs.
type part struct {
	homeserver string
	encryption []string
}

// parts divides what is measured. On the stub, programs that can encrypt are not used for plain rooms.
func (p plan) parts() (parts []part) {
	for _, homeserver := range p.homeservers {
		if homeserver != stubHomeserver {
			parts = append(parts, part{homeserver, p.encryption})
			continue
		}
		for _, encryption := range p.encryption {
			parts = append(parts, part{homeserver, []string{encryption}})
		}
	}
	return parts
}

func parse(args []string, stderr io.Writer) (p plan, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	homeservers := flags.String("homeservers", "stub,dendrite", "which homeservers")
	rooms := flags.String("rooms", "1,8,32", "how many rooms at once")
	encryption := flags.String("encryption", "plain,encrypted", "which rooms")
	directions := flags.String("directions", "wazo-to-matrix,matrix-to-wazo", "which directions")
	flags.IntVar(&p.messages, "n", 400, "messages of a burst on the stub, at most 500: more do not fit into one answer of /sync")
	flags.IntVar(&p.slow, "n-dendrite", 150, "messages of a burst on Dendrite")
	flags.IntVar(&p.bursts, "bursts", 3, "bursts in each cell")
	flags.IntVar(&p.paced, "paced", 40, "messages in each cell whose times are measured")
	flags.DurationVar(&p.pace, "pace", 100*time.Millisecond, "time between two of these messages")
	p.env = make(map[string]string)
	flags.Func("env", "NAME=VALUE that is added to the environment of the relay and of the other program; may be repeated", func(text string) error {
		name, value, _ := strings.Cut(text, "=")
		p.env[name] = value
		return nil
	})
	flags.DurationVar(&p.fsyncDelay, "fsync-delay", 0, "time by which each fsync of the relay and of the other program takes longer, for example 2ms; Linux only")
	flags.StringVar(&p.other, "other", "", "path of another program that is measured, too")
	flags.StringVar(&p.json, "json", "", "file to which the figures are written for `make plots`")
	flags.DurationVar(&p.limit, "max-overhead", 5*time.Millisecond, "overhead of the median in one room above which the run fails")
	if err = flags.Parse(args); err != nil {
		return p, err
	}
	p.homeservers, p.encryption, p.directions = strings.Split(*homeservers, ","), strings.Split(*encryption, ","), strings.Split(*directions, ",")
	for _, text := range strings.Split(*rooms, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > min(p.messages, p.slow) {
			return p, fmt.Errorf("%q is not a number of rooms, or there are fewer messages in a burst", text)
		}
		p.rooms = append(p.rooms, n)
	}
	if p.messages > maxBurst {
		return p, fmt.Errorf("a burst has at most %d messages", maxBurst)
	}
	return p, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	p, err := parse(args, stderr)
	if err != nil {
		return err
	}
	dir, remove, err := harness.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if p.fsyncDelay > 0 {
		if err = slowDownDisk(ctx, dir, p.fsyncDelay, p.env); err != nil {
			return err
		}
	}
	if _, err = fmt.Fprintln(stderr, "starting (the first time Dendrite is built, which takes minutes) …"); err != nil {
		return err
	}
	var slow []error
	var found []bench.Figures
	for i, on := range p.parts() {
		results, figures, err := measureOn(ctx, p, on, filepath.Join(dir, strconv.Itoa(i)), stdout)
		if err != nil {
			return err
		}
		for _, result := range results {
			if result.Rooms == 1 {
				slow = append(slow, result.Judge(p.limit))
			}
		}
		found = append(found, figures...)
	}
	if p.json != "" {
		data, err := json.MarshalIndent(found, "", "\t")
		if err = errors.Join(err, os.WriteFile(p.json, append(data, '\n'), 0o600)); err != nil {
			return err
		}
	}
	return errors.Join(slow...)
}

// measureOn measures a part. It returns the results of the relay, and the figures of all
// programs.
func measureOn(ctx context.Context, p plan, on part, dir string, stdout io.Writer) (results []bench.Result, figures []bench.Figures, err error) {
	if err = os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	all, err := openContenders(ctx, p, on, dir)
	defer func() { err = errors.Join(err, all.close()) }()
	if err != nil {
		return nil, nil, err
	}
	for _, encryption := range on.encryption {
		encrypted := encryption == encryptedRooms
		if err = all.link(ctx, encrypted, slices.Max(p.rooms)); err != nil {
			return nil, nil, err
		}
		for _, rooms := range p.rooms {
			for _, direction := range p.directions {
				cell := bench.Cell{Homeserver: on.homeserver, Direction: direction, Rooms: rooms, Encrypted: encrypted}
				relay, err := all.measure(ctx, p, cell, stdout)
				if err != nil {
					return nil, nil, fmt.Errorf("%+v: %w", cell, err)
				}
				results = append(results, relay)
			}
		}
	}
	return results, all.found, nil
}
