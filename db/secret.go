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

// ErrWrongKey is returned if a stored secret cannot be decrypted with the configured SECRET_KEY.
var ErrWrongKey = errors.New("the database was written with another SECRET_KEY")

// ErrKeyFileLost is returned by LoadOrCreateKey if the database exists and its key file is missing or empty.
var ErrKeyFileLost = errors.New("the key file of the database is missing")

// Box encrypts the secrets in the database with a key that is derived from SECRET_KEY (AES-256-GCM, HKDF with SHA-256).
// To seal a secret means to encrypt it, to open it means to decrypt it.
type Box struct {
	secret string
	aead   cipher.AEAD
}

// NewBox returns the box for a SECRET_KEY.
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

// Seal encrypts a secret. It returns nil for an empty secret.
func (b *Box) Seal(plain string) []byte {
	if plain == "" {
		return nil
	}
	return b.aead.Seal(nil, nil, []byte(plain), nil)
}

// Open decrypts a secret that Seal encrypted. It returns ErrWrongKey if the secret was encrypted with another key or is
// damaged.
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

// KeyFile returns the path of the file beside the database in which LoadOrCreateKey stores a SECRET_KEY.
func KeyFile(databasePath string) string {
	return strings.TrimSuffix(databasePath, ".db") + ".key"
}

// LoadOrCreateKey returns the secret in the key file beside the database. At the first start, it creates the file with
// a random secret and mode 0600. If the database exists already, it returns ErrKeyFileLost instead of creating a new
// secret.
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
