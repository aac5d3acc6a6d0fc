package harness

import (
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	synapseConfig = "synapse.yaml"
	synapseLog    = "log.yaml"
	synapseKey    = "signing.key"
)

var (
	//go:embed synapse.yaml.tmpl
	synapseTemplate string
	//go:embed synapse_log.yaml
	synapseLogConfig []byte
)

var errNoSynapse = errors.New("Synapse is not installed\nhint: `make e2e-synapse` installs it")

// synapse runs the Synapse of the virtual environment that `make e2e-synapse` makes.
// All paths in its configuration are relative to its directory.
type synapse struct{ python string }

func (s *synapse) prepare(ctx context.Context) error {
	dirs, err := moduleDirs(ctx)
	if err != nil {
		return err
	}
	environment := filepath.Join(dirs.bin(), "synapse")
	s.python = filepath.Join(environment, "bin", "python")
	// The Makefile makes this file when the installation is complete.
	if _, err = os.Stat(filepath.Join(environment, "installed")); errors.Is(err, fs.ErrNotExist) {
		return errNoSynapse
	}
	return err
}

func (s *synapse) configure(h *Homeserver, limits Limits) error {
	// The form of Synapse's generate_signing_key: the kind, a name, and the 32 bytes
	// of an ed25519 seed. Those of randomHex are random enough for tests.
	key := fmt.Sprintf("ed25519 e2e %s\n", base64.RawStdEncoding.EncodeToString([]byte(randomHex())))
	if err := os.WriteFile(filepath.Join(h.dir, synapseKey), []byte(key), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(h.dir, synapseLog), synapseLogConfig, 0o600); err != nil {
		return err
	}
	return writeTemplate(filepath.Join(h.dir, synapseConfig), synapseTemplate, map[string]any{
		"ServerName": ServerName, "Port": h.port, "Key": synapseKey, "Log": synapseLog, "Secret": h.secret,
		"Limited": limits == DefaultLimits,
	})
}

func (s *synapse) start(*Homeserver) (path string, args []string) {
	return s.python, []string{"-m", "synapse.app.homeserver", "-c", synapseConfig}
}
