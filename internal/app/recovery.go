package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// showRecoveryKey prints the recovery key of a new cryptographic identity for the administrator. The key never goes to
// the log of the relay, but whoever starts the relay may keep its standard output.
func showRecoveryKey(w io.Writer, user id.UserID, recoveryKey string) {
	fmt.Fprintf(w, `
This is the recovery key of %s:

    %s

Store it as you store passwords. If the database is lost, the relay needs it in MATRIX_RECOVERY_KEY.
The relay prints it only at this start; the command "wazo-matrix-relay recovery-key" shows it again.
Docker and systemd keep what the relay prints. See docs/administration.md, "The recovery key".

`, user, strings.TrimSpace(recoveryKey))
}

// printRecoveryKey prints the recovery key that is stored in the database. A relay may use the database at the same
// time.
func printRecoveryKey(ctx context.Context, cfg *config, stdout io.Writer) (err error) {
	if !cfg.Database.isPostgres() { // SQLite would make the file
		if _, err = os.Stat(string(cfg.Database)); err != nil {
			return databaseHint(err)
		}
	}
	database, err := cfg.openDatabaseToRead(ctx)
	if err != nil {
		return databaseHint(err)
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	recoveryKey, err := database.Setting.GetSecret(ctx, db.SettingRecoveryKey)
	if err != nil {
		return databaseHint(err)
	} else if recoveryKey == "" {
		return hint(errors.New("there is no recovery key in the database"), "the relay stores it when it has signed its device; run wazo-matrix-relay --check to see the state of the device")
	}
	fmt.Fprintln(stdout, recoveryKey)
	return nil
}
