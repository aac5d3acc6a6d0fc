package harness

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"text/template"
)

const (
	dendriteConfig = "dendrite.yaml"
	dendriteKey    = "matrix_key.pem"
)

//go:embed dendrite.yaml.tmpl
var dendriteTemplate string

// dendrite runs the Dendrite that BuildDendrite builds. All paths in its
// configuration are relative to its directory.
type dendrite struct{ binary string }

func (d *dendrite) prepare(ctx context.Context) (err error) {
	d.binary, err = BuildDendrite(ctx)
	return err
}

func (d *dendrite) configure(h *Homeserver, limits Limits) error {
	if err := d.writeSigningKey(filepath.Join(h.dir, dendriteKey)); err != nil {
		return err
	}
	return writeTemplate(filepath.Join(h.dir, dendriteConfig), dendriteTemplate, map[string]any{
		"ServerName": ServerName, "Key": dendriteKey, "Secret": h.secret, "Limited": limits == DefaultLimits,
	})
}

func (d *dendrite) start(h *Homeserver) (path string, args []string) {
	return d.binary, []string{"-config", dendriteConfig, "-http-bind-address", h.address()}
}

// writeSigningKey writes a new key in the form that Dendrite's generate-keys
// writes: the 32 bytes of an ed25519 seed in a PEM block.
func (d *dendrite) writeSigningKey(path string) error {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{
		Type:    "MATRIX PRIVATE KEY",
		Headers: map[string]string{"Key-ID": "ed25519:e2e"},
		Bytes:   seed,
	}), 0o600)
}

// writeTemplate writes a file of a template's text and values.
func writeTemplate(path, text string, values map[string]any) error {
	parsed, err := template.New(filepath.Base(path)).Parse(text)
	if err != nil {
		return err
	}
	var filled bytes.Buffer
	if err = parsed.Execute(&filled, values); err != nil {
		return err
	}
	return os.WriteFile(path, filled.Bytes(), 0o600)
}

// randomHex returns 32 random characters, for passwords and secrets.
func randomHex() string {
	var raw [16]byte
	// crypto/rand never fails: it ends the program instead.
	_, _ = rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}
