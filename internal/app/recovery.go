package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// showRecoveryKey prints the recovery key of an identity that was just made: to people, not to the log.
func showRecoveryKey(w io.Writer, user id.UserID, recoveryKey string) {
	fmt.Fprintf(w, `
The recovery key of %s, which is shown only now:

    %s

Keep it where you keep passwords. The relay needs it (MATRIX_RECOVERY_KEY) if its database is lost.

`, user, strings.TrimSpace(recoveryKey))
}

// printRecoveryKey prints the recovery key that the database keeps. The relay may run at the same time.
func printRecoveryKey(ctx context.Context, cfg *config, stdout io.Writer) (err error) {
	if _, err = os.Stat(string(cfg.DatabasePath)); err != nil {
		return databaseHint(err)
	}
	secret, err := cfg.secret()
	if err != nil {
		return databaseHint(err)
	}
	database, err := db.OpenToRead(ctx, string(cfg.DatabasePath), secret, zerolog.Nop())
	if err != nil {
		return databaseHint(err)
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	recoveryKey, err := database.Setting.GetSecret(ctx, db.SettingRecoveryKey)
	if err != nil {
		return databaseHint(err)
	} else if recoveryKey == "" {
		return hint(errors.New("there is no recovery key in the database"), "the relay keeps it once it has signed its device; see --check")
	}
	fmt.Fprintln(stdout, recoveryKey)
	return nil
}
