package db

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBox(t *testing.T) {
	t.Parallel()
	box := NewBox("secret")

	t.Run("what is sealed can be opened with the same secret", func(t *testing.T) {
		t.Parallel()
		for _, plain := range []string{"token", "x", strings.Repeat("long ", 1000), "ünï\x00code"} {
			opened, err := NewBox("secret").Open(box.Seal(plain))
			require.NoError(t, err)
			require.Equal(t, plain, opened)
		}
	})

	t.Run("nothing is sealed as nothing", func(t *testing.T) {
		t.Parallel()
		require.Nil(t, box.Seal(""))
		opened, err := box.Open(nil)
		require.NoError(t, err)
		require.Empty(t, opened)
	})

	t.Run("the same text is never sealed the same", func(t *testing.T) {
		t.Parallel()
		require.NotEqual(t, box.Seal("token"), box.Seal("token"))
	})

	t.Run("another secret opens nothing", func(t *testing.T) {
		t.Parallel()
		_, err := NewBox("other").Open(box.Seal("token"))
		require.ErrorIs(t, err, ErrWrongKey)
	})

	t.Run("what was changed or cut is not opened", func(t *testing.T) {
		t.Parallel()
		sealed := box.Seal("token")
		for i := range sealed {
			broken := bytes.Clone(sealed)
			broken[i] ^= 1
			_, err := box.Open(broken)
			require.ErrorIs(t, err, ErrWrongKey)
			if i > 0 {
				_, err = box.Open(sealed[:i])
				require.ErrorIs(t, err, ErrWrongKey)
			}
		}
	})
}

func TestSecretsAreNotReadableInTheFile(t *testing.T) {
	t.Parallel()
	const token, matrixToken, key = "wazo-token-d41d8cd9", "syt_matrix-token-8f00b204", "the-secret-key-e9800998"
	dir := t.TempDir()
	db := openAt(t, filepath.Join(dir, "relay.db"), key)
	account, err := db.Account.Relay(t.Context(), "relay-login-name")
	require.NoError(t, err)
	require.NoError(t, db.Account.SetToken(t.Context(), account.ID, token))
	require.NoError(t, db.Setting.SetSecret(t.Context(), SettingMatrixToken, matrixToken))

	stored, err := db.Account.Token(t.Context(), account.ID)
	require.NoError(t, err)
	require.Equal(t, token, stored)
	stored, err = db.Setting.GetSecret(t.Context(), SettingMatrixToken)
	require.NoError(t, err)
	require.Equal(t, matrixToken, stored)

	scan := func() (all []byte) {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		require.NoError(t, err)
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			all = append(all, data...)
		}
		return all
	}
	check := func(when string) {
		t.Helper()
		data := scan()
		require.Contains(t, string(data), "relay-login-name", "the scan looks at the right bytes")
		for _, secret := range []string{token, matrixToken, key} {
			require.False(t, bytes.Contains(data, []byte(secret)), "%s is readable in the database while %s", secret, when)
		}
	}
	check("open, with its write-ahead log")
	require.NoError(t, db.Close())
	check("closed")
}

func TestLoadOrCreateKey(t *testing.T) {
	t.Parallel()
	t.Run("the first start makes a file that only its owner reads", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		secret, err := LoadOrCreateKey(path)
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(secret), 32)
		info, err := os.Stat(KeyFile(path))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode())
		again, err := LoadOrCreateKey(path)
		require.NoError(t, err)
		require.Equal(t, secret, again)
	})

	t.Run("each database gets a key of its own", func(t *testing.T) {
		t.Parallel()
		a, err := LoadOrCreateKey(filepath.Join(t.TempDir(), "relay.db"))
		require.NoError(t, err)
		b, err := LoadOrCreateKey(filepath.Join(t.TempDir(), "relay.db"))
		require.NoError(t, err)
		require.NotEqual(t, a, b)
	})

	t.Run("white space around the key does not count", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		require.NoError(t, os.WriteFile(KeyFile(path), []byte(" written by hand \r\n"), 0o600))
		secret, err := LoadOrCreateKey(path)
		require.NoError(t, err)
		require.Equal(t, "written by hand", secret)
	})

	t.Run("a lost key file of a database that exists is not replaced", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		require.NoError(t, os.WriteFile(path, []byte("something"), 0o600))
		_, err := LoadOrCreateKey(path)
		require.ErrorIs(t, err, ErrKeyFileLost)
		require.NoFileExists(t, KeyFile(path))
	})

	t.Run("an empty key file is as good as lost", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		require.NoError(t, os.WriteFile(KeyFile(path), []byte("\n"), 0o600))
		_, err := LoadOrCreateKey(path)
		require.ErrorIs(t, err, ErrKeyFileLost)
	})

	t.Run("a key file that cannot be read is an error", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		require.NoError(t, os.Mkdir(KeyFile(path), 0o700))
		_, err := LoadOrCreateKey(path)
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrKeyFileLost)
	})

	t.Run("a directory that is not there is an error", func(t *testing.T) {
		t.Parallel()
		_, err := LoadOrCreateKey(filepath.Join(t.TempDir(), "no", "relay.db"))
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}
