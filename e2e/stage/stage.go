// Package stage starts everything that the demo, the benchmark and the
// whole-program tests need: a homeserver, an in-memory Wazo with a few people,
// the relay between them, and a Matrix person who may give the relay commands.
// It also links rooms, and measures how long a message takes from one side to
// the other.
package stage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// wazoPassword is the password of everybody on the in-memory Wazo, which lives
// as long as one run and listens on loopback only.
const wazoPassword = "stage-wazo"

// Config says what is special about a stage. Only Dir has to be set.
type Config struct {
	// Homeserver is a homeserver that the stage uses and does not stop. Without
	// one the stage starts its own.
	Homeserver *harness.Homeserver
	// Dir keeps all files. Its owner removes it after Close.
	Dir string
	// Suffix makes account names unique on a shared homeserver.
	Suffix string
	// Env is added to the relay's configuration.
	Env map[string]string
	// RelayBinary is the path of the relay to run. Empty builds the one of this
	// repository.
	RelayBinary string
	// JS makes Robin use matrix-js-sdk instead of mautrix.
	JS *harness.JSHost
	// BeforeStart is called when everything but the relay runs. It may change the
	// configuration of the relay, and run its program.
	BeforeStart func(ctx context.Context, s *Stage) error
	// WazoOptions are passed to the in-memory Wazo.
	WazoOptions []wazotest.Option
}

// Cast are the people on Wazo.
type Cast struct {
	Alice, Bob, Chloe wazotest.User
	// Relay is the relay's own account.
	Relay wazotest.User
}

// Stage is a homeserver, a Wazo and a relay that run. After Open the relay is
// healthy and no room is linked.
type Stage struct {
	Homeserver *harness.Homeserver
	Wazo       *wazotest.Server
	Cast       Cast
	Relay      *harness.Relay
	Bot        harness.ClientConfig // the relay's Matrix account
	// Robin is the Matrix person in ADMINS. Its client can encrypt.
	Robin *harness.Client

	cfg Config

	mu      sync.Mutex
	clients int
	hired   int
	closers []func() error
}

// Open starts a stage. If that fails, Open ends what it has started, and the
// error says which part did not start.
func Open(ctx context.Context, cfg Config) (*Stage, error) {
	s := &Stage{cfg: cfg}
	for _, step := range []func(context.Context) error{s.openHomeserver, s.openWazo, s.openPeople, s.openRelay} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close ends everything that the stage has started, in the opposite order.
func (s *Stage) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for len(s.closers) > 0 {
		last := len(s.closers) - 1
		errs = append(errs, s.closers[last]())
		s.closers = s.closers[:last]
	}
	return errors.Join(errs...)
}

func (s *Stage) onClose(closer func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closers = append(s.closers, closer)
}

// Explain adds the end of the relay's log to an error. It must be called before the
// files are removed.
func (s *Stage) Explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\n%s", err, harness.LogTail(s.Relay.LogFile()))
}

func (s *Stage) openHomeserver(ctx context.Context) (err error) {
	if s.cfg.Homeserver != nil {
		s.Homeserver = s.cfg.Homeserver
		return nil
	}
	s.Homeserver, err = harness.StartHomeserver(ctx, s.cfg.Dir)
	if err != nil {
		return err
	}
	s.onClose(s.Homeserver.Stop)
	return nil
}

func (s *Stage) openWazo(context.Context) error {
	s.Wazo = wazotest.New(s.cfg.WazoOptions...)
	if err := s.Wazo.Start("127.0.0.1:0"); err != nil {
		return fmt.Errorf("failed to start the in-memory Wazo: %w", err)
	}
	s.onClose(func() error { s.Wazo.Stop(); return nil })
	tenant := s.Wazo.AddTenant("stage")
	hire := func(username, first, last, exten string) wazotest.User {
		return s.Wazo.AddUser(wazotest.User{
			Username: username, Password: wazoPassword, Firstname: first, Lastname: last, Exten: exten, Tenant: tenant,
		})
	}
	s.Cast = Cast{
		Alice: hire("alice", "Alice", "Martin", "1001"),
		Bob:   hire("bob", "Bob", "Stone", "1002"),
		Chloe: hire("chloe", "Chloé", "Roy", "1003"),
		Relay: hire("relay", "Matrix", "Relay", "1099"),
	}
	return nil
}

