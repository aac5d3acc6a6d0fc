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

// Dendrite is a homeserver for tests. It has no federation and no rate limits, uses
// SQLite files, and hashes passwords as cheaply as possible, so that registering
// people is fast.
type Dendrite struct {
	dir    string
	binary string
	port   int
	secret string
	proc   *process
}

// StartDendrite builds Dendrite if needed, starts it with fresh databases in dir
// and returns when it answers. The error of a start that failed contains the end
// of its log.
func StartDendrite(ctx context.Context, dir string) (*Dendrite, error) {
	binary, err := BuildDendrite(ctx)
	if err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	d := &Dendrite{dir: filepath.Join(dir, "dendrite"), binary: binary, port: port, secret: randomHex()}
	if err = os.MkdirAll(d.dir, 0o700); err != nil {
		return nil, err
	}
	if err = d.configure(); err != nil {
		return nil, fmt.Errorf("failed to configure Dendrite: %w", err)
	}
	return d, d.start(ctx)
}

func (d *Dendrite) start(ctx context.Context) error {
	proc, err := startProcess(command{
		name: "dendrite",
		path: d.binary,
		args: []string{"-config", configName, "-http-bind-address", d.address()},
		dir:  d.dir,
		log:  d.LogFile(),
	})
	if err != nil {
		return err
	}
	d.proc = proc
	if err = proc.waitReady(ctx, d.URL()+"/_matrix/client/versions"); err != nil {
		proc.kill()
		return err
	}
	return nil
}

// URL is the homeserver's base URL for clients.
func (d *Dendrite) URL() string { return "http://" + d.address() }

// LogFile is where Dendrite's warnings and errors go, across restarts.
func (d *Dendrite) LogFile() string { return filepath.Join(d.dir, "dendrite.log") }

func (d *Dendrite) address() string { return fmt.Sprintf("127.0.0.1:%d", d.port) }

// Stop ends Dendrite in order. Its data stays until the directory is removed.
func (d *Dendrite) Stop() error { return d.proc.stop() }

// Kill ends Dendrite at once, as a power cut would.
func (d *Dendrite) Kill() { d.proc.kill() }

// Restart starts Dendrite again on the same port with the same data, after
// stopping it if it still runs, and returns when it answers.
func (d *Dendrite) Restart(ctx context.Context) error {
	if !d.proc.hasEnded() {
		if err := d.Stop(); err != nil {
			return err
		}
	}
	return d.start(ctx)
}

// NewAccount registers an account with a random password and returns the
// configuration of a client that logs in with it.
func (d *Dendrite) NewAccount(ctx context.Context, localpart string) (ClientConfig, error) {
	password := randomHex()
	user, err := d.Register(ctx, localpart, password)
	if err != nil {
		return ClientConfig{}, err
	}
	return ClientConfig{HomeserverURL: d.URL(), User: user.String(), Password: password}, nil
}

// Register creates an account without logging it in. It returns an error if an
// account with this name exists.
func (d *Dendrite) Register(ctx context.Context, localpart, password string) (id.UserID, error) {
	client, err := mautrix.NewClient(d.URL(), "", "")
	if err != nil {
		return "", err
	}
	client.Client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	admin := &synapseadmin.Client{Client: client}
	resp, err := admin.SharedSecretRegister(ctx, d.secret, synapseadmin.ReqSharedSecretRegister{
		Username: localpart, Password: password, InhibitLogin: true,
	})
	if err != nil {
		return "", fmt.Errorf("failed to register %s: %w", localpart, err)
	} else if resp.UserID == "" {
		return "", errors.New("the homeserver registered an account without a user id")
	}
	return resp.UserID, nil
}
