package harness

import (
	"bytes"
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
	configName = "dendrite.yaml"
	keyName    = "matrix_key.pem"
	// ServerName is the part of a user id after the colon.
	ServerName = "localhost"
)

//go:embed dendrite.yaml.tmpl
var configTemplate string

// configure writes the configuration and the signing key into the directory in
// which Dendrite will run; all paths in them are relative to it.
func (d *Dendrite) configure() error {
	if err := writeSigningKey(filepath.Join(d.dir, keyName)); err != nil {
		return err
	}
	parsed, err := template.New(configName).Parse(configTemplate)
	if err != nil {
		return err
	}
	var config bytes.Buffer
	err = parsed.Execute(&config, map[string]string{"ServerName": ServerName, "Key": keyName, "Secret": d.secret})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.dir, configName), config.Bytes(), 0o600)
}

// writeSigningKey writes a new key in the form that Dendrite's generate-keys
// writes: the 32 bytes of an ed25519 seed in a PEM block.
func writeSigningKey(path string) error {
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

// randomHex returns 32 random characters, for passwords and secrets.
func randomHex() string {
	var raw [16]byte
	// crypto/rand never fails: it ends the program instead.
	_, _ = rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}
