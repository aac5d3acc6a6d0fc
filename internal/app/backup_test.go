package app

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
)

func TestBackup(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.fails("backup", "early.db") // there is no database yet
	require.NoFileExists(t, "early.db")
	stop := f.serve()
	f.awaitWell()

	file := filepath.Join(t.TempDir(), "copy.db")
	out := f.run(t.Context(), "backup", file)
	require.NoError(t, out.err)
	require.Contains(t, out.stdout, "The database was copied to "+file)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	failure, hint := f.fails("backup", file)
	require.Contains(t, failure, "file already exists")
	require.Contains(t, hint, "the relay replaces no file")

	piped := f.run(t.Context(), "backup", "-")
	require.NoError(t, piped.err)
	require.True(t, strings.HasPrefix(piped.stdout, "SQLite format 3\x00"))
	entries, err := filepath.Glob(filepath.Join(filepath.Dir(f.env["DATABASE_URL"]), "backup-*"))
	require.NoError(t, err)
	require.Empty(t, entries, "what was written for the pipe is removed")
	require.NoError(t, stop().err)

	// A relay goes on with either copy.
	for name, content := range map[string][]byte{"a file": nil, "a pipe": []byte(piped.stdout)} {
		restored := filepath.Join(t.TempDir(), "relay.db")
		if content == nil {
			content, err = os.ReadFile(file)
			require.NoError(t, err)
		}
		require.NoError(t, os.WriteFile(restored, content, 0o600))
		f.env["DATABASE_URL"] = restored
		again := f.serve()
		f.awaitWell()
		require.NoError(t, again().err, name)
	}
}

// The command needs no configuration but the name of the database.
func TestBackupNeedsOnlyTheDatabase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	database := f.env["DATABASE_URL"]
	f.serve()
	f.awaitWell()
	var stdout bytes.Buffer
	file := filepath.Join(t.TempDir(), "copy.db")
	require.NoError(t, run(t.Context(), []string{"backup", file}, []string{"DATABASE_URL=" + database}, &stdout, &stdout))
	require.FileExists(t, file)
}

func TestBackupArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"backup", "copy.db"}, {"--backup", "copy.db"}, {"backup", "--env-file", ".env", "copy.db"}, {"--env-file=.env", "backup", "copy.db"}} {
		parsed, err := parseArguments(args)
		require.NoError(t, err, args)
		require.Equal(t, commandBackup, parsed.command, args)
		require.Equal(t, []string{"copy.db"}, parsed.names, args)
	}
	for _, args := range [][]string{{"backup"}, {"backup", "--env-file", ".env"}, {"backup", "copy.db", "other.db"}, {"backup", "--check"}, {"copy.db"}} {
		_, err := parseArguments(args)
		var hinted *hintError
		require.ErrorAs(t, err, &hinted, args)
	}
}

func TestDatabasesOnPostgreSQLAreCopiedOtherwise(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "copy.db")
	var stdout bytes.Buffer
	err := run(t.Context(), []string{"backup", file}, []string{"DATABASE_URL=postgres://relay:hunter2@db.example.org/relay"}, &stdout, &stdout)
	var hinted *hintError
	require.ErrorAs(t, err, &hinted)
	require.Contains(t, hinted.hint, "pg_dump")
	require.NotContains(t, hinted.Error()+hinted.hint, "hunter2")
	require.NoFileExists(t, file)
}

func TestBackupHints(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		hint string
	}{
		{&fs.PathError{Op: "create", Path: "copy.db", Err: fs.ErrExist}, "choose another name"},
		{db.ErrNotARelay, "set DATABASE_URL"},
		{&fs.PathError{Op: "open", Path: "none/copy.db", Err: fs.ErrNotExist}, "the directory of the copy"},
		{&fs.PathError{Op: "open", Path: "copy.db", Err: fs.ErrPermission}, "the user who runs the relay"},
		{&fs.PathError{Op: "open", Path: "/copy.db", Err: syscall.EROFS}, "choose a directory"},
		{sqlite3.Error{Code: sqlite3.ErrFull}, "check that the disk has room"},
	} {
		var hinted *hintError
		require.ErrorAs(t, backupHint(test.err), &hinted)
		require.Contains(t, hinted.hint, test.hint)
		require.ErrorIs(t, hinted, test.err)
	}
	require.NoError(t, backupHint(nil))
	var hinted *hintError
	require.ErrorAs(t, databaseHint(errors.Join(db.ErrNotCopied)), &hinted)
	require.Contains(t, hinted.hint, "the database was not changed")
}

// goneReader is a pipe whose reader goes away. It looks whether something of the copy is left then.
type goneReader struct{ look func() }

// Write implements io.Writer.
func (r goneReader) Write([]byte) (int, error) {
	r.look()
	return 0, syscall.EPIPE
}

// The process may end by a signal when the reader has gone, and cannot remove anything any more.
func TestBackupLeavesNothingWhenTheReaderGoes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := f.env["DATABASE_URL"]
	stop := f.serve()
	f.awaitWell()
	looked := false
	err := streamBackup(t.Context(), path, goneReader{func() {
		looked = true
		left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "backup-*"))
		require.NoError(t, err)
		require.Empty(t, left)
	}})
	require.ErrorIs(t, err, syscall.EPIPE)
	require.True(t, looked)
	require.NoError(t, stop().err)
}

// A terminal would show the copy as nonsense.
func TestBackupIsNotShownOnATerminal(t *testing.T) {
	t.Parallel()
	terminal, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	require.NoError(t, err)
	defer terminal.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.ErrorContains(t, streamBackup(ctx, "relay.db", terminal), "the terminal")
}
