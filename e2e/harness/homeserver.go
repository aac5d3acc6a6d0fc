package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
	"maunium.net/go/mautrix/synapseadmin"
)

// ServerName is the part of a user id after the colon.
const ServerName = "localhost"

// Software is a program that can be the homeserver of the tests.
type Software string

const (
	// Dendrite is what is used unless E2E_HOMESERVER says otherwise. It is built from
	// source.
	Dendrite Software = "dendrite"
	// Synapse must have been installed by `make e2e-synapse`.
	Synapse Software = "synapse"
)

// ChosenSoftware is what E2E_HOMESERVER names, Dendrite if it is not set. It
// returns an error for a name that is unknown.
func ChosenSoftware() (Software, error) {
	switch chosen := Software(os.Getenv("E2E_HOMESERVER")); chosen {
	case "":
		return Dendrite, nil
	case Dendrite, Synapse:
		return chosen, nil
	default:
		return "", fmt.Errorf("E2E_HOMESERVER is %q\nhint: it can be %s or %s", chosen, Dendrite, Synapse)
	}
}

// Limits says how much people may do in a time.
type Limits bool

const (
	// Unlimited lets everybody do as much as they like.
	Unlimited Limits = false
	// DefaultLimits are those that the homeserver has unless its administrator
	// configures others.
	DefaultLimits Limits = true
)

// program is how one software is run as a homeserver.
type program interface {
	// prepare makes sure that the program is there.
	prepare(ctx context.Context) error
	// configure writes what the program reads into the homeserver's directory.
	configure(h *Homeserver, limits Limits) error
	// start is the path and the arguments of the program. It runs in the homeserver's
	// directory.
	start(h *Homeserver) (path string, args []string)
}

// Homeserver is a homeserver for tests. It has no federation, uses SQLite files, and
// hashes passwords as cheaply as possible, so that registering people is fast.
type Homeserver struct {
	software Software
	program  program
	dir      string
	port     int
	secret   string
	proc     *process
}

// StartHomeserver starts the chosen software without rate limits and with fresh
// databases in dir, and returns when it answers. The error of a start that failed
// contains the end of its log.
func StartHomeserver(ctx context.Context, dir string) (*Homeserver, error) {
	software, err := ChosenSoftware()
	if err != nil {
		return nil, err
	}
	return StartSoftware(ctx, dir, software, Unlimited)
}

// StartSoftware is like StartHomeserver, for one software and for the limits that the
// caller wants.
func StartSoftware(ctx context.Context, dir string, software Software, limits Limits) (*Homeserver, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	h := &Homeserver{software: software, dir: filepath.Join(dir, string(software)), port: port, secret: randomHex()}
	switch software {
	case Dendrite:
		h.program = &dendrite{}
	case Synapse:
		h.program = &synapse{}
	}
	if err = h.program.prepare(ctx); err != nil {
		return nil, err
	}
	if err = os.MkdirAll(h.dir, 0o700); err != nil {
		return nil, err
	}
	if err = h.program.configure(h, limits); err != nil {
		return nil, fmt.Errorf("failed to configure %s: %w", software, err)
	}
	return h, h.start(ctx)
}

func (h *Homeserver) start(ctx context.Context) error {
	path, args := h.program.start(h)
	proc, err := startProcess(command{name: string(h.software), path: path, args: args, dir: h.dir, log: h.LogFile()})
	if err != nil {
		return err
	}
	h.proc = proc
	if err = proc.waitReady(ctx, h.URL()+"/_matrix/client/versions"); err != nil {
		proc.kill()
		return err
	}
	return nil
}

// Software is which program it is.
func (h *Homeserver) Software() Software { return h.software }

// URL is the homeserver's base URL for clients.
func (h *Homeserver) URL() string { return "http://" + h.address() }

// LogFile is where the homeserver's warnings and errors go, across restarts.
func (h *Homeserver) LogFile() string { return filepath.Join(h.dir, string(h.software)+".log") }

func (h *Homeserver) address() string { return fmt.Sprintf("127.0.0.1:%d", h.port) }

// Stop ends the homeserver in order. Its data stays until the directory is removed.
func (h *Homeserver) Stop() error { return h.proc.stop() }

// Kill ends the homeserver at once, as a power cut would.
func (h *Homeserver) Kill() { h.proc.kill() }

// Restart starts the homeserver again on the same port with the same data, after
// stopping it if it still runs, and returns when it answers.
func (h *Homeserver) Restart(ctx context.Context) error {
	if !h.proc.hasEnded() {
		if err := h.Stop(); err != nil {
			return err
		}
	}
	return h.start(ctx)
}

// NewAccount registers an account with a random password and returns the
// configuration of a client that logs in with it.
func (h *Homeserver) NewAccount(ctx context.Context, localpart string) (ClientConfig, error) {
	password := randomHex()
	user, err := h.Register(ctx, localpart, password)
	if err != nil {
		return ClientConfig{}, err
	}
	return ClientConfig{HomeserverURL: h.URL(), User: user.String(), Password: password}, nil
}

// Register creates an account without logging it in. It returns an error if an
// account with this name exists.
func (h *Homeserver) Register(ctx context.Context, localpart, password string) (id.UserID, error) {
	client, err := mautrix.NewClient(h.URL(), "", "")
	if err != nil {
		return "", err
	}
	client.Client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	admin := &synapseadmin.Client{Client: client}
	resp, err := admin.SharedSecretRegister(ctx, h.secret, synapseadmin.ReqSharedSecretRegister{
		Username: localpart, Password: password, InhibitLogin: true,
	})
	if err != nil {
		return "", fmt.Errorf("failed to register %s: %w", localpart, err)
	} else if resp.UserID == "" {
		return "", errors.New("the homeserver registered an account without a user id")
	}
	return resp.UserID, nil
}
