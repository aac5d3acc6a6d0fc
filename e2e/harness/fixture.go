package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// testTimeout is how long one test may wait. So a test that waits for something that
// never comes says what it waited for, before the time limit of all tests ends the
// process.
const testTimeout = 5 * time.Minute

// Encryption says whether a person's client can encrypt.
type Encryption bool

// The two kinds of people.
const (
	Plain     Encryption = false
	Encrypted Encryption = true
)

// Fixture is what belongs to one test: people of its own on a shared homeserver, a
// directory and a time limit. The test's cleanup ends everything. A test that fails
// shows the end of its relay's log.
type Fixture struct {
	// Ctx ends when the time limit of the test is over.
	Ctx        context.Context
	Homeserver *Homeserver

	// Dir is removed at the end of the test.
	Dir string
	// Suffix is in the names of the test's accounts, to make them unique.
	Suffix string

	t      testing.TB
	people int
}

// NewFixture makes a fixture that ends with the test.
func NewFixture(t testing.TB, homeserver *Homeserver) *Fixture {
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
	return &Fixture{Ctx: ctx, Homeserver: homeserver, Dir: dir, Suffix: randomHex()[:6], t: t}
}

// Account registers a fresh account whose localpart begins with name.
func (f *Fixture) Account(name string) ClientConfig {
	f.t.Helper()
	f.people++
	cfg, err := f.Homeserver.NewAccount(f.Ctx, fmt.Sprintf("%s-%s-%d", name, f.Suffix, f.people))
	if err != nil {
		f.t.Fatal(err)
	}
	return cfg
}

// Person registers a fresh account, logs it in and follows its rooms until the
// end of the test.
func (f *Fixture) Person(name string, encryption Encryption) *Client {
	f.t.Helper()
	cfg := f.Account(name)
	if encryption == Encrypted {
		cfg.CryptoStore = filepath.Join(f.Dir, fmt.Sprintf("keys-%d.db", f.people))
	}
	return f.follow(NewClient(f.Ctx, cfg))
}

// JSPerson is like Person, with a client that uses matrix-js-sdk.
func (f *Fixture) JSPerson(js *JSHost, name string, isolation Isolation) *Client {
	f.t.Helper()
	cfg := f.Account(name)
	cfg.JS, cfg.Isolation = js, isolation
	return f.follow(NewClient(f.Ctx, cfg))
}

// NewDevice logs a JSPerson in on one more device.
func (f *Fixture) NewDevice(person *Client) *Client {
	f.t.Helper()
	return f.follow(person.JS().NewDevice(f.Ctx))
}

// follow closes a new client at the end of the test.
func (f *Fixture) follow(client *Client, err error) *Client {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		if err := client.Close(); err != nil {
			f.t.Error(err)
		}
	})
	return client
}

// Relay starts a relay. It is stopped at the end of the test if it still runs.
func (f *Fixture) Relay(cfg RelayConfig) *Relay {
	f.t.Helper()
	if cfg.Dir == "" {
		dir, err := os.MkdirTemp(f.Dir, "relay-")
		if err != nil {
			f.t.Fatal(err)
		}
		cfg.Dir = dir
	}
	relay, err := StartRelay(f.Ctx, cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { f.endRelay(relay) })
	return relay
}

func (f *Fixture) endRelay(relay *Relay) {
	if err := relay.End(); err != nil {
		f.t.Error(err)
	}
	ShowLogIfFailed(f.t, relay.LogFile())
}

// ShowLogIfFailed adds the end of a log to the output of a test that failed.
func ShowLogIfFailed(t testing.TB, logFile string) {
	if t.Failed() {
		t.Log(LogTail(logFile))
	}
}