func (s *Stage) openPeople(ctx context.Context) (err error) {
	if s.Bot, err = s.register(ctx, "bot"); err != nil {
		return err
	}
	if s.cfg.JS != nil {
		s.Robin, err = s.JSPerson(ctx, "robin", s.cfg.JS)
	} else {
		s.Robin, err = s.Person(ctx, "robin", harness.Encrypted)
	}
	return err
}

// Hire adds a person to Wazo. A Wazo room is its set of participants
// (docs/wazo.md, "Properties that shape the relay"), so that rooms of their own
// take people of their own.
func (s *Stage) Hire(first, last string) wazotest.User {
	s.mu.Lock()
	s.hired++
	username := fmt.Sprintf("hired-%d", s.hired)
	s.mu.Unlock()
	return s.Wazo.AddUser(wazotest.User{
		Username: username, Password: wazoPassword, Firstname: first, Lastname: last, Tenant: s.Cast.Relay.Tenant,
	})
}

// Person registers a Matrix person and logs it in until Close. It may be called
// by several goroutines at once.
func (s *Stage) Person(ctx context.Context, name string, encryption harness.Encryption) (*harness.Client, error) {
	cfg, err := s.register(ctx, name)
	if err != nil {
		return nil, err
	}
	if encryption == harness.Encrypted {
		s.mu.Lock()
		s.clients++
		cfg.CryptoStore = filepath.Join(s.cfg.Dir, fmt.Sprintf("keys-%s-%d.db", name, s.clients))
		s.mu.Unlock()
	}
	return s.follow(harness.NewClient(ctx, cfg))
}

// JSPerson is like Person, with a client that uses matrix-js-sdk.
func (s *Stage) JSPerson(ctx context.Context, name string, js *harness.JSHost) (*harness.Client, error) {
	cfg, err := s.register(ctx, name)
	if err != nil {
		return nil, err
	}
	cfg.JS = js
	return s.follow(harness.NewClient(ctx, cfg))
}

// NewDevice logs a JSPerson in on one more device until Close.
func (s *Stage) NewDevice(ctx context.Context, person *harness.Client) (*harness.Client, error) {
	return s.follow(person.JS().NewDevice(ctx))
}

// follow makes Close close a new client, too.
func (s *Stage) follow(client *harness.Client, err error) (*harness.Client, error) {
	if err != nil {
		return nil, err
	}
	s.onClose(client.Close)
	return client, nil
}

func (s *Stage) register(ctx context.Context, name string) (harness.ClientConfig, error) {
	return s.Homeserver.NewAccount(ctx, strings.TrimSuffix(name+"-"+s.cfg.Suffix, "-"))
}

func (s *Stage) openRelay(ctx context.Context) (err error) {
	env := map[string]string{
		"MATRIX_USER_ID":        s.Bot.User,
		"MATRIX_HOMESERVER_URL": s.Homeserver.URL(),
		"MATRIX_PASSWORD":       s.Bot.Password,
		"WAZO_URL":              s.Wazo.URL(),
		"WAZO_USERNAME":         s.Cast.Relay.Username,
		"WAZO_PASSWORD":         s.Cast.Relay.Password,
		"ADMINS":                s.Robin.UserID().String(),
	}
	if s.Wazo.CAPEM() != nil {
		if env["WAZO_CA_FILE"], err = s.Wazo.CAFile(s.cfg.Dir); err != nil {
			return err
		}
	}
	for name, value := range s.cfg.Env {
		env[name] = value
	}
	s.Relay, err = harness.PrepareRelay(ctx, harness.RelayConfig{
		Binary: s.cfg.RelayBinary, Dir: filepath.Join(s.cfg.Dir, "relay"), Env: env,
	})
	if err != nil {
		return err
	}
	if s.cfg.BeforeStart != nil {
		if err = s.cfg.BeforeStart(ctx, s); err != nil {
			return err
		}
	}
	if err = s.Relay.Start(ctx); err != nil {
		return err
	}
	s.onClose(s.Relay.End)
	return nil
}
