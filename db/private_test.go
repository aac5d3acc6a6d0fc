package db

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// modes returns the modes of a database's files that exist.
func modes(t *testing.T, path string) map[string]fs.FileMode {
	t.Helper()
	found := make(map[string]fs.FileMode)
	for _, name := range []string{"relay.db", "relay.db-wal", "relay.db-shm", "relay.db.lock", "relay.key"} {
		if info, err := os.Stat(filepath.Join(filepath.Dir(path), name)); err == nil {
			found[name] = info.Mode().Perm()
		}
	}
	return found
}

func TestFilesBelongToTheirOwner(t *testing.T) {
	t.Parallel()
	private := map[string]fs.FileMode{"relay.db": 0o600, "relay.db-wal": 0o600, "relay.db-shm": 0o600, "relay.db.lock": 0o600, "relay.key": 0o600}
	newDatabase := func(t *testing.T) string {
		path := filepath.Join(t.TempDir(), "relay.db")
		secret, err := LoadOrCreateKey(path)
		require.NoError(t, err)
		db := openAt(t, path, secret)
		db.addPortal(t, "a")
		require.Equal(t, private, modes(t, path))
		require.NoError(t, db.Close())
		return path
	}

	t.Run("of a new database", func(t *testing.T) {
		t.Parallel()
		newDatabase(t)
	})

	t.Run("of a database that others could read", func(t *testing.T) {
		t.Parallel()
		path := newDatabase(t)
		for name := range private {
			file := filepath.Join(filepath.Dir(path), name)
			if _, err := os.Stat(file); err == nil {
				require.NoError(t, os.Chmod(file, 0o664))
			}
		}
		secret, err := LoadOrCreateKey(path)
		require.NoError(t, err)
		openAt(t, path, secret).addPortal(t, "b")
		require.Equal(t, private, modes(t, path))
	})

	t.Run("of a database that a killed relay left to others", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		db := openAt(t, path, "key")
		db.addPortal(t, "a")
		killed := filepath.Join(t.TempDir(), "relay.db")
		for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
			data, err := os.ReadFile(path + suffix)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(killed+suffix, data, 0o600))
			require.NoError(t, os.Chmod(killed+suffix, 0o666)) // whatever the umask is
		}
		require.Equal(t, 1, openAt(t, killed, "key").count(t, "portal"), "it is the copy of what was written")
		for name, mode := range modes(t, killed) {
			require.Equal(t, fs.FileMode(0o600), mode, name)
		}
	})

	t.Run("behind a symbolic link", func(t *testing.T) {
		t.Parallel()
		path := newDatabase(t)
		require.NoError(t, os.Chmod(path, 0o644))
		link := filepath.Join(t.TempDir(), "link.db")
		require.NoError(t, os.Symlink(path, link))
		secret, err := LoadOrCreateKey(path)
		require.NoError(t, err)
		openAt(t, link, secret).addPortal(t, "b")
		require.Equal(t, private, modes(t, path))
	})
}
