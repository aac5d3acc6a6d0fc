package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/caarlos0/env/v11"
	"github.com/rs/zerolog"
	"go.mau.fi/util/dbutil"

	"wazo-matrix-relay/db"
)

// moveDatabase moves the database of a relay that does not run from SQLite to PostgreSQL. Of the configuration it reads
// only the key.
func moveDatabase(ctx context.Context, environ []string, from, to string, stdout, stderr io.Writer) error {
	vars := env.ToMap(environ)
	if mistakes := readSecretFiles(vars); len(mistakes) > 0 {
		return configError(mistakes)
	}
	file, err := db.Location(from)
	if err != nil || db.IsPostgres(file) {
		return hint(errors.New("the database to move is no SQLite file"), "write migrate-database relay.db postgres://relay:password@db.example.org/relay: the first one is the file, the second one the URL of the new database")
	}
	target, err := db.Location(to)
	if err != nil {
		return hint(err, "write the URL of the new database like postgres://relay:password@db.example.org/relay")
	} else if !db.IsPostgres(target) {
		return hint(errors.New("the new database is not on PostgreSQL"), "write its URL like postgres://relay:password@db.example.org/relay")
	}
	if _, err = os.Stat(file); err != nil {
		return moveHint(fmt.Errorf("failed to open database: %w", err)) // before a key is made for it
	}
	secret := vars["SECRET_KEY"]
	isFromFile := secret == ""
	if isFromFile {
		if secret, err = db.LoadOrCreateKey(file); err != nil {
			return moveHint(err)
		}
	}
	log := zerolog.New(zerolog.ConsoleWriter{Out: stderr, NoColor: true, PartsExclude: []string{zerolog.TimestampFieldName}}).Level(zerolog.WarnLevel)
	moved, err := db.Move(ctx, file, target, secret, log, func(step db.MoveStep) { printStep(stdout, step) })
	if err != nil {
		return moveHint(err)
	}
	fmt.Fprintf(stdout, "%d rows of %d tables were moved, and each of them was compared.\n", moved.Rows, moved.Tables)
	fmt.Fprintln(stdout, "Set DATABASE_URL to the new database before you start the relay.")
	if isFromFile {
		fmt.Fprintf(stdout, "Set SECRET_KEY to the content of the file %s, or SECRET_KEY_FILE to its name.\n", db.KeyFile(file))
	}
	fmt.Fprintf(stdout, "Do not start a relay with %s any more. It was not changed, so you can go back as long as no relay has used the new database.\n", file)
	return nil
}

func printStep(w io.Writer, step db.MoveStep) {
	verb := "moved"
	if step.Compared {
		verb = "compared"
	}
	fmt.Fprintf(w, "%s: %d rows %s\n", step.Table, step.Rows, verb)
}

// moveHint adds what the administrator can do about a database that could not be moved.
func moveHint(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, db.ErrInUse):
		return hint(err, "stop the relay that uses it; nothing was moved")
	case errors.Is(err, db.ErrNotEmpty):
		return hint(err, "make an empty database for the relay; nothing was moved")
	case errors.Is(err, dbutil.ErrUnsupportedDatabaseVersion):
		return hint(err, "a newer version of the relay has written the database; use that version")
	case errors.Is(err, db.ErrDiffers):
		return hint(err, "nothing was moved; this should not happen, so please report it")
	case errors.Is(err, db.ErrNotARelay), errors.Is(err, fs.ErrNotExist):
		return hint(err, "write the name of the file that DATABASE_URL names now")
	}
	return databaseHint(err)
}
