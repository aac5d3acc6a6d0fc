package db

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"go.mau.fi/util/random"
)

// ErrWrongKey is returned when a stored secret cannot be opened with the configured SECRET_KEY.
var ErrWrongKey = errors.New("the database was written with another SECRET_KEY")

// ErrKeyFileLost is returned by LoadOrCreateKey when the database exists and its key file does not.
var ErrKeyFileLost = errors.New("the key file of the database is missing")

// Box seals and opens secrets at rest with keys derived from SECRET_KEY.
type Box struct {
	secret string
	aead   cipher.AEAD
}

// NewBox returns the box for one SECRET_KEY.
func NewBox(secret string) *Box {
	box := &Box{secret: secret}
	block, err := aes.NewCipher(box.derive("seal"))
	if err == nil {
		box.aead, err = cipher.NewGCMWithRandomNonce(block)
	}
	if err != nil {
		panic(err) // cannot happen: the derived key always has 32 bytes
	}
	return box
}

func (b *Box) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, []byte(b.secret), nil, "wazo-matrix-relay "+purpose, 32)
	if err != nil {
		panic(err) // cannot happen: 32 bytes are within HKDF's limit
	}
	return key
}

// Seal encrypts a secret. An empty secret is stored as nothing.
func (b *Box) Seal(plain string) []byte {
	if plain == "" {
		return nil
	}
	return b.aead.Seal(nil, nil, []byte(plain), nil)
}

// Open decrypts what Seal made. It returns ErrWrongKey if it cannot.
func (b *Box) Open(sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	plain, err := b.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return "", ErrWrongKey
	}
	return string(plain), nil
}

// KeyFile returns the file beside the database that holds a SECRET_KEY made by LoadOrCreateKey.
func KeyFile(databasePath string) string {
	return strings.TrimSuffix(databasePath, ".db") + ".key"
}

// LoadOrCreateKey returns the secret in the key file beside the database, making the file (mode 0600) at the first start.
// It returns ErrKeyFileLost rather than making a new key for a database that exists already.
func LoadOrCreateKey(databasePath string) (string, error) {
	path := KeyFile(databasePath)
	data, err := os.ReadFile(path)
	if err == nil {
		if secret := strings.TrimSpace(string(data)); secret != "" {
			return secret, nil
		}
		return "", fmt.Errorf("%w: %s is empty", ErrKeyFileLost, path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("failed to read key file: %w", err)
	}
	if info, statErr := os.Stat(databasePath); statErr == nil && info.Size() > 0 {
		return "", fmt.Errorf("%w: %s", ErrKeyFileLost, path)
	}
	secret := random.String(48)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("failed to make key file: %w", err)
	}
	_, err = file.WriteString(secret + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", fmt.Errorf("failed to write key file: %w", err)
	}
	return secret, nil
}
