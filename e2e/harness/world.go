package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// testTimeout bounds one test's waiting, so that a test which waits for what
// never comes says so instead of running into the time limit of all tests.
const testTimeout = 5 * time.Minute

// Encryption says whether a person's client can encrypt.
type Encryption bool

// The two kinds of people.
const (
	Plain     Encryption = false
	Encrypted Encryption = true
)

// World is what one test lives in: people of its own on a shared homeserver, and
// a directory. Everything is ended by the test's cleanup; a failed test shows the
// end of its relay's log.
type World struct {
	// Ctx ends when the test has waited long enough.
	Ctx        context.Context
	Homeserver *Dendrite

	// Dir is removed at the end of the test.
	Dir string
	// Suffix is in the names of the test's accounts, to make them unique.
	Suffix string

	t      testing.TB
	people int
}

// NewWorld makes a world that ends with the test.
func NewWorld(t testing.TB, homeserver *Dendrite) *World {
	t.Helper()
	dir, remove, err := TempDir()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(func() {
		cancel()
		if err := remove(); err != nil {
			t.Error(err)
		}
	})
	return &World{Ctx: ctx, Homeserver: homeserver, Dir: dir, Suffix: randomHex()[:6], t: t}
}

// Account registers a fresh account whose localpart begins with name.
func (w *World) Account(name string) ClientConfig {
	w.t.Helper()
	w.people++
	cfg, err := w.Homeserver.NewAccount(w.Ctx, fmt.Sprintf("%s-%s-%d", name, w.Suffix, w.people))
	if err != nil {
		w.t.Fatal(err)
	}
	return cfg
}

// Person registers a fresh account, logs it in and follows its rooms until the
// end of the test.
func (w *World) Person(name string, encryption Encryption) *Client {
	w.t.Helper()
	cfg := w.Account(name)
	if encryption == Encrypted {
		cfg.CryptoStore = filepath.Join(w.Dir, fmt.Sprintf("keys-%d.db", w.people))
	}
	return w.follow(NewClient(w.Ctx, cfg))
}

// JSPerson is like Person, with a client that uses matrix-js-sdk.
func (w *World) JSPerson(js *JSHost, name string, isolation Isolation) *Client {
	w.t.Helper()
	cfg := w.Account(name)
	cfg.JS, cfg.Isolation = js, isolation
	return w.follow(NewClient(w.Ctx, cfg))
}

// NewDevice logs a JSPerson in on one more device.
func (w *World) NewDevice(person *Client) *Client {
	w.t.Helper()
	return w.follow(person.JS().NewDevice(w.Ctx))
}

// follow closes a new client at the end of the test.
func (w *World) follow(client *Client, err error) *Client {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := client.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return client
}

// Relay starts a relay, with env on top of the defaults of RelayConfig, that is
// stopped at the end of the test if it still runs.
func (w *World) Relay(cfg RelayConfig) *Relay {
	w.t.Helper()
	if cfg.Dir == "" {
		dir, err := os.MkdirTemp(w.Dir, "relay-")
		if err != nil {
			w.t.Fatal(err)
		}
		cfg.Dir = dir
	}
	relay, err := StartRelay(w.Ctx, cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.endRelay(relay) })
	return relay
}

func (w *World) endRelay(relay *Relay) {
	if err := relay.End(); err != nil {
		w.t.Error(err)
	}
	ShowLogIfFailed(w.t, relay.LogFile())
}

// ShowLogIfFailed adds the end of a log to the output of a test that failed.
func ShowLogIfFailed(t testing.TB, logFile string) {
	if t.Failed() {
		t.Log(LogTail(logFile))
	}
}
